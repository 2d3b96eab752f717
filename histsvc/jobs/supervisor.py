"""Keeps warm spare workers, watches all, and turns the death of one into the ERROR of its histograms."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Sequence
from concurrent.futures import Future
from functools import partial
from multiprocessing.connection import wait

from histsvc.clock import Clock, Deadline
from histsvc.jobs.job import Job
from histsvc.jobs.nursery import Nursery
from histsvc.jobs.spares import START_S, SpareKeeper
from histsvc.jobs.worker_process import WorkerProcess, WorkerState
from histsvc.model import WorkerSpec
from histsvc.ports import Waitable
from histsvc.protocol.heartbeat import WorkerStatus
from histsvc.protocol.info import HistogramInfo
from histsvc.worker.link import Done, Go, Prepare

_log = logging.getLogger(__name__)
_MOST_STAND_INS = 3
# A worker that counts tells how it is five times a second, one that is asked to leave does so; after so long
# it is taken for hanging.
_SILENCE_S = 10.0
_HEARD = (WorkerState.STARTING, WorkerState.COUNTING, WorkerState.LEAVING)


class Supervisor:
    """Workers and jobs: those that count, and spare ones: `size` for a config, and one for an add before it.

    So a job is prepared in spare workers while the one that it replaces, or is added to, still counts.
    """

    def __init__(self, nursery: Nursery, size: int, clock: Clock) -> None:
        self.size = size
        self.jobs: dict[str, Job] = {}
        self.restarts = 0
        self.replacing = False
        self.nursery = nursery
        self._keeper = SpareKeeper(nursery.fork, size + 1, clock)
        self._clock = clock
        self._workers: list[WorkerProcess] = []
        self._retired: Counter[str] = Counter()
        self._orphans: list[WorkerSpec] = []

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
                patience_s = START_S if worker.state is WorkerState.STARTING else _SILENCE_S
                self.discard(worker, f"did not answer for {patience_s:g} s and was ended")
        if self._keeper.keep(self._workers):
            self.replacing = False
        self._care_for_orphans()

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

    def _assign(self, worker: WorkerProcess, spec: WorkerSpec) -> None:
        worker.state, worker.spec = WorkerState.COUNTING, spec
        worker.silence = Deadline(self._clock, _SILENCE_S)

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
        self._orphans = [spec.without(indices) if spec.job == job else spec for spec in self._orphans]
        self._orphans = [spec for spec in self._orphans if spec.histograms]

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
            worker.silence = Deadline(self._clock, _SILENCE_S)
            worker.counters, worker.load = Counter(stats.counters), stats.load
            job = self.jobs.get(stats.infos[0].job) if stats.infos else None
            if job is not None:
                job.heard(stats.infos, stats.delivered)

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
        self.replacing = True
        if worker.state is WorkerState.STARTING:
            self._keeper.wait_longer()
        if worker.state is WorkerState.COUNTING:
            self._adopt(worker, reason)

    def _adopt(self, worker: WorkerProcess, reason: str) -> None:
        """What a dead worker counted is in ERROR, and to be published so by another."""
        if worker.spec is None or worker.spec.job not in self.jobs:
            return
        job = self.jobs[worker.spec.job]
        orphan = job.lost(worker.spec, reason)
        # Whatever ends one stand-in after the other would end the next one, too.
        if orphan.histograms and worker.spec.stands_in < _MOST_STAND_INS:
            self._orphans.append(orphan)

    def _care_for_orphans(self) -> None:
        """Let a spare worker publish, as ERROR, the histograms whose worker died."""
        while self._orphans:
            reserved = self.reserve(1)
            if reserved is None:
                return
            orphan = self._orphans.pop(0)
            worker = reserved[0]
            self._assign(worker, orphan)
            prepared = worker.request(Prepare(orphan))
            prepared.add_done_callback(partial(_go, worker))


def _go(worker: WorkerProcess, prepared: Future[Done]) -> None:
    if prepared.exception() is None:
        worker.request(Go())
