"""How a worker spends its time, and how much it gets through."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

from histsvc.clock import Clock
from histsvc.protocol.heartbeat import WorkerLoad

# Long enough that one large publication does not look like all that a worker does.
_WINDOW_S = 2.0


class Phase(StrEnum):
    """What the reading thread of a worker does with its time."""

    WAIT = "wait"
    READ = "read"
    DECODE = "decode"
    FILL = "fill"
    PUBLISH = "publish"


class Stopwatch:
    """Adds up the time of a thread, all of it, by what it was spent on."""

    def __init__(self, clock: Clock) -> None:
        self.seconds = dict.fromkeys(Phase, 0.0)
        self._clock = clock
        self._since_s = clock.monotonic_s()

    def lap(self, phase: Phase) -> None:
        """What has passed since the last call was spent on this."""
        now_s = self._clock.monotonic_s()
        self.seconds[phase] += now_s - self._since_s
        self._since_s = now_s


class Work(Protocol):
    """What is measured; everything in it only grows, but for the lag."""

    @property
    def stopwatch(self) -> Stopwatch:
        """Where the time of the reading thread went."""
        ...

    @property
    def counters(self) -> Mapping[str, int]:
        """Among others ``events`` and ``bytes``."""
        ...

    @property
    def lag(self) -> int:
        """Messages that are still to be read."""
        ...


class LoadMeter:
    """Turns what has grown within the last seconds into shares and rates."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._work: Work | None = None
        self._begin: tuple[float, dict[str, float]] = (0.0, {})
        self._load: WorkerLoad | None = None

    def load(self, work: Work, publishing_s: float) -> WorkerLoad | None:
        """The load of the last window, None within the first; `publishing_s` was spent beside it.

        With other work than the last time a new window begins.
        """
        now_s, grown = self._clock.monotonic_s(), _grown(work, publishing_s)
        if work is not self._work:
            self._work, self._begin, self._load = work, (now_s, grown), None
        since_s, begin = self._begin
        span_s = now_s - since_s
        if span_s >= _WINDOW_S:
            rate = {name: (grown[name] - begin[name]) / span_s for name in grown}
            shares = {str(phase): round(rate[phase], 4) for phase in Phase}
            events_per_s, bytes_per_s = round(rate["events"], 1), round(rate["bytes"], 1)
            self._load = WorkerLoad(
                **shares, events_per_s=events_per_s, bytes_per_s=bytes_per_s, lag=work.lag
            )
            self._begin = now_s, grown
        return self._load


def _grown(work: Work, publishing_s: float) -> dict[str, float]:
    grown: dict[str, float] = {phase: work.stopwatch.seconds[phase] for phase in Phase}
    grown[Phase.PUBLISH] += publishing_s
    return grown | {name: work.counters.get(name, 0) for name in ("events", "bytes")}
