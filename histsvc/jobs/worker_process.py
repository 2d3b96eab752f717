"""The parent's handle on one worker process: its pipe, how it ended, the request it is busy with."""

from __future__ import annotations

import logging
import os
import signal
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from enum import StrEnum
from multiprocessing.connection import Connection

from histsvc.clock import Clock, Deadline
from histsvc.model import Extent, WorkerSpec
from histsvc.protocol.heartbeat import WorkerLoad
from histsvc.worker.link import Done, Failed, Leave, Ready, Report, Request, Stats, StatsSeen, Trying

_log = logging.getLogger(__name__)
# How long after the end of its pipe the exit code of a worker may come.
_EXITCODE_S = 1.0


class WorkerState(StrEnum):
    """What a worker process is doing."""

    STARTING = "STARTING"
    SPARE = "SPARE"
    RESERVED = "RESERVED"
    COUNTING = "COUNTING"
    LEAVING = "LEAVING"


class WorkerLostError(Exception):
    """The process ended; the message says how."""


class WorkerProcess:
    """A worker, from before it has a process. Requests are answered one at a time; stats come in between."""

    def __init__(self, number: int, pipe: Connection, clock: Clock) -> None:
        self.number = number
        self.pipe = pipe
        # Process id, 0 until it has one.
        self.pid = 0
        # Negative for a signal; told by the process that it is a fork of.
        self.exitcode: int | None = None
        self.state = WorkerState.STARTING
        self.spec: WorkerSpec | None = None
        self.stats: list[Stats] = []
        self.silence = Deadline(clock, float("inf"))
        # Since when (monotonic) it has what it counts, and what it looks into, where it tells.
        self.counting_s = 0.0
        self.trying: tuple[Extent, ...] = ()
        self.counters: Counter[str] = Counter()
        self.load: WorkerLoad | None = None
        self.ending: WorkerLostError | None = None
        self._clock = clock
        self._closed: Deadline | None = None
        self._reason: str | None = None
        self._answer: Future[Done] | None = None
        # A large spec may fill the pipe of a process that hangs: a thread waits then, not the service.
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"to-worker-{number}")

    @property
    def closed(self) -> bool:
        """Whether its pipe has ended, so that there is nothing more to hear."""
        return self._closed is not None

    @property
    def gone(self) -> bool:
        """Whether the process has ended."""
        return self.exitcode is not None or (self._closed is not None and self._closed.expired())

    @property
    def busy(self) -> bool:
        """Whether a request has not been answered yet."""
        return self._answer is not None and not self._answer.done()

    def request(self, request: Request) -> Future[Done]:
        """Ask for something; the future ends with the answer, or with WorkerLostError."""
        assert not self.busy, "one request at a time"
        answer: Future[Done] = Future()
        self._answer = answer
        if self.ending is not None:
            answer.set_exception(self.ending)
        else:
            self._send(request)
        return answer

    def receive(self) -> None:
        """Take in what the worker has reported."""
        if self.pid == 0 or self.closed:
            return
        try:
            while self.pipe.poll():
                self._take(self.pipe.recv())
        except (EOFError, OSError):  # it ends, and how is told soon
            self._closed = Deadline(self._clock, _EXITCODE_S)

    def lost(self) -> WorkerLostError:
        """The process has ended: clean up behind it, and say why."""
        self.receive()
        reason = self._reason or ending(self.exitcode)
        self.ending = error = WorkerLostError(f"worker process {self.pid} {reason}")
        if self._answer is not None and self.busy:
            self._answer.set_exception(error)
        self._release()
        return error

    def kill(self, reason: str) -> None:
        """End the process at once; `reason` completes «worker process 1234 …»."""
        self._reason = reason
        self._signal(signal.SIGKILL)

    def leave(self) -> None:
        """Ask the process to end."""
        self._send(Leave())

    def end(self, deadline: Deadline) -> None:
        """Wait for the process to end; force it where the deadline passes."""
        for number in (None, signal.SIGTERM, signal.SIGKILL):
            if number is not None:
                self._signal(number)
            patience = Deadline(self._clock, max(deadline.remaining_s(), 0.2))
            while self.pid and not self.closed and not patience.expired():
                self.pipe.poll(patience.remaining_s())
                self.receive()
            if not self.pid or self.closed:
                break
        self._release()

    def _signal(self, number: signal.Signals) -> None:
        if self.pid == 0:
            self.exitcode = -number  # should it get a process after all, that finds its pipe closed
        elif self.exitcode is None:
            with suppress(ProcessLookupError):  # it has just ended
                os.kill(self.pid, number)

    def _release(self) -> None:
        self._writer.shutdown(wait=False, cancel_futures=True)
        self.pipe.close()

    def _take(self, report: Report) -> None:
        match report:
            case Ready(seconds):
                self.state = WorkerState.SPARE
                _log.debug("worker %d is ready after %.2f s", self.pid, seconds)
            case Done():
                if self._answer is not None and self.busy:
                    self._answer.set_result(report)
            case Stats():
                self.stats.append(report)
                self._send(StatsSeen())
            case Trying(extents):
                self.trying = extents
            case Failed(reason):
                self._reason = f"failed: {reason}"

    def _send(self, request: Request) -> None:
        self._writer.submit(self._write, request)

    def _write(self, request: Request) -> None:
        try:
            self.pipe.send(request)
        except OSError:
            return  # reading from it tells that it is gone


def ending(exitcode: int | None) -> str:
    """How a process ended, in words that complete «process 1234 …»."""
    if exitcode is None:
        return "closed its pipe"
    if exitcode < 0:
        return f"was ended by signal {-exitcode}"
    return f"ended with exit code {exitcode}"
