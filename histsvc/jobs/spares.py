"""Keeps warm spare workers: as many as commands may need at once, and no more for long."""

from __future__ import annotations

import logging
from collections.abc import Callable

from histsvc.clock import Clock, Deadline
from histsvc.jobs.worker_process import WorkerProcess, WorkerState

_log = logging.getLogger(__name__)
_FIRST_BACKOFF_S = 0.5
_LONGEST_BACKOFF_S = 30.0
# The first start compiles the kernels before a worker is forked; what has not left in time hangs.
START_S = 150.0
_LEAVE_S = 10.0
# How long workers that are not needed any more are kept: who stops much may add much.
_SURPLUS_S = 10.0


class SpareKeeper:
    """Makes what is missing of `most` spare workers, and sends home what is beyond them for a while."""

    def __init__(self, fork: Callable[[int], WorkerProcess], most: int, clock: Clock) -> None:
        self._fork = fork
        self._most = most
        self._clock = clock
        self._number = 0
        self._backoff_s = 0.0
        self._next_fork_s = clock.monotonic_s()
        self._surplus = Deadline(clock, _SURPLUS_S)

    def keep(self, workers: list[WorkerProcess]) -> bool:
        """Fork into `workers` what is missing; returns whether nothing is missing any more."""
        states = [worker.state for worker in workers]
        if WorkerState.RESERVED in states or self._clock.monotonic_s() < self._next_fork_s:
            return False  # a command is about to use them, and those that it replaces become spare next
        self._send_surplus_home([w for w in workers if w.state is WorkerState.SPARE])
        waiting = states.count(WorkerState.STARTING) + states.count(WorkerState.SPARE)
        for _ in range(self._most - waiting):
            self._number += 1
            try:
                worker = self._fork(self._number)
            except OSError as error:
                _log.error("no worker could be started: %s", error)
                self.wait_longer()
                return False
            worker.silence = Deadline(self._clock, START_S)
            workers.append(worker)
        if any(worker.state is WorkerState.STARTING for worker in workers):
            return False
        self._backoff_s = 0.0
        return True

    def wait_longer(self) -> None:
        """What cannot be started is tried again, more and more slowly; those that fail together fail once."""
        if self._clock.monotonic_s() < self._next_fork_s:
            return
        self._backoff_s = min(max(self._backoff_s * 2, _FIRST_BACKOFF_S), _LONGEST_BACKOFF_S)
        self._next_fork_s = self._clock.monotonic_s() + self._backoff_s

    def _send_surplus_home(self, spares: list[WorkerProcess]) -> None:
        surplus = spares[self._most :]
        if not surplus:
            self._surplus = Deadline(self._clock, _SURPLUS_S)
        elif self._surplus.expired():
            for worker in surplus:
                worker.state = WorkerState.LEAVING
                worker.silence = Deadline(self._clock, _LEAVE_S)
                worker.leave()
