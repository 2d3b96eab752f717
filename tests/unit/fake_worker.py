"""Worker processes that are none: they answer, tell and die when a test says so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import cast

from fakes import FakeClock, histogram_spec, worker_spec

from histsvc.clock import Deadline
from histsvc.jobs.job import Job
from histsvc.jobs.supervisor import Supervisor
from histsvc.jobs.worker_process import WorkerLostError, WorkerProcess, WorkerState
from histsvc.model import WorkerSpec
from histsvc.protocol.heartbeat import WorkerLoad
from histsvc.protocol.info import HistogramInfo
from histsvc.worker.link import Done, Request, Stats


class FakeProcess:
    """What the supervisor looks at of a process."""

    sentinel = 0

    def __init__(self) -> None:
        self.exitcode: int | None = None


class FakeWorker:
    """Looks like a WorkerProcess; keeps what it was asked."""

    pipe = 0

    def __init__(self, number: int, clock: FakeClock) -> None:
        self.pid = number
        self.state = WorkerState.STARTING
        self.spec: WorkerSpec | None = None
        self.stats: list[Stats] = []
        self.silence = Deadline(clock, float("inf"))
        self.counters: Counter[str] = Counter()
        self.load: WorkerLoad | None = None
        self.ending: WorkerLostError | None = None
        self.process = FakeProcess()
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
        self.process.exitcode = 0

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
    ) -> None:
        self.stats.append(Stats(tuple(infos), tuple(delivered), counters or {}))

    def die(self, reason: str = "died") -> None:
        self.process.exitcode, self._reason = -9, reason


class Workers:
    """A supervisor and the workers that it has spawned."""

    def __init__(self, size: int, *, compiled: bool = False) -> None:
        self.clock = FakeClock()
        self.spawned: list[FakeWorker] = []
        self.supervisor = Supervisor(self._spawn, size, self.clock, lambda: compiled)

    def _spawn(self, number: int) -> WorkerProcess:
        self.spawned.append(FakeWorker(number, self.clock))
        return cast(WorkerProcess, self.spawned[-1])

    def tick(self, times: int = 3) -> None:
        """Tick, and let what was spawned get ready."""
        for _ in range(times):
            self.supervisor.tick(0)
            self.ready()

    def ready(self) -> None:
        for worker in self.spawned:
            if worker.state is WorkerState.STARTING and worker.process.exitcode is None:
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
