"""Reads what a worker that is gone has published last of each of its histograms, from the topics themselves.

A delivery report that did not come is no proof that a message is not there: what lies in the topic counts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import Future
from typing import NamedTuple, TypeVar

import numpy as np

from histsvc.clock import Clock, Deadline
from histsvc.errors import BrokerError
from histsvc.histograms.base import HistogramConfig
from histsvc.model import HistogramSpec, Partition, RawMessages, Start
from histsvc.ports import Clusters, OffsetAt, Reader
from histsvc.protocol.info import HistogramInfo
from histsvc.wire.histogram import HistogramMessage
from histsvc.worker.resume import Published

_log = logging.getLogger(__name__)
_AGAIN_S = 0.2
_READ_S = 0.01
# A broker that has just started may not know its topics yet: once is not enough.
_TIMES = 3
# Counts that went out as float64 are exact below this.
_EXACT = 1 << 53

Deserialisers = Mapping[str, Callable[[bytes], HistogramMessage]]
Steps = Iterator[None]
T = TypeVar("T")


class Wanted(NamedTuple):
    """A histogram whose publications are looked for."""

    job: str
    spec: HistogramSpec
    config: HistogramConfig


class LookBack:
    """Looks for publications, a step at a time; never waits for a broker.

    One is believed if it is of the same histogram of the same job, of an earlier epoch, of no generation
    before the one that is known, and if its counts add up. Of several the last of the last epoch counts.
    """

    def __init__(
        self,
        wanted: Mapping[int, Wanted],
        reader: Reader,
        clusters: Clusters,
        deserialisers: Deserialisers,
        clock: Clock,
    ) -> None:
        """`wanted` is by index; `reader` is free for this."""
        self.found: dict[int, Published] = {}
        self._wanted = wanted
        self._reader = reader
        self._clusters = clusters
        self._deserialisers = deserialisers
        self._clock = clock
        self._steps = self._look()

    def step(self) -> bool:
        """Go on for some ms; whether everything has been looked at."""
        return next(self._steps, _OVER) is _OVER

    def _look(self) -> Steps:
        starts: list[Start] = []
        for partition, offset in self._places().items():
            begin, end = yield from self._range(partition)
            # A topic that was made anew may end before the place that is known.
            first = max(begin, offset) if offset < end else begin
            if first < end:
                starts.append(Start(partition, first, end))
        self._reader.assign(starts)
        left = set(range(len(starts)))
        while left:
            yield
            raw = self._reader.read(_READ_S)
            self._take(raw)
            # The end that the reader comes to may lie before the one that was told: behind it are
            # transactions of others, which have not ended.
            left -= raw.ends.keys() | raw.failures.keys()
            for reason in raw.failures.values():
                _log.warning("what was published cannot be read: %s", reason)
        self._reader.release()

    def _places(self) -> dict[Partition, int]:
        """Where reading begins: many histograms may lie in one topic."""
        first: dict[Partition, int] = {}
        for _, spec, config in self._wanted.values():
            if spec.mark is not None and spec.mark.place is not None:
                number, offset = spec.mark.place
                partition = Partition(config.brokers, config.topic, number)
                first[partition] = min(offset, first.get(partition, offset))
        return first

    def _range(self, partition: Partition) -> Generator[None, None, tuple[int, int]]:
        """The first offset and the end, once the broker answers; 0 and 0 where that is not to be had."""
        cluster, absent = self._clusters.of(partition.brokers), 0
        while absent < _TIMES:
            try:
                facts = yield from _answer(cluster.describe([partition.topic]))
                if facts[partition.topic].partitions > partition.number:
                    first = yield from _answer(cluster.offsets([partition], OffsetAt.EARLIEST))
                    last = yield from _answer(cluster.offsets([partition], OffsetAt.LATEST))
                    return first[partition].offset, last[partition].offset
                absent += 1
            except BrokerError as error:
                absent += _TIMES if error.denied else 0
            again = Deadline(self._clock, _AGAIN_S)
            while not again.expired():
                yield
        _log.warning("what was published on %r cannot be read any more", partition.topic)
        return 0, 0

    def _take(self, raw: RawMessages) -> None:
        jobs = {job.encode() for job, _, _ in self._wanted.values()}
        for payload in raw.payload:
            # Others may publish there as well: what does not even name the job is not looked into.
            if any(job in payload for job in jobs):
                self._consider(payload)

    def _consider(self, payload: bytes) -> None:
        try:
            message = self._deserialisers[payload[4:8].decode()](payload)
            info = HistogramInfo.from_json(message.info)
        except Exception as error:  # noqa: BLE001 (the stock decoders raise anything; it is told)
            _log.warning("a message on an output topic cannot be read: %s: %s", type(error).__name__, error)
            return
        wanted = self._wanted.get(info.index)
        if wanted is None or not _is_of(info, wanted):
            return
        best = self.found.get(info.index)
        if best is not None and info.epoch < best.info.epoch:
            return
        counts = np.asarray(message.data)
        if counts.shape == wanted.config.shape and counts.max() < _EXACT and counts.sum() == info.sum:
            self.found[info.index] = Published(info, counts)


_OVER = object()


def _answer(asked: Future[T]) -> Generator[None, None, T]:
    while not asked.done():
        yield
    return asked.result()


def _is_of(info: HistogramInfo, wanted: Wanted) -> bool:
    """Whether a predecessor has published it, and no reset has made it void."""
    job, spec, _ = wanted
    known = spec.mark.generation if spec.mark is not None else 1
    same = (info.job, info.config_hash) == (job, spec.config_hash)
    return same and info.epoch < spec.epoch and info.generation >= known
