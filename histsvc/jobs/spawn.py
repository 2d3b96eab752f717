"""Starts the process that workers are forks of. Loads next to nothing, so that a service can do it first."""

from __future__ import annotations

import atexit
import multiprocessing
import signal
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

from histsvc.settings import WorkerSettings
from histsvc.worker import nursery

# Threads and clients of Kafka do not survive a fork, and the service has both.
CONTEXT = multiprocessing.get_context("spawn")
# A process that is killed ends at once, but for one that waits for a disk.
_KILLED_S = 5.0


@dataclass(frozen=True)
class Spawned:
    """The process, and our end of its pipe."""

    process: SpawnProcess
    pipe: Connection

    def end(self, timeout_s: float) -> None:
        """Let it hear the end of its pipe, and kill it where that is not enough in time."""
        self.pipe.close()
        self.process.join(timeout_s)
        self.process.kill()
        self.process.join(_KILLED_S)
        atexit.unregister(self.process.kill)


def spawn(settings: WorkerSettings) -> Spawned:
    """Start it; raises OSError where the machine does not allow it."""
    resource_tracker.ensure_running()  # a process of multiprocessing's own; its start unblocks all signals
    pipe, theirs = CONTEXT.Pipe(duplex=True)
    process = CONTEXT.Process(
        target=nursery.run, args=(theirs, settings), name="histsvc-nursery", daemon=True
    )
    # It inherits that they are blocked, and so do workers, until they can handle them.
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        process.start()
    except OSError:
        pipe.close()
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        theirs.close()
    # Who ends without ending it would wait for it, in vain: it is deaf to what multiprocessing sends then.
    atexit.register(process.kill)
    return Spawned(process, pipe)
