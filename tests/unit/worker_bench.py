"""A pipeline with everything around it, on a bench."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from fake_cluster import FakeClusters
from fakes import (
    BROKERS,
    NOW_MS,
    FakeClock,
    FakeOutbox,
    FakeReader,
    Row,
    event_message,
    histogram_spec,
    raw,
    worker_spec,
)

from histsvc.model import HistogramSpec, WorkerSpec
from histsvc.protocol.info import HistogramInfo, State
from histsvc.settings import WorkerSettings
from histsvc.worker.build import build
from histsvc.worker.pipeline import Pipeline
from histsvc.worker.resume import Found

EVENT = event_message("ev44", [5], [1])
STOP = NOW_MS + 10_000
INITIALISED, COUNTING, FINISHED, ERROR = State.INITIALISED, State.COUNTING, State.FINISHED, State.ERROR


class Worker:
    """A pipeline and everything around it."""

    def __init__(
        self,
        *histograms: HistogramSpec,
        starts: Mapping[tuple[str, int], int] | None = None,
        start_ms: int | None = None,
        stop_ms: int | None = None,
        spec: WorkerSpec | None = None,
        found: Found | None = None,
        on_data_loss: str = "error",
    ) -> None:
        """`spec` and `found` are for one that takes up what another has left."""
        self.settings = WorkerSettings(on_data_loss=on_data_loss)
        self.clock, self.reader, self.outbox = FakeClock(), FakeReader(), FakeOutbox()
        self.clusters = FakeClusters()
        self.cluster = self.clusters.of(BROKERS)
        self.spec = spec or worker_spec(
            *(histograms or (histogram_spec("hist1d"),)), starts=starts, start_ms=start_ms, stop_ms=stop_ms
        )
        for start in self.spec.starts:
            self.cluster.end_offsets[start.partition.topic, start.partition.number] = start.offset
        self.pipeline = self.built(self.spec, found or {})
        assert found is not None or self.reader.starts == self.spec.starts
        assert self.outbox.drafts == []
        self.pipeline.begin()

    def built(self, spec: WorkerSpec, found: Found) -> Pipeline:
        """A pipeline that is placed and has published nothing."""
        return build(
            spec,
            self.settings,
            self.reader,
            self.clusters,
            self.outbox,
            self.clock,
            found,
        )

    def read(
        self, *rows: Row, ends: dict[int, int] | None = None, failures: dict[int, str] | None = None
    ) -> None:
        self.reader.queue.append(raw(rows, ends, failures))
        self.step()

    def overtake(self, slot: int) -> None:
        """The reader is told that the next offset of a slot is out of range."""
        read = raw([], failures={slot: "out of range"})
        self.reader.queue.append(replace(read, overtaken=frozenset({slot})))
        self.step()

    def hinder(self, slot: int) -> None:
        """The reader is told that a slot may not be read for now."""
        read = raw([], failures={slot: f"slot {slot} may not be read"})
        self.reader.queue.append(replace(read, hindered=frozenset({slot})))
        self.step()

    def step(self, times: int = 1) -> None:
        for _ in range(times):
            self.pipeline.step(0.01)

    def at(self, ms: int) -> None:
        """Let the clock say `ms`."""
        self.clock.advance((ms * 1_000_000 - self.clock.now_ns()) / 1e9)

    def infos(self) -> list[HistogramInfo]:
        return self.pipeline.publisher.infos()

    @property
    def info(self) -> HistogramInfo:
        return self.infos()[0]


def event(slot: int, offset: int, time_ms: int = NOW_MS) -> Row:
    return slot, offset, time_ms, EVENT
