"""Jobs that run in worker processes that are none."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

from fake_cluster import FakeClusters
from fakes import BROKERS, histogram_spec, worker_spec
from unit.fake_worker import FakeWorker, Workers

from histsvc.clock import Deadline
from histsvc.commands.context import Context
from histsvc.jobs.job import Job
from histsvc.model import WorkerSpec
from histsvc.protocol.heartbeat import Heartbeat, ServiceIdentity
from histsvc.settings import KafkaSettings, ServiceSettings

T = TypeVar("T")
IDENTITY = ServiceIdentity("histsvc", "me", "0", "1.0", 5)


def part(job: str, **ids: str) -> WorkerSpec:
    """What one worker has of a job: ids by index, named i0, i1, …"""
    made = worker_spec(*(histogram_spec("hist1d", int(key[1:]), id=name) for key, name in ids.items()))
    return WorkerSpec(job, made.histograms, made.starts, None, None)


class Running(Workers):
    """Jobs that run, each a list of what its workers have."""

    def __init__(self, *jobs: list[WorkerSpec]) -> None:
        super().__init__(3)
        self.tick()
        for specs in jobs:
            reserved = self.supervisor.reserve(len(specs))
            assert reserved is not None
            self.supervisor.begin(Job(specs[0].job, specs), reserved, specs)
            self.tick()
        clusters = FakeClusters()
        settings = ServiceSettings(KafkaSettings(BROKERS), "commands")
        self.context = Context(self.supervisor, clusters, clusters, self.clock, settings, self.heartbeat)

    def heartbeat(self) -> Heartbeat:
        return Heartbeat(0, 1000, IDENTITY, self.supervisor.infos(), ())

    @property
    def counting(self) -> list[FakeWorker]:
        return [self.fake(worker) for worker in self.supervisor.counting()]

    def deadline(self, seconds: float = 4.0) -> Deadline:
        return Deadline(self.clock, seconds)

    def run(self, steps: Generator[None, None, T], passing_s: float = 0.0) -> T:
        """Go to the end, time passing at every step."""
        for _ in range(1000):
            try:
                next(steps)
            except StopIteration as finished:
                value: T = finished.value
                return value
            self.clock.advance(passing_s)
            self.supervisor.tick(0)
        raise AssertionError("it never ends")

    @property
    def left(self) -> list[str]:
        return [info.id for info in self.supervisor.infos()]


def two_jobs() -> Running:
    return Running([part("A", i0="a", i2="c"), part("A", i1="b")], [part("B", i0="b", i1="")])
