"""An absolute schedule: being late once makes nothing after it late."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from histsvc.clock import Clock
from histsvc.model import Pulse


class Pace:
    """Waits for moments after its start, until it is stopped.

    `wait` is given the seconds that are left; it may come back earlier, and says whether to stop.
    """

    def __init__(self, clock: Clock, wait: Callable[[float], bool]) -> None:
        self._clock = clock
        self._wait = wait
        self._start_s = clock.monotonic_s()

    def wait_until(self, offset_s: float) -> bool:
        """Wait for `offset_s` seconds after the start, not at all when late; says whether to go on."""
        while (left_s := self._start_s + offset_s - self._clock.monotonic_s()) > 0:
            if self._wait(left_s):
                return False
        return True

    def times_ns(self, numbers: Iterable[int], rate: float) -> Iterator[int]:
        """Yield the time (ns since the epoch) when each number is due: `rate` a second, 0 at once."""
        for number in numbers:
            if rate and not self.wait_until(number / rate):
                return
            yield self._clock.now_ns()

    def at_speed(self, pulses: Iterable[Pulse], speed: float) -> Iterator[Pulse]:
        """Yield each pulse when its own time has come, `speed` times as fast as they were; 0 at once."""
        first_ns: int | None = None
        for pulse in pulses:
            first_ns = pulse.reference_time_ns if first_ns is None else first_ns
            if speed and not self.wait_until((pulse.reference_time_ns - first_ns) / 1e9 / speed):
                return
            yield pulse
