"""A service that may never be ready, and how it has to end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

from service_process import TIMEOUT_S

AWAY, BACK = "cannot be reached", "are back after"
# What the end of a service may take.
PROMPT_S = 5.0


class Started:
    """A service that may never be ready, and its log."""

    def __init__(self, *options: str) -> None:
        self.lines: list[str] = []
        self.ended = False
        self._more = threading.Condition()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "histsvc", "serve", *options],
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stderr or ():
            with self._more:
                self.lines.append(line.rstrip())
                self._more.notify_all()
        with self._more:
            self.ended = True
            self._more.notify_all()

    def with_text(self, text: str) -> list[str]:
        return [line for line in self.lines if text in line]

    def until(self, text: str, count: int = 1, timeout_s: float = 60.0) -> None:
        """Wait until `count` lines have this text."""
        with self._more:
            self._more.wait_for(lambda: self.ended or len(self.with_text(text)) >= count, timeout_s)
        found = len(self.with_text(text)) >= count
        assert found, f"{text!r} was not logged {count} times in {timeout_s} s: {self.lines}"

    def end(self, number: signal.Signals, group: bool = False) -> tuple[int, float]:
        """Send a signal; returns the exit code, and after how many seconds it came."""
        begun_s = time.monotonic()
        (os.killpg if group else os.kill)(self.process.pid, number)
        code = self.process.wait(TIMEOUT_S)
        self._reader.join(TIMEOUT_S)
        return code, time.monotonic() - begun_s

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(TIMEOUT_S)
        self._reader.join(TIMEOUT_S)
        if self.process.stderr is not None:
            self.process.stderr.close()


def check_end(service: Started, number: signal.Signals, group: bool = False) -> None:
    code, seconds = service.end(number, group)
    assert code == 0, (code, service.lines)
    assert seconds < PROMPT_S
    assert not service.with_text("Traceback")
    assert not service.with_text(" ERROR ")
