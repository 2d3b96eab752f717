"""The reader of the simulation mode: it reads virtual logs as a KafkaReader reads partitions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from select import select

import numpy as np

from histsvc.clock import Clock, now_ms
from histsvc.model import RawMessages, Start
from histsvc.ports import Waitable
from histsvc.sources.simulated_log import PERIOD_MS, Encode, TopicLog, Wanted, end

# One read takes some 10 ms, or brings as many bytes as one from Kafka.
_MOST_MESSAGES = 100
_MOST_BYTES = 2_000_000

Row = tuple[int, int, int, bytes]


@dataclass
class _Place:
    log: TopicLog
    position: int


class SimulatedReader:
    """A Reader of messages that are made for `histograms`, those of one worker.

    It reads from any offset: nothing is removed between the placing of a reader and its reading. `sleep`
    waits for so many seconds, or shorter.
    """

    def __init__(
        self, histograms: Sequence[Wanted], encode: Encode, clock: Clock, sleep: Callable[[float], object]
    ) -> None:
        self._histograms = histograms
        self._encode = encode
        self._clock = clock
        self._sleep = sleep
        # Whose turn is next comes first.
        self._places: dict[int, _Place] = {}
        self._slots = 0

    def assign(self, starts: Sequence[Start]) -> None:
        """Forget what was read before and begin at these offsets; slot i is `starts[i]`."""
        self.release()
        self._slots = 0
        self.extend(starts)

    def extend(self, starts: Sequence[Start]) -> None:
        """Read these partitions as well; their slots follow those there are."""
        for start in starts:
            brokers, topic, _ = start.partition
            readers = [
                each
                for each in self._histograms
                if each.config.brokers == brokers and topic in each.config.data_topics
            ]
            self._places[self._slots] = _Place(TopicLog(topic, readers, self._encode), start.offset)
            self._slots += 1

    def read(self, timeout_s: float) -> RawMessages:
        """What is there by now; waits for the next message, no longer than `timeout_s`, where nothing is."""
        reached = self._end()
        rows = self._take(reached)
        if not rows and timeout_s > 0:
            self._sleep(min(timeout_s, self._until_next_s()))
            reached = self._end()
            rows = self._take(reached)
        columns = np.array([row[:3] for row in rows], np.int64).reshape(len(rows), 3).T
        slot, offset, timestamp_ms = np.ascontiguousarray(columns)
        ends = {slot: place.position for slot, place in self._places.items() if place.position >= reached}
        return RawMessages(slot, offset, timestamp_ms, [row[3] for row in rows], ends)

    def read_ahead(self) -> None:
        """Nothing: what there is to read is made when it is read."""

    def wait(self, others: Sequence[Waitable], timeout_s: float) -> None:
        """Wait until the next message, or to hear from one of `others`."""
        select(others, [], [], min(timeout_s, self._until_next_s()))

    def move(self, slot: int, offset: int) -> None:
        """Read a slot from another offset."""
        self._places[slot].position = offset

    def drop(self, slots: Iterable[int]) -> None:
        """Read these slots no more."""
        for slot in slots:
            self._places.pop(slot, None)

    def ends(self) -> Mapping[int, int]:
        """The end offset of each slot."""
        return dict.fromkeys(self._places, self._end())

    def release(self) -> None:
        """Read nothing any more."""
        self._places.clear()

    def _end(self) -> int:
        return end(now_ms(self._clock))

    def _take(self, reached: int) -> list[Row]:
        """The next messages; every slot has its turn, so that none waits for another that is far behind."""
        behind = [slot for slot, place in self._places.items() if place.position < reached]
        share = max(1, _MOST_MESSAGES // max(1, len(behind)))
        rows: list[Row] = []
        size = 0
        for slot in behind:
            place = self._places[slot] = self._places.pop(slot)
            for number in range(place.position, min(place.position + share, reached)):
                rows.append((slot, number, number * PERIOD_MS, place.log.message(number)))
                place.position = number + 1
                size += len(rows[-1][3])
                if len(rows) == _MOST_MESSAGES or size >= _MOST_BYTES:
                    return rows
        return rows

    def _until_next_s(self) -> float:
        now_ns = self._clock.now_ns()
        next_ms = end(now_ns // 1_000_000) * PERIOD_MS
        return (next_ms * 1_000_000 - now_ns) / 1e9
