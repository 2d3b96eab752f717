"""Keeps warm spare workers, watches all, and lets another one take up what one has left that died."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Sequence
from concurrent.futures import Future
from multiprocessing.connection import wait

from histsvc.clock import Clock, Deadline
from histsvc.jobs.job import Job
from histsvc.jobs.nursery import Nursery
from histsvc.jobs.orphans import Orphans, blamed
from histsvc.jobs.spares import START_S, SpareKeeper
from histsvc.jobs.worker_process import WorkerProcess, WorkerState
from histsvc.model import WorkerSpec
from histsvc.ports import Waitable
from histsvc.protocol.heartbeat import WorkerStatus
from histsvc.protocol.info import HistogramInfo
from histsvc.worker.link import Done, TakeOver

_log = logging.getLogger(__name__)
_HEARD = (WorkerState.STARTING, WorkerState.COUNTING, WorkerState.LEAVING)


class Supervisor:
    """Workers and jobs: those that count, and spare ones: `size` for a config, and one for an add before it.

    So a job is prepared in spare workers while the one that it replaces, or is added to, still counts. One
    that counts tells how it is once a second or more often; after `silence_s` it is taken for hanging.
    """

    def __init__(self, nursery: Nursery, size: int, clock: Clock, silence_s: float) -> None:
        self.size = size
        self.jobs: dict[str, Job] = {}
        self.restarts = 0
        self.nursery = nursery
        self.orphans = Orphans(clock)
        self._silence_s = silence_s
        self._short = False
        self._successors: list[Future[Done]] = []
        self._keeper = SpareKeeper(nursery.fork, size + 1, clock)
        self._clock = clock
        self._workers: list[WorkerProcess] = []
        self._retired: Counter[str] = Counter()

    def tick(self, timeout_s: float) -> None:
        """Hear what workers say, for no longer than `timeout_s`, and replace those that died."""
        wait(self.ends, timeout_s)
        self.nursery.receive()
        for worker in list(self._workers):
            worker.receive()
            if worker.gone:
                self._bury(worker)
            elif worker.stats:
                self._hear(worker)
            elif worker.state in _HEARD and worker.silence.expired():
                patience_s = START_S if worker.state is WorkerState.STARTING else self._silence_s
                self.discard(worker, f"did not answer for {patience_s:g} s and was ended")
        if self._keeper.keep(self._workers):
            self._short = False
        self._care_for_orphans()

    @property
    def replacing(self) -> bool:
        """Whether a worker has died, and what it did is not yet done by others."""
        self._successors = [answer for answer in self._successors if not answer.done()]
        return self._short or bool(self.orphans or self._successors)

    @property
    def ends(self) -> list[Waitable]:
        """What has to be heard when workers say something, or end."""
        return [*self.nursery.ends, *(worker.pipe for worker in self._workers if not worker.closed)]

    @property
    def ready(self) -> bool:
        """Whether enough workers are warm for any config."""
        return sum(worker.state is not WorkerState.STARTING for worker in self._workers) >= self.size

    def reserve(self, count: int) -> list[WorkerProcess] | None:
        """Take `count` spare workers, or none where there are not enough yet."""
        spares = self._spares()
        if len(spares) < count:
            return None
        for worker in spares[:count]:
            worker.state = WorkerState.RESERVED
        return spares[:count]

    def counting(self, job: str | None = None) -> list[WorkerProcess]:
        """The workers that count, those of one job or all."""
        return [
            worker
            for worker in self._workers
            if worker.state is WorkerState.COUNTING
            and worker.spec is not None
            and job in (None, worker.spec.job)
        ]

    def begin(self, job: Job, workers: Sequence[WorkerProcess], specs: Sequence[WorkerSpec]) -> None:
        """A job's workers count from now on; one may have died since it was prepared."""
        job.first_number = max((each.first_number + each.size for each in self.jobs.values()), default=0)
        self.jobs[job.id] = job
        for worker, spec in zip(workers, specs, strict=True):
            self._assign(worker, spec)
            if worker.ending is not None:
                self._adopt(worker, str(worker.ending))

    def resume(self, job: Job, specs: Sequence[WorkerSpec]) -> None:
        """A job goes on that another service has left: workers take it up as soon as there are some."""
        self.jobs[job.id] = job
        for spec in specs:
            self.orphans.put(spec)

    def parts(self, job: str) -> tuple[WorkerSpec, ...]:
        """What is done of a job, or waits for a worker."""
        counting = [worker.spec for worker in self.counting(job) if worker.spec is not None]
        return tuple(sorted([*counting, *self.orphans.parts(job)], key=_first_index))

    def _assign(self, worker: WorkerProcess, spec: WorkerSpec) -> None:
        worker.state, worker.spec = WorkerState.COUNTING, spec
        worker.silence = Deadline(self._clock, self._silence_s)
        worker.counting_s = self._clock.monotonic_s()

    def free(self, worker: WorkerProcess, indices: Collection[int] | None) -> None:
        """A worker has ended these histograms, or (None) all that it had."""
        if worker not in self._workers:
            return
        if indices is None:
            worker.state, worker.spec, worker.stats, worker.load = WorkerState.SPARE, None, [], None
            # Others are taken first: it still has to let go of what it has read.
            self._workers.remove(worker)
            self._workers.append(worker)
        elif worker.spec is not None:
            worker.spec = worker.spec.without(indices)

    def drop(self, job: str, indices: Collection[int]) -> None:
        """These histograms of a job were replaced or stopped; with the last of them the job is over."""
        self.jobs[job].drop(indices)
        if not self.jobs[job].infos:
            del self.jobs[job]
        self.orphans.drop(job, indices)

    def discard(self, worker: WorkerProcess, reason: str = "did not answer in time and was ended") -> None:
        """A worker does not answer: end it, so that what it did is seen as lost."""
        worker.kill(reason)

    def discard_reserved(self) -> None:
        """The command that has taken them will not give them back."""
        for worker in self._workers:
            if worker.state is WorkerState.RESERVED:
                self.discard(worker)

    def infos(self) -> tuple[HistogramInfo, ...]:
        """The histograms of all jobs."""
        return tuple(info for job in self.jobs.values() for info in job.infos)

    def numbered(self) -> list[tuple[int, HistogramInfo]]:
        """The histograms of all jobs, each with a number that it keeps."""
        return [(job.first_number + info.index, info) for job in self.jobs.values() for info in job.infos]

    def statuses(self) -> tuple[WorkerStatus, ...]:
        """All worker processes."""
        return tuple(WorkerStatus(w.pid, w.state, self.restarts, w.load) for w in self._workers)

    def totals(self) -> Counter[str]:
        """What all workers have counted, also those that are gone."""
        totals = self._retired.copy()
        for worker in self._workers:
            totals.update(worker.counters)
        return totals

    def stop(self, seconds: float) -> None:
        """End all workers: ask everyone first, then wait for everyone under one deadline."""
        deadline = Deadline(self._clock, seconds)
        for worker in self._workers:
            worker.leave()
        for worker in self._workers:
            worker.end(deadline)
        self._workers.clear()
        self.nursery.stop(deadline)

    def _spares(self) -> list[WorkerProcess]:
        return [worker for worker in self._workers if worker.state is WorkerState.SPARE]

    def _hear(self, worker: WorkerProcess) -> None:
        heard, worker.stats = worker.stats, []
        for stats in heard:
            worker.silence = Deadline(self._clock, self._silence_s)
            worker.counters, worker.load = Counter(stats.counters), stats.load
            job = self.jobs.get(stats.infos[0].job) if stats.infos else None
            if job is not None:
                job.heard(stats.infos, stats.marks, stats.delivered)

    def _bury(self, worker: WorkerProcess) -> None:
        self._workers.remove(worker)
        reason = str(worker.lost())
        if worker.state is WorkerState.LEAVING:
            self._retired.update(worker.counters)
            return
        _log.error("%s (it was %s)", reason, worker.state)
        self._hear(worker)
        self._retired.update(worker.counters)
        self.restarts += 1
        self._short = True
        if worker.state is WorkerState.STARTING:
            self._keeper.wait_longer()
        if worker.state is WorkerState.COUNTING:
            self._adopt(worker, reason)

    def _adopt(self, worker: WorkerProcess, reason: str) -> None:
        """What a dead worker has left waits for another one."""
        if worker.spec is not None and worker.spec.job in self.jobs:
            counted_s = self._clock.monotonic_s() - worker.counting_s
            spec = blamed(worker.spec, worker.trying)
            self.orphans.add(self.jobs[worker.spec.job], spec, counted_s, reason)

    def _care_for_orphans(self) -> None:
        """Let spare workers take up what those have left that died."""
        while self.orphans.due():
            reserved = self.reserve(1)
            if reserved is None:
                return
            (worker,), orphan = reserved, self.orphans.next()
            self._assign(worker, orphan)
            self._successors.append(worker.request(TakeOver(orphan)))


def _first_index(spec: WorkerSpec) -> int:
    return min((histogram.index for histogram in spec.histograms), default=0)
