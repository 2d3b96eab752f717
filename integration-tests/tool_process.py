"""The tools that print, as users run them: to the end, into a pipe, or in a terminal."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from service_process import TIMEOUT_S

WATCH, TOP = ("-m", "histsvc", "watch"), ("-m", "histsvc", "top")
SAVE, VIEW_TERMINAL = ("-m", "histsvc", "save"), ("-m", "histsvc", "view", "--terminal")
WATCH_SCRIPT = (str(Path(__file__).parents[1] / "bin" / "view_output_messages.py"),)
_PYTHON = (sys.executable, "-W", "error")
# What begins a picture in the upper left corner; and what colours, moves the cursor and switches screens. The
# last of these may have come in part.
_HOME, _ESCAPES = "\x1b[H", re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\x1b(\[[0-9;?]*)?\Z")


def environment(**more: str) -> dict[str, str]:
    """No settings but these."""
    other = ("HISTSVC_", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR")
    return {name: value for name, value in os.environ.items() if not name.startswith(other)} | more


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*_PYTHON, *command],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment(),
    )


def refused(code: int, *command: str) -> str:
    """The one line with which it ends."""
    done = run(*command)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1), done.stderr
    return done.stderr


def printed(*command: str) -> str:
    """What it prints when all goes well."""
    done = run(*command)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


@contextmanager
def piped(*command: str, limit_s: float = TIMEOUT_S) -> Iterator[subprocess.Popen[str]]:
    """A process whose output goes into pipes; killed after a while."""
    started = subprocess.Popen(
        [*_PYTHON, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    with _limited(started, limit_s):
        yield started


def children(of: int) -> dict[str, int]:
    """The processes that the demo has started, by the tool that each is."""
    pids = Path(f"/proc/{of}/task/{of}/children").read_text().split()
    lines = [Path(f"/proc/{pid}/cmdline").read_text().split("\0") for pid in pids]
    # python -c CODE TOOL ...
    return {line[3]: int(pid) for pid, line in zip(pids, lines, strict=True)}


def plain(written: str) -> str:
    """What was written to a terminal, without what it acts on; each picture begins on a line of its own."""
    return _ESCAPES.sub("", written.replace(_HOME, "\n"))


class Terminal:
    """A process in a terminal of its own; `shown` is all that was written there."""

    def __init__(self, process: subprocess.Popen[str], side: int) -> None:
        self.process = process
        self.shown = ""
        self._side = side
        # A read may end in the middle of a character.
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._modes = termios.tcgetattr(side)

    @property
    def as_before(self) -> bool:
        """Whether the terminal does with what is typed as it did before."""
        return termios.tcgetattr(self._side) == self._modes

    def until(self, fact: Callable[[str], object]) -> str:
        """Wait until something is true of what is written from now on; returns that, see plain."""
        begin = len(self.shown)
        while not fact(text := plain(self.shown[begin:])):
            assert self._read(), f"it ended after {self.shown[-2000:]!r}"
        return text

    def end(self, number: signal.Signals) -> int:
        """Send a signal, and wait for the end; returns the exit code."""
        self.process.send_signal(number)
        while self._read():
            pass
        return self.process.wait(TIMEOUT_S)

    def _read(self) -> bool:
        try:
            read = os.read(self._side, 1 << 16)
        except OSError:  # what Linux says when nobody has the other side any more
            return False
        self.shown += self._decoder.decode(read)
        return bool(read)


@contextmanager
def terminal(*command: str, columns: int, rows: int, limit_s: float = TIMEOUT_S) -> Iterator[Terminal]:
    """A process in a terminal of this size; stderr goes there, too. Killed after a while, as above."""
    ours, theirs = pty.openpty()
    try:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        started = subprocess.Popen(
            [*_PYTHON, *command],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            text=True,
            start_new_session=True,
            env=environment(TERM="xterm-256color"),
        )
        os.close(theirs)
        with _limited(started, limit_s):
            yield Terminal(started, ours)
    finally:
        os.close(ours)


@contextmanager
def _limited(process: subprocess.Popen[str], limit_s: float = TIMEOUT_S) -> Iterator[None]:
    """Kill it in the end, or after a while, so that who waits for what it prints ends."""
    limit = threading.Timer(limit_s, process.kill)
    limit.start()
    try:
        with process:
            try:
                yield
            finally:
                process.kill()
    finally:
        limit.cancel()
