"""The process that workers are forks of: what they need is loaded once, and they are ready in some ms.

It has one thread and no client of Kafka, of which none survives a fork (docs/adr/0024). It is told by its
pipe, over which it gets the pipe of each worker that it is to fork, and tells how workers ended.
"""

from __future__ import annotations

import faulthandler
import gc
import logging
import os
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import recv_handle
from typing import NoReturn

from histsvc.settings import WorkerSettings


@dataclass(frozen=True)
class Loaded:
    """Workers can be forked now."""

    seconds: float


@dataclass(frozen=True)
class Forked:
    """The worker whose pipe came first has this process id."""

    pid: int


@dataclass(frozen=True)
class Ended:
    """A worker has ended; the exit code is negative for a signal."""

    pid: int
    exitcode: int


Report = Loaded | Forked | Ended


def run(pipe: Connection, settings: WorkerSettings) -> None:
    """The target of the spawned process; returns when the parent is gone.

    SIGINT and SIGTERM are blocked, also in workers until they can handle them: signals may go to the whole
    group, and what becomes of workers is for the parent to decide.
    """
    begun_s = time.monotonic()
    faulthandler.enable()  # where a library crashes, stderr says in which of our lines; in workers, too
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # it would start threads when numpy is loaded
    gc.disable()  # of what is loaded nothing becomes garbage
    from histsvc.kernels import warm
    from histsvc.worker import heap, main

    heap.keep()
    logging.getLogger("numba").setLevel(logging.WARNING)
    assert warm.KERNELS
    gc.enable()
    gc.freeze()  # a collection in a worker would write to, and so copy, all that is shared
    try:
        pipe.send(Loaded(time.monotonic() - begun_s))
        _serve(pipe, lambda worker: main.run(Connection(worker), settings))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the parent is gone; workers have pipes of their own that tell them so


def _serve(pipe: Connection, work: Callable[[int], None]) -> None:
    """Fork a worker for each pipe that comes, and tell how they end; raises EOFError with the last."""
    heard, rung = os.pipe()
    for end in (heard, rung):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(rung, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # with the default nothing is written to the pipe
    while True:
        if pipe in wait([pipe, heard]):
            worker = recv_handle(pipe)
            pid = os.fork()
            if pid == 0:
                pipe.close()
                for end in (heard, rung):
                    os.close(end)
                _become(partial(work, worker))
            os.close(worker)
            pipe.send(Forked(pid))
        with suppress(BlockingIOError):
            os.read(heard, 4096)
        for ended in _reaped():
            pipe.send(ended)


def _reaped() -> Iterator[Ended]:
    """The workers that have ended."""
    with suppress(ChildProcessError):  # there is none at all
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            yield Ended(pid, os.waitstatus_to_exitcode(status))


def _become(work: Callable[[], None]) -> NoReturn:
    """Do in a fork what it is for, and nothing of what its original would do next."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        work()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001 (there is nobody to hand it on to; the exit code tells the parent)
        traceback.print_exc()
    finally:
        logging.shutdown()
        os._exit(code)
