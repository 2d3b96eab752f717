"""What a worker tells its parent, unasked, a few times a second."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence

from histsvc.clock import Clock, Every
from histsvc.protocol.info import HistogramInfo, State
from histsvc.worker.link import ChildLink, Stats
from histsvc.worker.load import LoadMeter
from histsvc.worker.outbox import ThreadOutbox
from histsvc.worker.pipeline import Pipeline

_STATS_S = 0.2
# Where nothing happens, it is said less often.
_QUIET_S = 1.0
# So many infos, of so many partitions together, fit the pipe's buffer: neither side can block on the other in
# the middle of a message.
_AT_ONCE = 50
_PARTITIONS = 1000


class Teller:
    """Tells how the histograms of a pipeline are, some at a time, and what the worker has done in all."""

    def __init__(self, link: ChildLink, outbox: ThreadOutbox, clock: Clock) -> None:
        self._link = link
        self._outbox = outbox
        self._meter = LoadMeter(clock)
        # What pipelines before this one have counted.
        self._counted: Counter[str] = Counter()
        self._due = Every(clock, _STATS_S)
        self._quiet_due = Every(clock, _QUIET_S)
        self._happened: object = None
        self._next = 0
        self._delivered: tuple[int, ...] = ()

    def tell(self, pipeline: Pipeline) -> None:
        """Tell if it is time, or if an end was delivered: that cannot be lost any more."""
        delivered = _delivered(pipeline)
        happened = self._happening(pipeline) if self._due.due() else self._happened
        if happened != self._happened or self._quiet_due.due() or delivered != self._delivered:
            infos = pipeline.publisher.infos()
            some = _some(infos[self._next :])
            if self._link.stats(self._stats(pipeline, self._next, some, delivered), must=False):
                self._delivered = delivered
                self._next = self._next + len(some) if self._next + len(some) < len(infos) else 0
                self._happened = happened if self._next == 0 else None

    def tell_all(self, pipeline: Pipeline) -> None:
        """Tell everything a last time."""
        infos, delivered = pipeline.publisher.infos(), _delivered(pipeline)
        told = 0
        while told < len(infos):
            some = _some(infos[told:])
            self._link.stats(self._stats(pipeline, told, some, delivered), must=True)
            told += len(some)
        self._next, self._delivered = 0, ()

    def tell_alive(self) -> None:
        """Say once a second that there is nothing to tell yet."""
        if self._quiet_due.due():
            self._link.stats(Stats((), (), (), dict(self._counted)), must=False)

    def tell_end(self, pipeline: Pipeline) -> None:
        """Tell everything of a pipeline that ends."""
        self.tell_all(pipeline)
        self._counted += pipeline.counters

    def _happening(self, pipeline: Pipeline) -> object:
        """What changes when something is read, published, or has another state."""
        states = [(p.state, p.filling.generation) for p in pipeline.publisher.publications]
        return dict(pipeline.counters), dict(self._outbox.counters), states

    def _stats(
        self, pipeline: Pipeline, first: int, some: tuple[HistogramInfo, ...], delivered: tuple[int, ...]
    ) -> Stats:
        # The outbox's thread goes on counting: dict() copies in one piece.
        counters = self._counted + pipeline.counters + Counter(dict(self._outbox.counters))
        marks = tuple(pipeline.publisher.marks()[first : first + len(some)])
        load = self._meter.load(pipeline, self._outbox.busy_s)
        return Stats(some, marks, delivered, dict(counters), load)


def _some(infos: Sequence[HistogramInfo]) -> tuple[HistogramInfo, ...]:
    """As many of the first as go into one message, at least one where there is one."""
    partitions = itertools.accumulate(sum(map(len, info.offsets.values())) for info in infos)
    fitting = sum(total <= _PARTITIONS for total in itertools.islice(partitions, _AT_ONCE))
    return tuple(infos[: max(1, fitting)])


def _delivered(pipeline: Pipeline) -> tuple[int, ...]:
    return tuple(
        p.filling.spec.index
        for p in pipeline.publisher.publications
        if p.filling.state is State.FINISHED and p.lack_of_end() is None
    )
