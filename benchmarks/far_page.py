"""A page of the dashboard as the server sees it: takes every update, draws nothing, costs next to nothing.

The browser that would draw it is on another machine; on this one it would take a core. It speaks Bokeh's
protocol: messages of three JSON frames (header, metadata, content) and two more for each buffer.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from typing import Any

from bokeh.protocol import Protocol
from bokeh.util.token import generate_jwt_token, generate_session_id
from tornado.websocket import websocket_connect

_MOST_BYTES = 1 << 28
_TIMEOUT_S = 60.0


class FarPage:
    """Says of every update that it was drawn, and of every histogram that it can be seen."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self._protocol = Protocol()
        self._browser = ""
        self._cells: set[str] = set()
        self.arrived = 0

    async def open(self) -> None:
        """Ask for what there is."""
        assert (await self._message())[0] == "ACK"
        await self._send(self._protocol.create("PULL-DOC-REQ"))

    async def take(self) -> int:
        """Take a message; returns how many histograms there are."""
        _, content = await self._message()
        before = len(self._cells)
        sent = self._find(content)
        if len(self._cells) > before:
            await self._set("visible", json.dumps(sorted(self._cells)))
        if sent > self.arrived:
            self.arrived = sent
            await self._set("arrived", sent)
        return len(self._cells)

    def _find(self, content: Any) -> int:
        """Remember the models that matter; returns the number of the update, 0 where it is none."""
        sent = [0]
        for each in _objects(content):
            name = each.get("attributes", {}).get("name") or ""
            if name == "browser":
                self._browser = each["id"]
                sent.append(each["attributes"].get("sent", 0))
            elif name.startswith("cell "):
                self._cells.add(each["id"])
        changes = content.get("events", [])
        sent += [each["new"] for each in changes if each.get("attr") == "sent" and self._is_mine(each)]
        return int(max(sent))

    def _is_mine(self, change: Any) -> bool:
        return bool(change["model"]["id"] == self._browser)

    async def _set(self, attribute: str, value: Any) -> None:
        change = {"kind": "ModelChanged", "model": {"id": self._browser}, "attr": attribute, "new": value}
        header = self._protocol.create("PULL-DOC-REQ").header | {"msgtype": "PATCH-DOC"}
        for part in (header, {}, {"events": [change]}):
            await self._socket.write_message(json.dumps(part))

    async def _send(self, message: Any) -> None:
        for part in (message.header_json, message.metadata_json, message.content_json):
            await self._socket.write_message(part)

    async def _message(self) -> tuple[str, Any]:
        """The type and the content of the next one."""
        header = json.loads(await self._frame())
        await self._frame()
        content = json.loads(await self._frame())
        for _ in range(2 * header.get("num_buffers", 0)):
            await self._frame()
        return str(header["msgtype"]), content

    async def _frame(self) -> str | bytes:
        frame = await self._socket.read_message()
        if frame is None:
            raise ConnectionError("the dashboard has closed the connection")
        return frame  # type: ignore[no-any-return]


def _objects(node: Any) -> Iterator[dict[str, Any]]:
    """All models in a piece of JSON."""
    if isinstance(node, dict):
        if node.get("type") == "object":
            yield node
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from _objects(each)


async def _look(url: str, histograms: int) -> None:
    protocols = ["bokeh", generate_jwt_token(generate_session_id())]
    address = f"{url.replace('http', 'ws', 1)}ws"
    socket = await websocket_connect(address, subprotocols=protocols, max_message_size=_MOST_BYTES)
    page = FarPage(socket)
    await page.open()
    async with asyncio.timeout(_TIMEOUT_S):
        while await page.take() < histograms:
            pass
    print("open", flush=True)
    ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    while not ended.done():
        taking = asyncio.ensure_future(page.take())
        await asyncio.wait((taking, ended), return_when=asyncio.FIRST_COMPLETED)
        if not taking.done():
            taking.cancel()
    print(page.arrived, flush=True)


if __name__ == "__main__":
    asyncio.run(_look(sys.argv[1], int(sys.argv[2])))
