"""Reads partitions from explicit offsets, in batches: one consumer for each list of brokers."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from multiprocessing.connection import wait

from confluent_kafka import TopicPartition

from histsvc.kafka.bell import Bell
from histsvc.kafka.connection import Connection
from histsvc.kafka.object_taker import ObjectTaker
from histsvc.kafka.taker import TakerKind
from histsvc.model import RawMessages, Start, joined
from histsvc.ports import Waitable
from histsvc.settings import Security


class KafkaReader:
    """A Reader; connections are kept from one assignment to the next."""

    def __init__(self, security: Security, kind: TakerKind = ObjectTaker) -> None:
        self._security = security
        self._kind = kind
        self._connections: dict[tuple[str, ...], Connection] = {}
        self._slots = 0
        self._bell = Bell()

    def connect(self, brokers: tuple[str, ...]) -> Connection:
        """Make the connection to these brokers, if it is not there yet."""
        if brokers not in self._connections:
            self._connections[brokers] = Connection(brokers, self._security, self._kind)
        return self._connections[brokers]

    def assign(self, starts: Sequence[Start]) -> None:
        """Forget what was read before and begin at these offsets; slot i is `starts[i]`."""
        self.release()
        self._slots = 0
        for connection, wanted in self._placed(starts):
            connection.assign(wanted)

    def extend(self, starts: Sequence[Start]) -> None:
        """Read these partitions as well; their slots follow those there are."""
        for connection, wanted in self._placed(starts):
            connection.extend(wanted)

    def _placed(self, starts: Sequence[Start]) -> list[tuple[Connection, list[TopicPartition]]]:
        """Give each partition its slot; returns what every connection has to read."""
        wanted: dict[tuple[str, ...], list[TopicPartition]] = {}
        for connection in self._connections.values():
            connection.settle()
        for start in starts:
            brokers, topic, number = start.partition
            self.connect(brokers).slots[topic, number] = self._slots
            self._slots += 1
            wanted.setdefault(brokers, []).append(TopicPartition(topic, number, start.offset))
        return [(self.connect(brokers), partitions) for brokers, partitions in wanted.items()]

    def read(self, timeout_s: float) -> RawMessages:
        """What has come from any cluster; may be empty."""
        busy = [connection for connection in self._connections.values() if connection.slots]
        if not busy:
            time.sleep(timeout_s)  # as long as a consumer without data would wait
        for connection in self._connections.values():
            if not connection.slots:
                connection.rest()
        parts = [connection.read(timeout_s / len(busy)) for connection in busy]
        return joined(parts)

    def read_ahead(self) -> None:
        """Read the next batch while this one is counted, where data flows."""
        for connection in self._connections.values():
            if connection.slots:
                connection.read_ahead()

    def wait(self, others: Sequence[Waitable], timeout_s: float) -> None:
        """Wait until there is something to read, or to hear from one of `others`."""
        self._bell.silence()
        busy = [connection for connection in self._connections.values() if connection.slots]
        here = [connection.expect(self._bell.ring) for connection in busy]
        if not any(here):
            wait([*others, self._bell.fileno()], timeout_s)

    def move(self, slot: int, offset: int) -> None:
        """Read a slot, of which nothing more comes, from another offset."""
        for connection in self._connections.values():
            connection.move(slot, offset)

    def drop(self, slots: Iterable[int]) -> None:
        """Read these slots no more."""
        dropped = set(slots)
        for connection in self._connections.values():
            connection.drop(dropped)

    def ends(self) -> Mapping[int, int]:
        """The end offset of each slot as the last fetch told it."""
        return {
            slot: end for connection in self._connections.values() for slot, end in connection.ends.items()
        }

    def release(self) -> None:
        """Read nothing any more; connections are kept."""
        for connection in self._connections.values():
            connection.release()

    def close(self) -> None:
        """Let go of everything."""
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()
        self._bell.close()
