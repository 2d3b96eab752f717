"""What a histogram has gained since it was published last (`diff` and `rate` of protocol.md, section 4)."""

from __future__ import annotations

from histsvc.clock import Clock
from histsvc.worker.fill import Filling

# Without a message for this long the rate is 0.
_RATE_HOLD_S = 10.0


class Growth:
    """`diff` in counts, `rate` in counts per second of pulse time; as they were where nothing was added."""

    def __init__(self, filling: Filling, clock: Clock) -> None:
        self.diff = 0
        self.rate = 0.0
        self._filling = filling
        self._clock = clock
        self._sum = 0
        self._pulse_ns = 0
        self._grown_s = float("-inf")

    def resume(self, diff: int, rate: float) -> None:
        """Go on from what the histogram has now, with what was published of it."""
        self.diff, self.rate, self._grown_s = diff, rate, self._clock.monotonic_s()
        self._sum, self._pulse_ns = self._filling.accumulator.sum, self._filling.last_pulse_ns

    def zeroed(self) -> None:
        """A reset: what is added is counted from zero again."""
        self.diff, self.rate, self._sum, self._pulse_ns = 0, 0.0, 0, 0

    def update(self) -> None:
        """Bring both up to what was added since the last time."""
        filling, now_s = self._filling, self._clock.monotonic_s()
        added = filling.accumulator.sum - self._sum
        if added:
            span_ns = filling.last_pulse_ns - (self._pulse_ns or filling.first_pulse_ns)
            self.diff = added
            self.rate = added / (span_ns / 1e9) if span_ns > 0 else self.rate
            self._sum, self._pulse_ns, self._grown_s = filling.accumulator.sum, filling.last_pulse_ns, now_s
        elif now_s - self._grown_s > _RATE_HOLD_S:
            self.rate = 0.0
