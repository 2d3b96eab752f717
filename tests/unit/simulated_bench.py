"""A pipeline in the simulation mode, on a bench: time passes when somebody waits or says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from fakes import BROKERS, NOW_MS, FakeClock, FakeOutbox, histogram_spec, worker_spec

from histsvc.model import HistogramSpec, Partition, RawMessages, Start
from histsvc.protocol.info import HistogramInfo
from histsvc.settings import WorkerSettings
from histsvc.sources.simulated import SimulatedReader
from histsvc.sources.simulated_cluster import SimulatedClusters
from histsvc.sources.simulated_log import Wanted, wanted
from histsvc.wire import INPUT_SERIALISERS
from histsvc.worker.build import build

ALL = ("ev44", "ev42", "da00")
EVENTS = ("ev44", "ev42")
NOW = NOW_MS // 20 + 1
"""The end offset when the clock has not moved yet."""


def spec_of(kind: str, schemas: Sequence[str] = EVENTS, index: int = 0, **changes: Any) -> HistogramSpec:
    return replace(histogram_spec(kind, index, **changes), input_schemas=tuple(schemas))


def wish(kind: str, schemas: Sequence[str] = EVENTS, **changes: Any) -> Wanted:
    (made,) = wanted(worker_spec(spec_of(kind, schemas, **changes)))
    return made


def start(offset: int, topic: str = "events") -> Start:
    return Start(Partition(BROKERS, topic, 0), offset)


class ReaderBench:
    """A SimulatedReader whose waits move the clock."""

    def __init__(self, *histograms: Wanted, now_ms: int = NOW_MS) -> None:
        self.clock = FakeClock(now_ms)
        self.waits: list[float] = []
        self.reader = SimulatedReader(
            histograms or (wish("hist1d"),), INPUT_SERIALISERS, self.clock, self._wait
        )

    def _wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.clock.advance(seconds)

    def read_all(self, slots: int = 1) -> list[RawMessages]:
        """Read until all slots are at their ends."""
        reads: list[RawMessages] = []
        while not reads or len(reads[-1].ends) < slots:
            reads.append(self.reader.read(0))
            assert len(reads) < 1000
        return reads


class Simulated:
    """A worker that counts what is made up for it, without waiting."""

    def __init__(
        self,
        *histograms: HistogramSpec,
        starts: Mapping[tuple[str, int], int],
        start_ms: int | None = None,
        stop_ms: int | None = None,
    ) -> None:
        self.clock, self.outbox = FakeClock(), FakeOutbox()
        spec = worker_spec(*histograms, starts=starts, start_ms=start_ms, stop_ms=stop_ms)
        self.pipeline = build(
            spec,
            WorkerSettings(),
            SimulatedReader(wanted(spec), INPUT_SERIALISERS, self.clock, self.clock.advance),
            SimulatedClusters(self.clock),
            self.outbox,
            self.clock,
            {},
        )
        self.pipeline.begin()

    def step(self, times: int) -> None:
        for _ in range(times):
            self.pipeline.step(0)

    def infos(self) -> list[HistogramInfo]:
        return self.pipeline.publisher.infos()


def counted(*histograms: HistogramSpec, messages: int = 12) -> list[HistogramInfo]:
    """What histograms on one topic make of the newest messages."""
    worker = Simulated(*histograms, starts={("events", 0): NOW - messages})
    worker.step(3)
    return worker.infos()
