"""The ends of topics: what was written last, read backwards, and then what comes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from histsvc.client.asking import answer
from histsvc.clock import Deadline
from histsvc.kafka.cluster import KafkaClusters
from histsvc.kafka.reader import KafkaReader
from histsvc.model import Partition, RawMessages, Start, Stream
from histsvc.ports import OffsetAt
from histsvc.settings import Security

_READ_S = 0.1
# The first step backwards, in messages; each is twice as long as the one before.
_STEP, _LONGEST_STEP = 16, 1024


class Span(NamedTuple):
    """A piece of a partition: from the offset `begin` up to, and without, `end`."""

    begin: int
    end: int


class Place(NamedTuple):
    """Where a message lies."""

    partition: Partition
    offset: int
    timestamp_ms: int

    def is_behind(self, other: Place) -> bool:
        """Whether it was written after the other, as far as can be known: order is kept in partitions."""
        if self.partition == other.partition:
            return self.offset > other.offset
        return self.timestamp_ms >= other.timestamp_ms


class Message(NamedTuple):
    """A message and where it lies."""

    place: Place
    payload: bytes


class Tail:
    """Reads partitions from their ends on; to be used by one thread."""

    def __init__(self, security: Security) -> None:
        self._clusters = KafkaClusters(security)
        self._reader = KafkaReader(security)
        self._slots: list[Partition] = []
        # Where reading back has come to in partitions that did not give all they should.
        self._unread: dict[Partition, int] = {}
        self.positions: dict[Partition, int] = {}

    def find(self, streams: Collection[Stream], deadline: Deadline) -> dict[Partition, Span]:
        """Ask for all partitions of those streams that exist, and what they hold; raises BrokerError."""
        spans: dict[Partition, Span] = {}
        for brokers in {brokers for brokers, _ in streams}:
            topics = [topic for known, topic in streams if known == brokers]
            cluster = self._clusters.of(brokers)
            facts = answer(brokers, lambda c=cluster, t=topics: c.describe(t), deadline)  # type: ignore[misc]
            partitions = [
                Partition(brokers, topic, number)
                for topic, fact in facts.items()
                for number in range(fact.partitions)
            ]
            if not partitions:
                continue
            first, end = (
                answer(brokers, lambda c=cluster, p=partitions, a=at: c.offsets(p, a), deadline)  # type: ignore[misc]
                for at in (OffsetAt.EARLIEST, OffsetAt.LATEST)
            )
            spans |= {p: Span(first[p].offset, end[p].offset) for p in partitions}
        return spans

    def addresses(self, brokers: tuple[str, ...], deadline: Deadline) -> frozenset[str]:
        """Every ``host:port`` that the cluster of these brokers advertises; raises BrokerError."""
        return answer(brokers, self._clusters.of(brokers).addresses, deadline)

    def read_back(
        self, spans: Mapping[Partition, Span], enough_ms: int | None, deadline: Deadline
    ) -> Iterator[list[Message]]:
        """Yield the messages of these spans, the last ones first, in steps that grow.

        A span is left where its messages are `enough_ms` older than its last one; None: at its begin.
        What was read before is not read on until `go_on` is called.
        """
        self._unread = {}
        open_ends = {p: span.end for p, span in spans.items() if span.end > span.begin}
        newest_ms: dict[Partition, int] = {}
        step = _STEP
        while open_ends and not deadline.expired():
            begins = {p: max(spans[p].begin, end - step) for p, end in open_ends.items()}
            messages, unread = self._read_spans(
                {p: Span(begins[p], end) for p, end in open_ends.items()}, deadline
            )
            self._unread |= unread
            yield messages
            oldest_ms: dict[Partition, int] = {}
            for place, _ in messages:
                newest_ms.setdefault(place.partition, place.timestamp_ms)
                newest_ms[place.partition] = max(newest_ms[place.partition], place.timestamp_ms)
                oldest_ms.setdefault(place.partition, place.timestamp_ms)
            open_ends = {
                p: begin
                for p, begin in begins.items()
                if begin > spans[p].begin
                and p not in unread
                and (enough_ms is None or p not in oldest_ms or newest_ms[p] - oldest_ms[p] < enough_ms)
            }
            step = min(2 * step, _LONGEST_STEP)

    def _read_spans(
        self, spans: Mapping[Partition, Span], deadline: Deadline
    ) -> tuple[list[Message], dict[Partition, int]]:
        """The messages of these spans, and where it has come to in those that did not give all of theirs."""
        at = {p: span.begin for p, span in spans.items()}
        self._assign(at)
        messages: list[Message] = []
        left = set(spans)
        while left and not deadline.expired():
            raw = self._reader.read(_READ_S)
            for message in self._messages(raw):
                place = message.place
                at[place.partition] = place.offset + 1
                if place.offset < spans[place.partition].end:
                    messages.append(message)
            # A broker that has just come back may tell an end at which more follows.
            at |= {self._slots[slot]: end for slot, end in raw.ends.items()}
            left = {p for p in left if at[p] < spans[p].end} - {self._slots[slot] for slot in raw.failures}
        return messages, {p: offset for p, offset in at.items() if offset < spans[p].end}

    def go_on(self, spans: Mapping[Partition, Span]) -> None:
        """Read on behind these spans, and what was read before from where that has come to.

        What could not be read back is read now.
        """
        self.positions |= {p: self._unread.get(p, span.end) for p, span in spans.items()}
        self._assign(self.positions)

    def read(self, timeout_s: float) -> list[Message]:
        """What has come, waiting no longer than `timeout_s`; what cannot be read any more is forgotten."""
        raw = self._reader.read(timeout_s)
        messages = self._messages(raw)
        for place, _ in messages:
            self.positions[place.partition] = place.offset + 1
        self.positions.update({self._slots[slot]: end for slot, end in raw.ends.items()})
        for slot in raw.failures:
            self.positions.pop(self._slots[slot], None)
        return messages

    def behind(self) -> int:
        """How many messages have been written that were not read, as far as is known."""
        ends = {self._slots[slot]: end for slot, end in self._reader.ends().items()}
        return sum(max(0, ends.get(p, at) - at) for p, at in self.positions.items())

    def close(self) -> None:
        """Let go of the connections."""
        self._reader.close()

    def _assign(self, offsets: Mapping[Partition, int]) -> None:
        self._slots = list(offsets)
        self._reader.assign([Start(p, offset) for p, offset in offsets.items()])

    def _messages(self, raw: RawMessages) -> list[Message]:
        columns = zip(
            raw.slot.tolist(), raw.offset.tolist(), raw.timestamp_ms.tolist(), raw.payload, strict=True
        )
        return [Message(Place(self._slots[slot], at, time_ms), value) for slot, at, time_ms, value in columns]
