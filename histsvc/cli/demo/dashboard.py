"""The dashboard of the demo: where it is, how many look at it, and what became of it."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from histsvc.cli.demo import child
from histsvc.cli.demo.show import Page

_ADDRESS, _PORT = "127.0.0.1", 8888
_PAGES = re.compile(r"INFO pages open: (\d+)")
_OWN_NAME = "histsvc dashboard: "


class Dashboard:
    """Runs ``histsvc dashboard``; `page` says how it is. Where it cannot run the demo does without."""

    def __init__(self, say: Callable[[str], None]) -> None:
        """What is worth knowing is said, from another thread."""
        self.page = Page()
        self._say = say
        self._last = ""
        self._is_over = False

    @contextmanager
    def running(self, arguments: Sequence[str]) -> Iterator[None]:
        """Let it run until the ``with`` statement ends; it is not waited for."""
        given = [*arguments, "--allow-commands", "--port", str(free_port(_PORT)), "--log-level", "info"]
        with child.running(["dashboard", *given], self.hear, self.ended):
            try:
                yield
            finally:
                self._is_over = True

    def hear(self, line: str) -> None:
        """Take in a line that it has written: its address, how many pages are open, or what is wrong."""
        if pages := _PAGES.fullmatch(line):
            self.page.open = int(pages[1])
        elif line.startswith("http://"):
            self.page.url = line
        elif line.startswith("INFO "):
            return  # what the web server does
        self._last = line.removeprefix(_OWN_NAME)
        if self.page.url:  # before that it can only be why there is none, which is told at its end
            self._say(f"dashboard: {line.removeprefix('INFO ')}")

    def ended(self, code: int) -> None:
        """It has ended with this exit code; unless the demo has, that is told."""
        if self._is_over:
            return
        self.page.open = 0
        self.page.trouble = f"it ended with exit code {code}" if self.page.url else self._last
        self._say(f"dashboard: {self.page.trouble}; the demo goes on without")


def free_port(wanted: int) -> int:
    """The port that is wanted, or 0, any free one, where somebody else has it."""
    with socket.socket() as probe:
        # As the server does: what was let go of a moment ago is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_ADDRESS, wanted))
        except OSError:
            return 0
    return wanted
