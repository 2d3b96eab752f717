"""A program in a terminal of its own, and what it writes there."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

TIMEOUT_S = 60.0


class InTerminal:
    """A running program; `written` is all that it wrote to its terminal until now."""

    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self.process = process
        self._master = master
        self._parts: list[str] = []
        self._more = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def written(self) -> str:
        return "".join(self._parts)

    def _read(self) -> None:
        # Reading fails when the other side is closed by the last process that has it.
        with contextlib.suppress(OSError):
            while part := os.read(self._master, 65536):
                with self._more:
                    self._parts.append(part.decode(errors="replace"))
                    self._more.notify_all()

    def until(self, *texts: str, after: int = 0) -> None:
        """Wait until all of these were written, behind so many characters; fails otherwise."""
        with self._more:
            there = self._more.wait_for(
                lambda: all(text in self.written[after:] for text in texts), timeout=TIMEOUT_S
            )
        assert there, self.written

    def ended(self) -> int:
        """The exit code, when all that was written is read."""
        code = self.process.wait(TIMEOUT_S)
        self._reader.join(TIMEOUT_S)
        return code


@contextmanager
def in_terminal(
    arguments: Sequence[str], columns: int = 80, rows: int = 24, environment: dict[str, str] | None = None
) -> Iterator[InTerminal]:
    """Run Python with these arguments in a terminal of this size; it is killed if it does not end itself."""
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (rows, columns))
    unset = ("COLUMNS", "LINES", "NO_COLOR")
    usual = {name: value for name, value in os.environ.items() if name not in unset}
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        env=usual | {"TERM": "xterm-256color", "COLORTERM": "truecolor"} | (environment or {}),
    )
    os.close(slave)
    made = InTerminal(process, master)
    try:
        yield made
    finally:
        if process.poll() is None:
            process.kill()
        made.ended()
        os.close(master)
