"""What workers have left that died: it waits for others, longer and longer where they die as well."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import replace

from histsvc.clock import Clock, Deadline
from histsvc.jobs.job import Job
from histsvc.model import Extent, WorkerSpec

_log = logging.getLogger(__name__)
# Who has counted for so long did not die of what it found there, though nothing may have come.
_STEADY_S = 60.0
_FIRST_BACKOFF_S = 0.5
_LONGEST_BACKOFF_S = 30.0
# How many workers may die at the same place before the histograms are given up, and how many of those that
# only have to say so.
_MOST_ATTEMPTS = 8
_MOST_STAND_INS = 3


class Orphans:
    """The parts of jobs that no worker has at the moment."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: list[tuple[WorkerSpec, Deadline]] = []

    def __len__(self) -> int:
        """How many there are."""
        return len(self._waiting)

    def add(self, job: Job, spec: WorkerSpec, counted_s: float, reason: str) -> None:
        """The worker of `spec` died after `counted_s`; `reason` says how."""
        left = job.left_by(spec, steady=counted_s > _STEADY_S)
        if left.attempt > _MOST_ATTEMPTS:
            left = job.broken(left, f"{_MOST_ATTEMPTS} workers died at the same place; the last: {reason}")
        # Whatever ends one that only has to say so would end the next one, too.
        if left.histograms and left.attempt <= _MOST_ATTEMPTS + _MOST_STAND_INS:
            self._waiting.append((left, Deadline(self._clock, _backoff_s(left.attempt))))

    def put(self, spec: WorkerSpec) -> None:
        """Something waits that a worker of another service has left."""
        self._waiting.append((spec, Deadline(self._clock, 0.0)))

    def parts(self, job: str) -> list[WorkerSpec]:
        """What waits of a job."""
        return [spec for spec, _ in self._waiting if spec.job == job]

    def drop(self, job: str, indices: Collection[int]) -> None:
        """These histograms of a job are over."""
        kept = [(spec.without(indices) if spec.job == job else spec, due) for spec, due in self._waiting]
        self._waiting = [(spec, due) for spec, due in kept if spec.histograms]

    def of(self, job: str, indices: Collection[int]) -> list[str]:
        """What those of these histograms are called that wait, together where they do."""
        names = [spec.names(indices) for spec, _ in self._waiting if spec.job == job]
        return [name for name in names if name]

    def due(self) -> bool:
        """Whether one has waited long enough."""
        return any(due.expired() for _, due in self._waiting)

    def next(self) -> WorkerSpec:
        """Take the first that is due."""
        chosen = next(waiting for waiting in self._waiting if waiting[1].expired())
        self._waiting.remove(chosen)
        _log.warning("another worker takes up %s", chosen[0].names())
        return chosen[0]


def blamed(spec: WorkerSpec, trying: tuple[Extent, ...]) -> WorkerSpec:
    """The worker of `spec` died while it looked into these messages.

    One message of which its predecessor died, too, is passed over from now on. Otherwise they are suspicious:
    a process may end for reasons that have nothing to do with what it does at that moment.
    """
    if not trying:
        return spec
    if trying != spec.suspects or len(trying) > 1 or trying[0].first < trying[0].last:
        return replace(spec, suspects=trying)
    (_, topic, number), offset, _ = trying[0]
    _log.error(
        "workers die of the message at offset %d of partition %d of %r: it is counted as undecodable",
        offset,
        number,
        topic,
    )
    return replace(spec, suspects=(), poison=(*spec.poison, *trying))


def _backoff_s(attempt: int) -> float:
    return 0.0 if attempt == 0 else min(_FIRST_BACKOFF_S * 2.0 ** (attempt - 1), _LONGEST_BACKOFF_S)
