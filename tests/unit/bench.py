"""One histogram that is published, on a bench: time passes when it is told to."""

from __future__ import annotations

from typing import Any

import numpy as np
from fakes import (
    NOW_MS,
    FakeClock,
    FakeOutbox,
    config_of,
    decoder_of,
    event_message,
    filling_of,
    histogram_spec,
    payloads,
    worker_spec,
)

from histsvc.protocol.info import HistogramInfo, State
from histsvc.window import Verdict
from histsvc.worker.publication import Position, Publication
from histsvc.worker.publish import Publisher

PULSE_NS = 1_700_000_000_000_000_000
INITIALISED, COUNTING, FINISHED, ERROR = State.INITIALISED, State.COUNTING, State.FINISHED, State.ERROR


class Bench:
    """One histogram that is published."""

    def __init__(self, kind: str = "hist1d", interval_ms: int = 500, **changes: Any) -> None:
        self.clock, self.outbox = FakeClock(), FakeOutbox()
        self.filling = filling_of(config_of(kind, **changes))
        spec = worker_spec(histogram_spec(kind), start_ms=5, stop_ms=9)
        self.publication = Publication(self.filling, spec, interval_ms, self.clock)
        self.position = Position({"events": {0: 7}}, {"events": [1]}, 3, NOW_MS - 250)
        self.publisher = Publisher([self.publication], self.outbox, lambda filling: self.position, self.clock)
        self.publisher.publish_now([self.publication], INITIALISED)

    def count(self, events: int = 1, pulse_ns: int = PULSE_NS, tof: int = 5) -> None:
        self.take(event_message("ev44", [tof] * events, [1] * events, time_ns=pulse_ns))

    def take(self, payload: bytes) -> None:
        batch = decoder_of().events(payloads([payload]))
        self.filling.take(batch, np.array([Verdict.COUNTS], np.uint8))

    def go(self, seconds: float, step_s: float = 0.1) -> list[HistogramInfo]:
        """Let time pass in steps; returns what was published meanwhile."""
        before = len(self.outbox.drafts)
        for _ in range(round(seconds / step_s)):
            self.clock.advance(step_s)
            self.publisher.step()
        return [draft.info for draft in self.outbox.drafts[before:]]

    @property
    def last(self) -> HistogramInfo:
        return self.outbox.drafts[-1].info
