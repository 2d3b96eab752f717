"""Worker processes that are none: they answer, tell and die when a test says so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import cast

from fakes import FakeClock, histogram_spec, worker_spec

from histsvc.clock import Deadline
from histsvc.jobs.job import Job
from histsvc.jobs.nursery import Nursery
from histsvc.jobs.supervisor import Supervisor
from histsvc.jobs.worker_process import WorkerLostError, WorkerProcess, WorkerState
from histsvc.model import Extent, Mark, WorkerSpec
from histsvc.protocol.heartbeat import WorkerLoad
from histsvc.protocol.info import HistogramInfo
from histsvc.worker.link import Done, Request, Stats


class FakeWorker:
    """Looks like a WorkerProcess; keeps what it was asked."""

    pipe = 0
    closed = False

    def __init__(self, number: int, clock: FakeClock) -> None:
        self.pid = number
        self.state = WorkerState.STARTING
        self.spec: WorkerSpec | None = None
        self.stats: list[Stats] = []
        self.silence = Deadline(clock, float("inf"))
        self.counters: Counter[str] = Counter()
        self.counting_s = 0.0
        self.trying: tuple[Extent, ...] = ()
        self.load: WorkerLoad | None = None
        self.ending: WorkerLostError | None = None
        self.gone = False
        self.requests: list[Request] = []
        self.told_to_leave = False
        self._answer: Future[Done] | None = None
        self._reason = "died"

    @property
    def busy(self) -> bool:
        return self._answer is not None and not self._answer.done()

    def request(self, request: Request) -> Future[Done]:
        assert not self.busy
        self.requests.append(request)
        answer: Future[Done] = Future()
        self._answer = answer
        if self.ending is not None:
            answer.set_exception(self.ending)
        return answer

    def receive(self) -> None:
        """What it tells is put into `stats`."""

    def lost(self) -> WorkerLostError:
        self.ending = WorkerLostError(f"worker process {self.pid} {self._reason}")
        if self._answer is not None and self.busy:
            self._answer.set_exception(self.ending)
        return self.ending

    def kill(self, reason: str) -> None:
        self.die(reason)

    def leave(self) -> None:
        self.told_to_leave = True

    def end(self, deadline: Deadline) -> None:
        self.gone = True

    def ready(self) -> None:
        self.state = WorkerState.SPARE

    def done(self, *undelivered: str) -> None:
        """Answer the request."""
        assert self._answer is not None
        self._answer.set_result(Done(undelivered))

    def tell(
        self,
        infos: Iterable[HistogramInfo],
        delivered: Sequence[int] = (),
        counters: Mapping[str, int] | None = None,
        mark: Mark | None = None,
    ) -> None:
        """Tell how histograms are; the same `mark` for all."""
        told = tuple(infos)
        self.stats.append(Stats(told, (mark or Mark(),) * len(told), tuple(delivered), counters or {}))

    def die(self, reason: str = "died") -> None:
        self.gone, self._reason = True, reason


class FakeNursery:
    """Looks like a Nursery; keeps what it has forked."""

    ends: tuple[()] = ()

    def __init__(self, clock: FakeClock) -> None:
        self.forked: list[FakeWorker] = []
        # Why none is forked any more.
        self.refusal: OSError | None = None
        self._clock = clock

    def fork(self, number: int) -> WorkerProcess:
        if self.refusal is not None:
            raise self.refusal
        self.forked.append(FakeWorker(number, self._clock))
        return cast(WorkerProcess, self.forked[-1])

    def receive(self) -> None:
        """Workers say themselves that they have died."""


class Workers:
    """A supervisor and the workers that were forked for it."""

    def __init__(self, size: int) -> None:
        self.clock = FakeClock()
        self.nursery = FakeNursery(self.clock)
        self.supervisor = Supervisor(cast(Nursery, self.nursery), size, self.clock, 10.0)

    @property
    def forked(self) -> list[FakeWorker]:
        """All of them, also those that are gone."""
        return self.nursery.forked

    def tick(self, times: int = 3) -> None:
        """Tick, and let what was forked get ready."""
        for _ in range(times):
            self.supervisor.tick(0)
            self.ready()

    def ready(self) -> None:
        for worker in self.forked:
            if worker.state is WorkerState.STARTING and not worker.gone:
                worker.ready()

    def fake(self, worker: WorkerProcess) -> FakeWorker:
        """The same as what it is."""
        return cast(FakeWorker, worker)

    def states(self) -> list[str]:
        return [status.state for status in self.supervisor.statuses()]


def spec_of(job: str, *indices: int) -> WorkerSpec:
    histograms = [histogram_spec("hist1d", index, id=f"{job}{index}") for index in indices]
    made = worker_spec(*histograms)
    return WorkerSpec(job, made.histograms, made.starts, None, None)


def begin(workers: Workers, *specs: WorkerSpec) -> list[FakeWorker]:
    """A job whose parts these are counts from now on."""
    reserved = workers.supervisor.reserve(len(specs))
    assert reserved is not None
    workers.supervisor.begin(Job(specs[0].job, specs), reserved, specs)
    return [workers.fake(worker) for worker in reserved]
