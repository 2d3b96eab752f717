"""What changes in one go goes to a page as one message, not as some 100."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from bokeh.server.connection import ServerConnection
from bokeh.server.tornado import BokehTornado


class Connection(ServerConnection):
    """Sends all changes that were made in one go as one message: Bokeh makes one of each."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._changes: list[Any] = []

    def send_patch_document(self, event: Any) -> Awaitable[None]:
        """Send it with what else has changed; waited for when all of that is known."""
        self._changes.append(event)
        return self._send_changes()

    async def _send_changes(self) -> None:
        changes, self._changes = self._changes, []
        if changes:
            await self._socket.send_message(self.protocol.create("PATCH-DOC", changes))


class Pages(BokehTornado):
    """Bokeh's application with these connections."""

    def new_connection(self, *given: Any) -> ServerConnection:
        """Connect a page."""
        made = Connection(*given)
        self._clients.add(made)
        return made
