"""Reads what a worker that is gone has published last of each of its histograms, from the topics themselves.

A delivery report that did not come is no proof that a message is not there: what lies in the topic counts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np

from histsvc.clock import Clock, Deadline
from histsvc.errors import BrokerError
from histsvc.histograms.base import HistogramConfig
from histsvc.model import HistogramSpec, Partition, RawMessages, Start, Stream
from histsvc.ports import Cluster, Clusters, OffsetAt, Reader
from histsvc.protocol.info import HistogramInfo
from histsvc.wire.histogram import HistogramMessage
from histsvc.worker.resume import Published

_log = logging.getLogger(__name__)
_AGAIN_S = 0.2
_READ_S = 0.01
# Clocks may differ where the broker says when a message was written.
_MARGIN_MS = 10_000
# A broker that has just started may not know its topics yet: once is not enough.
_TIMES = 3
# Counts that went out as float64 are exact below this.
_EXACT = 1 << 53

Deserialisers = Mapping[str, Callable[[bytes], HistogramMessage]]
Steps = Iterator[None]
T = TypeVar("T")


class Wanted(NamedTuple):
    """A histogram whose publications are looked for, and when (ms since the epoch) its job began."""

    job: str
    begun_ms: int
    spec: HistogramSpec
    config: HistogramConfig


@dataclass
class _Needs:
    """From where a topic has to be read: from an offset in some partitions, or in all from a time on."""

    offsets: dict[int, int]
    since_ms: int | None


class LookBack:
    """Looks for publications, a step at a time; never waits for a broker.

    One is believed if it is of the same histogram of the same job, of no generation before the one that is
    known, and if its counts add up. Of several the last of the last epoch counts.
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
        # The last epoch of each histogram of which there is anything.
        self.epochs: dict[int, int] = {}
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
        ends: list[int] = []
        for stream, needs in self._needs().items():
            count = yield from self._partitions(stream)
            for partition in (Partition(*stream, number) for number in range(count)):
                start = yield from self._begin(partition, needs)
                if start is not None:
                    starts.append(start)
                    ends.append((yield from self._offset(partition, OffsetAt.COMMITTED)))
        self._reader.assign(starts)
        left = set(range(len(starts)))
        while left:
            yield
            raw = self._reader.read(_READ_S)
            self._take(raw)
            # A broker that has just come back may tell an end at which more follows.
            left -= {slot for slot, end in raw.ends.items() if end >= ends[slot]} | raw.failures.keys()
            for reason in raw.failures.values():
                _log.warning("what was published cannot be read: %s", reason)
        self._reader.release()

    def _needs(self) -> dict[Stream, _Needs]:
        """What has to be read of which output topics: many histograms may lie in one."""
        needs: dict[Stream, _Needs] = {}
        for _, begun_ms, spec, config in self._wanted.values():
            need = needs.setdefault((config.brokers, config.topic), _Needs({}, None))
            place = spec.mark.place if spec.mark is not None else None
            if place is None:
                need.since_ms = min(begun_ms - _MARGIN_MS, need.since_ms or begun_ms)
            else:
                known = need.offsets.get(place.partition, place.offset)
                need.offsets[place.partition] = min(place.offset, known)
        return needs

    def _begin(self, partition: Partition, needs: _Needs) -> Generator[None, None, Start | None]:
        """Where reading of a partition begins, None where there is nothing to be found."""
        if partition.number not in needs.offsets and needs.since_ms is None:
            return None
        begin = yield from self._offset(partition, OffsetAt.EARLIEST)
        end = yield from self._offset(partition, OffsetAt.LATEST)
        first = needs.offsets.get(partition.number, end)
        if first >= end and partition.number in needs.offsets:
            first = begin  # the topic was made anew: it ends before the place that is known
        if needs.since_ms is not None:
            since = yield from self._offset(partition, max(0, needs.since_ms))
            first = min(first, since if since >= 0 else end)
        return Start(partition, max(begin, first), end) if max(begin, first) < end else None

    def _partitions(self, stream: Stream) -> Generator[None, None, int]:
        """How many partitions a topic has, once the broker answers; 0 where it may not be read or is gone."""
        brokers, topic = stream
        for _ in range(_TIMES):
            facts = yield from self._answer(brokers, lambda cluster: cluster.describe([topic]))
            if facts is None:
                break
            if facts[topic].partitions:
                return facts[topic].partitions
            yield from self._pause()
        _log.warning("what was published on %r cannot be read any more", topic)
        return 0

    def _offset(self, partition: Partition, at: OffsetAt | int) -> Generator[None, None, int]:
        """Where a partition begins, ends, or has its first message since a time (ms); -1 for none."""
        ask = lambda cluster: cluster.offsets([partition], at)  # noqa: E731
        found = yield from self._answer(partition.brokers, ask)
        return -1 if found is None else found[partition].offset

    def _answer(
        self, brokers: tuple[str, ...], ask: Callable[[Cluster], Future[T]]
    ) -> Generator[None, None, T | None]:
        """Ask until the brokers answer; None where they refuse."""
        while True:
            asked = ask(self._clusters.of(brokers))
            while not asked.done():
                yield
            try:
                return asked.result()
            except BrokerError as error:
                if error.denied:
                    return None
            yield from self._pause()

    def _pause(self) -> Generator[None, None, None]:
        again = Deadline(self._clock, _AGAIN_S)
        while not again.expired():
            yield

    def _take(self, raw: RawMessages) -> None:
        jobs = {wanted.job.encode() for wanted in self._wanted.values()}
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
        if wanted is None or (info.job, info.config_hash) != (wanted.job, wanted.spec.config_hash):
            return
        self.epochs[info.index] = max(info.epoch, self.epochs.get(info.index, 0))
        if wanted.spec.mark is not None and info.generation < wanted.spec.mark.generation:
            return  # a reset has made it void
        best = self.found.get(info.index)
        if best is not None and info.epoch < best.info.epoch:
            return
        counts = np.asarray(message.data)
        if counts.shape == wanted.config.shape and counts.max() < _EXACT and counts.sum() == info.sum:
            self.found[info.index] = Published(info, counts)


_OVER = object()
