"""The web server of the dashboard on a port of this machine, in a thread, with a page that is empty."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import requests
from bokeh.document import Document
from unit.dashboards import TIMEOUT_S

from histsvc.view.dashboard.server import PageServer

More = Sequence[tuple[str, type, Mapping[str, Any]]]


class Served:
    """A server that runs; `pages` are those that it has opened."""

    def __init__(self, address: str, token: str | None, origins: Sequence[str], more: More) -> None:
        self.pages: list[Document] = []
        self.url = ""
        self._given = address, 0, token, origins, more
        self._ready, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="server")

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(TIMEOUT_S)
        assert self.url

    def close(self) -> None:
        self._ended.set()
        self._thread.join(TIMEOUT_S)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            server = PageServer(self.pages.append, *self._given)
            self.url = server.url
            self._ready.set()
            server.run(self._ended.is_set)
        finally:
            self._ready.set()
            loop.close()

    def get(self, path: str = "", **keys: object) -> requests.Response:
        """Ask for something, without going where the answer sends to."""
        return requests.get(self.url + path, allow_redirects=False, timeout=TIMEOUT_S, **keys)  # type: ignore[arg-type]

    def page_token(self, cookie: str = "") -> str:
        """What a page needs to open its web socket."""
        page = requests.get(self.url, headers={"Cookie": cookie}, timeout=TIMEOUT_S).text
        found = re.search(r'"token":"([^"]+)"', page)
        assert found is not None
        return found[1]

    def talks(self, origin: str, page_token: str, cookie: str = "") -> bool:
        """Whether the server says anything on the web socket that a page of `origin` opens."""
        host, _, port = self.url.removeprefix("http://").rstrip("/").rpartition(":")
        lines = ["GET /ws HTTP/1.1", f"Host: {host}:{port}", "Upgrade: websocket", "Connection: Upgrade"]
        lines += ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="]
        lines += [f"Origin: {origin}", f"Cookie: {cookie}"]
        lines.append(f"Sec-WebSocket-Protocol: bokeh, {page_token}")
        with socket.create_connection((host, int(port)), TIMEOUT_S) as connection:
            connection.sendall("\r\n".join([*lines, "", ""]).encode())
            said = b""
            while b"ACK" not in said:
                more = connection.recv(4096)
                said += more
                if not more or not said.startswith(b"HTTP/1.1 101"):
                    return False
            return True


@contextmanager
def served(
    address: str = "127.0.0.1", token: str | None = None, origins: Sequence[str] = (), more: More = ()
) -> Iterator[Served]:
    """Let a server run."""
    made = Served(address, token, origins, more)
    made.start()
    try:
        yield made
    finally:
        made.close()
