"""Time: the wall clock of the protocol (ms and ns since the Unix epoch) and monotonic deadlines."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """What time it is; tests bring their own."""

    def now_ns(self) -> int:
        """Nanoseconds since the Unix epoch, UTC."""
        ...

    def monotonic_s(self) -> float:
        """Seconds that never go back, from an arbitrary zero."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_ns(self) -> int:
        """Nanoseconds since the Unix epoch, UTC."""
        return time.time_ns()

    def monotonic_s(self) -> float:
        """Seconds that never go back, from an arbitrary zero."""
        return time.monotonic()


def now_ms(clock: Clock) -> int:
    """Milliseconds since the Unix epoch, UTC."""
    return clock.now_ns() // 1_000_000


class Deadline:
    """One monotonic point in time that every step of an undertaking shares."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._end_s = clock.monotonic_s() + seconds

    def remaining_s(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self._end_s - self._clock.monotonic_s())

    def expired(self) -> bool:
        """Whether nothing is left."""
        return self.remaining_s() <= 0.0


class Every:
    """Says when something that happens every `seconds` is due again; the first time at once."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._next_s = clock.monotonic_s()

    def due(self) -> bool:
        """Whether it is due now; if so, the next time is one period later, or from now where that is over."""
        now_s = self._clock.monotonic_s()
        if now_s < self._next_s:
            return False
        late = now_s - self._next_s >= self._seconds
        self._next_s = self._seconds + (now_s if late else self._next_s)
        return True

    def remaining_s(self) -> float:
        """Seconds until it is due, never negative."""
        return max(0.0, self._next_s - self._clock.monotonic_s())
