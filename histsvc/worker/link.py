"""The pipe between parent and worker: which messages go over it, and the child's end of it.

Commands go down, small stats come up. Each side has at most one message under way until it is answered,
so neither can block on a full pipe while the other is alive.
"""

from __future__ import annotations

import select
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from histsvc.model import Extent, Mark, WorkerSpec
from histsvc.protocol.heartbeat import WorkerLoad
from histsvc.protocol.info import HistogramInfo

# Linux tells it as soon as the other side is gone; elsewhere it is found out by reading.
_GONE = select.POLLHUP | getattr(select, "POLLRDHUP", 0)


@dataclass(frozen=True)
class Prepare:
    """Build the histograms and place the readers, but count and publish nothing yet."""

    spec: WorkerSpec


@dataclass(frozen=True)
class Go:
    """Publish INITIALISED and begin to count."""


@dataclass(frozen=True)
class TakeOver:
    """Take up the histograms of a worker that is gone; answered once they count."""

    spec: WorkerSpec


@dataclass(frozen=True)
class Reset:
    """Zero histograms (by index, None: all); answered when a zeroed message is delivered."""

    indices: tuple[int, ...] | None
    timeout_s: float


@dataclass(frozen=True)
class Finish:
    """Histograms (by index, None: all) count on for `drain_s`, are published as FINISHED and forgotten.

    Answered when that is delivered or out of time; with all of them gone the worker is idle.
    """

    indices: tuple[int, ...] | None
    drain_s: float
    timeout_s: float


@dataclass(frozen=True)
class Tell:
    """Say now how all histograms are; answered after that."""


@dataclass(frozen=True)
class Leave:
    """End the process."""


@dataclass(frozen=True)
class StatsSeen:
    """The parent has read the last Stats; the next may come."""


Request = Prepare | Go | TakeOver | Reset | Finish | Tell | Leave | StatsSeen


@dataclass(frozen=True)
class Ready:
    """The worker can be given work."""

    seconds: float


@dataclass(frozen=True)
class Done:
    """The answer to the last request but StatsSeen; `undelivered` says what did not reach the broker."""

    undelivered: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stats:
    """How some of the worker's histograms are, and what it has counted since it began.

    `marks` says of each of `infos` from where it would be taken up. `delivered` are the indices of those
    whose FINISHED the broker has; `load` is that of the last seconds.
    """

    infos: tuple[HistogramInfo, ...]
    marks: tuple[Mark, ...]
    delivered: tuple[int, ...]
    counters: Mapping[str, int]
    load: WorkerLoad | None = None


@dataclass(frozen=True)
class Trying:
    """What is looked into now; () for nothing."""

    extents: tuple[Extent, ...]


@dataclass(frozen=True)
class Failed:
    """The worker ends because of an error of its own."""

    reason: str


Report = Ready | Done | Stats | Trying | Failed


class Pipe(Protocol):
    """An end of a duplex pipe, as multiprocessing makes it."""

    def poll(self, timeout: float = 0.0, /) -> bool:
        """Whether there is something to receive."""
        ...

    def recv(self) -> object:
        """Receive; raises EOFError where the other side is gone."""
        ...

    def fileno(self) -> int:
        """What is readable where there is something to receive."""
        ...

    def send(self, obj: object, /) -> None:
        """Send; raises OSError where the other side is gone."""
        ...


class ChildLink:
    """The worker's end of the pipe."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._stats_seen = True

    def fileno(self) -> int:
        """What is readable where there is a request."""
        return self._pipe.fileno()

    def alive(self) -> bool:
        """Whether the parent is there; may be asked by any thread."""
        poller = select.poll()
        poller.register(self._pipe.fileno(), _GONE)
        return not any(flags & (_GONE | select.POLLERR) for _, flags in poller.poll(0))

    def request(self, timeout_s: float) -> Request | None:
        """The next request, waiting no longer than `timeout_s`; Leave where the parent is gone."""
        try:
            if not self._pipe.poll(timeout_s):
                return None
            received = self._pipe.recv()
        except (EOFError, OSError):
            return Leave()
        if isinstance(received, StatsSeen):
            self._stats_seen = True
            return None
        assert isinstance(received, Request)
        return received

    def report(self, report: Report) -> None:
        """Tell the parent; where it is gone the next request is Leave."""
        try:
            self._pipe.send(report)
        except OSError:
            return

    def stats(self, stats: Stats, *, must: bool) -> bool:
        """Send stats unless the last ones have not been seen yet; the last of a job must go out."""
        if not self._stats_seen and not must:
            return False
        self._stats_seen = False
        self.report(stats)
        return True
