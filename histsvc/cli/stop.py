"""How tools that run until somebody stops them are stopped."""

from __future__ import annotations

import contextlib
import queue
import signal
from collections.abc import Iterator


class Stop:
    """Whether to stop; set by SIGINT and SIGTERM within `signals`, at once even in the middle of a wait.

    With `second_at_once` a second signal ends what `signals` spans, whatever it is doing.
    """

    def __init__(self, *, second_at_once: bool = False) -> None:
        self._second_at_once = second_at_once
        self._requested = False
        self._hurried = False
        self._at_once = False
        # Its put() may interrupt its own put() or get(); threading.Event.set() would deadlock there.
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()

    def request(self, *_: object) -> None:
        """Ask to stop; may be called from a signal handler."""
        self._hurried = self._second_at_once and self._requested
        self._requested = True
        self._wake.put(None)
        if self._at_once or self._hurried:
            raise KeyboardInterrupt

    def requested(self) -> bool:
        """Whether somebody asked to stop."""
        return self._requested

    def hurried(self) -> bool:
        """Whether somebody asked twice, and was to be heard at once."""
        return self._hurried

    def wait(self, seconds: float) -> bool:
        """Wait until somebody asks to stop, `seconds` at most; says whether somebody did."""
        if not self._requested:
            with contextlib.suppress(queue.Empty):
                self._wake.get(timeout=seconds)
        return self._requested

    @contextlib.contextmanager
    def at_once(self) -> Iterator[None]:
        """Let a signal end what `signals` spans, in the middle of a long wait that leaves nothing undone."""
        self._at_once = True
        try:
            if self._requested:
                raise KeyboardInterrupt
            yield
        finally:
            self._at_once = False

    @contextlib.contextmanager
    def signals(self) -> Iterator[None]:
        """Let SIGINT and SIGTERM ask to stop; only in the main thread."""
        before = {number: signal.signal(number, self.request) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            with contextlib.suppress(KeyboardInterrupt):
                yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
