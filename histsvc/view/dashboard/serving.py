"""Puts the dashboard together: one feed, one way to send commands, a session for each browser."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bokeh.core.validation import silence
from bokeh.core.validation.warnings import EMPTY_LAYOUT
from bokeh.document import Document

from histsvc.client import Client
from histsvc.clock import Clock
from histsvc.view.dashboard.download import PATH, Download
from histsvc.view.dashboard.feed import Feed
from histsvc.view.dashboard.server import PageServer, is_loopback
from histsvc.view.dashboard.session import Session
from histsvc.view.dashboard.steering import Steering

# A panel may be empty until there is something to show.
silence(EMPTY_LAYOUT)


class Dashboard:
    """A page that shows what heartbeats tell of; `connect` makes a client. `place` is address and port.

    `may`: pages may send commands. Raises SettingsError where the port cannot be had.
    """

    def __init__(
        self,
        connect: Callable[[], Client],
        clock: Clock,
        place: tuple[str, int],
        *,
        token: str | None = None,
        origins: Sequence[str] = (),
        may: bool = False,
    ) -> None:
        self._feed = Feed(connect, clock)
        self._steering = Steering(connect(), clock, may=may)
        self._clock = clock
        self.is_open = token is None and not is_loopback(place[0])
        files = f"/{PATH}", Download, {"seen": lambda: self._feed.seen}
        self._server = PageServer(self._open, *place, token, origins, [files])
        self.url = self._server.url

    def run(self, stopped: Callable[[], bool]) -> None:
        """Serve until `stopped`."""
        self._feed.start()
        try:
            self._server.run(stopped)
        finally:
            self._feed.close()
            self._steering.close()

    def _open(self, document: Document) -> None:
        Session(document, self._feed, self._steering, self._clock)
