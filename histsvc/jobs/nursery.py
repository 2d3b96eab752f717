"""The parent's handle on the process that workers are forks of; it is made anew where it has ended."""

from __future__ import annotations

import logging
from collections import deque
from multiprocessing.connection import Connection
from multiprocessing.reduction import send_handle

from histsvc.clock import Clock, Deadline
from histsvc.jobs.spawn import CONTEXT, Spawned, spawn
from histsvc.jobs.worker_process import WorkerProcess, ending
from histsvc.ports import Waitable
from histsvc.settings import WorkerSettings
from histsvc.worker.nursery import Ended, Forked, Loaded, Report

_log = logging.getLogger(__name__)
# The first start compiles the kernels; a fork takes some ms.
_LOAD_S = 120.0
_FORK_S = 10.0
# And to end, where it has closed its pipe.
_END_S = 1.0


class Nursery:
    """Forks workers. Requests go down one at a time, so that a process that hangs blocks nobody."""

    def __init__(self, settings: WorkerSettings, clock: Clock, spawned: Spawned | None = None) -> None:
        """`spawned` is the process where there is one already; otherwise the first worker makes it."""
        self._settings = settings
        self._clock = clock
        self._spawned = spawned
        self._loaded = False
        self._silence = Deadline(clock, _LOAD_S)
        # Those to be forked, with the ends of the pipes that they get, and those that live.
        self._waiting: deque[tuple[WorkerProcess, Connection]] = deque()
        self._asked: WorkerProcess | None = None
        self._workers: dict[int, WorkerProcess] = {}

    @property
    def pid(self) -> int:
        """Process id, 0 where there is none."""
        return 0 if self._spawned is None else self._spawned.process.pid or 0

    def fork(self, number: int) -> WorkerProcess:
        """Make a worker, which will have a process as soon as may be; raises OSError where nothing goes."""
        if self._spawned is None:
            self._spawned, self._loaded = spawn(self._settings), False
            self._silence = Deadline(self._clock, _LOAD_S)
        pipe, theirs = CONTEXT.Pipe(duplex=True)
        worker = WorkerProcess(number, pipe, self._clock)
        self._waiting.append((worker, theirs))
        self._ask()
        return worker

    @property
    def ends(self) -> list[Waitable]:
        """What has to be heard when it says something, or ends."""
        return [] if self._spawned is None else [self._spawned.pipe]

    def receive(self) -> None:
        """Take in what it has reported."""
        if self._spawned is None:
            return
        try:
            while self._spawned.pipe.poll():
                self._take(self._spawned.pipe.recv())
        except (EOFError, OSError):  # it ends
            self._spawned.process.join(_END_S)
            self._lost(ending(self._spawned.process.exitcode))
            return
        if self._silence.expired():
            self._lost("did not answer in time and was ended")

    def stop(self, deadline: Deadline) -> None:
        """End the process, once all workers have ended."""
        # What is still loading would hear of that only when it is done.
        self._end(max(deadline.remaining_s(), 0.2) if self._loaded else 0.0)

    def _ask(self) -> None:
        if self._spawned is None or not self._loaded or self._asked is not None or not self._waiting:
            return
        worker, theirs = self._waiting.popleft()
        self._asked = worker
        self._silence = Deadline(self._clock, _FORK_S)
        # With our copy closed, the pipe ends when the worker does, however it ends.
        with theirs:
            send_handle(self._spawned.pipe, theirs.fileno(), None)

    def _take(self, report: Report) -> None:
        match report:
            case Loaded(seconds):
                self._loaded, self._silence = True, Deadline(self._clock, float("inf"))
                _log.debug("kernels are loaded after %.2f s", seconds)
            case Forked(pid):
                assert self._asked is not None
                self._asked.pid, self._workers[pid] = pid, self._asked
                self._asked, self._silence = None, Deadline(self._clock, float("inf"))
            case Ended(pid, exitcode):
                self._workers.pop(pid).exitcode = exitcode
        self._ask()

    def _lost(self, reason: str) -> None:
        """It is gone, or useless. Workers live on; those that were to be forked end before they begin."""
        _log.error("the process that workers are forks of, %d, %s", self.pid, reason)
        self._end(0.0)

    def _end(self, timeout_s: float) -> None:
        for worker, theirs in self._waiting:
            theirs.close()
            worker.kill("was not started")
        if self._asked is not None:
            self._asked.kill("was not started")
        self._waiting.clear()
        self._asked = None
        self._workers.clear()
        if self._spawned is not None:
            self._spawned.end(timeout_s)
        self._spawned = None
