"""The parent's handle on one worker process: its pipe, its sentinel, the request it is busy with."""

from __future__ import annotations

import logging
import multiprocessing
import signal
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from enum import StrEnum
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

from histsvc.clock import Deadline, SystemClock
from histsvc.model import WorkerSpec
from histsvc.protocol.heartbeat import WorkerLoad
from histsvc.settings import WorkerSettings
from histsvc.worker import main as worker_main
from histsvc.worker.link import Done, Failed, Leave, Ready, Report, Request, Stats, StatsSeen

_log = logging.getLogger(__name__)
# Threads and librdkafka do not survive a fork, and a forked child outlives its parent: always spawn.
_CONTEXT = multiprocessing.get_context("spawn")


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
    """A spawned worker. Requests are answered one at a time; stats come in between."""

    def __init__(self, settings: WorkerSettings, number: int) -> None:
        self.number = number
        self.state = WorkerState.STARTING
        self.spec: WorkerSpec | None = None
        self.stats: list[Stats] = []
        self.silence = Deadline(SystemClock(), float("inf"))
        self.counters: Counter[str] = Counter()
        self.load: WorkerLoad | None = None
        self.ending: WorkerLostError | None = None
        self._reason: str | None = None
        self._answer: Future[Done] | None = None
        self.pipe: Connection
        self.pipe, theirs = _CONTEXT.Pipe(duplex=True)
        self.process: SpawnProcess = _CONTEXT.Process(
            target=worker_main.run, args=(theirs, settings), name=f"histsvc-worker-{number}", daemon=True
        )
        # Signals may go to the whole group, and a worker that still loads knows no better than to die of
        # them, with a traceback: it inherits that they are blocked.
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        try:
            self.process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        # With our copy closed, the pipe ends when the process does, however it ends.
        theirs.close()
        # A large spec may fill the pipe of a process that hangs: a thread waits then, not the service.
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"to-worker-{number}")

    @property
    def pid(self) -> int:
        """Process id."""
        return self.process.pid or 0

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
        """Take in what the worker has reported; where the pipe has ended, the sentinel will tell."""
        try:
            while self.pipe.poll():
                self._take(self.pipe.recv())
        except (EOFError, OSError):
            return

    def lost(self) -> WorkerLostError:
        """The process has ended: clean up behind it, and say why."""
        self.receive()
        self.process.join(timeout=1.0)
        reason = self._reason or _ending(self.process.exitcode)
        self.ending = error = WorkerLostError(f"worker process {self.pid} {reason}")
        if self._answer is not None and self.busy:
            self._answer.set_exception(error)
        self._release()
        return error

    def kill(self, reason: str) -> None:
        """End the process at once; `reason` completes «worker process 1234 …»."""
        self._reason = reason
        self.process.kill()

    def leave(self) -> None:
        """Ask the process to end."""
        self._send(Leave())

    def end(self, deadline: Deadline) -> None:
        """Wait for the process to end; force it where the deadline passes."""
        steps: list[Callable[[], None]] = [lambda: None, self.process.terminate, self.process.kill]
        for step in steps:
            step()
            self.process.join(timeout=max(deadline.remaining_s(), 0.2))
            if self.process.exitcode is not None:
                break
        self._release()

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
            case Failed(reason):
                self._reason = f"failed: {reason}"

    def _send(self, request: Request) -> None:
        self._writer.submit(self._write, request)

    def _write(self, request: Request) -> None:
        try:
            self.pipe.send(request)
        except OSError:
            return  # the sentinel tells that it is gone


def _ending(exitcode: int | None) -> str:
    if exitcode is None:
        return "closed its pipe"
    if exitcode < 0:
        return f"was ended by signal {-exitcode}"
    return f"ended with exit code {exitcode}"
