"""Pictures that fill the terminal, with the last lines of the log in them, and how to end."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from histsvc.view.text import clock_time, printable


class Notes(logging.Handler):
    """The log while the picture fills the terminal: its last lines, to be shown in it."""

    def __init__(self) -> None:
        super().__init__()
        self._last: deque[str] = deque(maxlen=2)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line; called by threads of all kinds."""
        when = clock_time(int(record.created * 1e9), int(record.created * 1e9))
        self._last.append(printable(f"{when} {self.format(record)}"))

    def lines(self) -> list[Text]:
        """What was logged last."""
        return [Text(line, "yellow") for line in list(self._last)]


def room(console: Console, notes: Notes) -> int:
    """How many lines are left for the picture; one at least."""
    return max(1, console.height - len(_below(notes)))


def filled(above: Sequence[Text], console: Console, notes: Notes) -> Text:
    """As many lines as the terminal has: these, then the log, and how to end."""
    below = _below(notes)
    rows = max(1, console.height - len(below))
    return joined([*above[:rows], *[Text()] * (rows - len(above)), *below])


def joined(lines: Sequence[Text]) -> Text:
    """Lines that are cut where the terminal ends, and not broken."""
    return Text("\n", no_wrap=True, overflow="ellipsis").join(lines)


def _below(notes: Notes) -> list[Text]:
    return [*notes.lines(), Text("Ctrl-C ends", "dim")]
