"""Reads partitions from explicit offsets, in batches: one consumer for each list of brokers."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from operator import itemgetter

import numpy as np
from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from histsvc.kafka.security import Config, client_config, create
from histsvc.kafka.trouble import Trouble
from histsvc.model import RawMessages, Start
from histsvc.settings import Security

# A batch of about this many bytes stays in the caches while every histogram is filled from it.
_BATCH_BYTES = 2_000_000
# Whoever changes what is read waits as long for the batch that is read ahead.
_AHEAD_S = 0.01
# Of what Message.timestamp() gives: its kind, and ms.
_MILLISECONDS = itemgetter(1)
_NO_ERROR = frozenset({type(None)})
_LEAST_MESSAGES, _MOST_MESSAGES = 16, 4096
_LOST = {
    KafkaError._AUTO_OFFSET_RESET: "was removed by the broker before it was read",
    KafkaError.OFFSET_OUT_OF_RANGE: "was removed by the broker before it was read",
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "may not be read any more (no READ permission)",
    KafkaError.UNKNOWN_TOPIC_OR_PART: "does not exist any more",
    KafkaError._UNKNOWN_PARTITION: "does not exist any more",
    KafkaError._UNKNOWN_TOPIC: "does not exist any more",
}


def consumer_settings(brokers: tuple[str, ...], security: Security) -> Config:
    """What a consumer of events is set to."""
    return client_config(brokers, security) | {
        "group.id": "histsvc",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "enable.partition.eof": True,
        "allow.auto.create.topics": False,
        "fetch.error.backoff.ms": 100,
        # The defaults starve it: 1,700 instead of over 15,000 messages of 80 kB a second.
        "fetch.queue.backoff.ms": 0,
        "queued.min.messages": 100_000,
        "queued.max.messages.kbytes": 131_072,
        "fetch.max.bytes": 33_554_432,
        "max.partition.fetch.bytes": 8_388_608,
        # A new assignment waits for the fetch under way; new data ends that wait at once.
        "fetch.wait.max.ms": 100,
    }


class _Connection:
    """One consumer, and the slots of its partitions."""

    def __init__(self, brokers: tuple[str, ...], security: Security) -> None:
        self.slots: dict[tuple[str, int], int] = {}
        self.trouble = Trouble(brokers, security)
        # Small first batches: what comes may be large, and the mean follows quickly.
        self.mean_bytes = 50_000.0
        self._thread = ThreadPoolExecutor(1, "read ahead")
        self._ahead: Future[RawMessages] | None = None
        self.consumer = create(Consumer, consumer_settings(brokers, security) | {"error_cb": self.trouble})

    def read(self, timeout_s: float) -> RawMessages:
        """What has come; while data flows the next batch is read while this one is counted."""
        read = self._read(timeout_s) if self._ahead is None else self._ahead.result()
        ahead_s = min(timeout_s, _AHEAD_S)
        self._ahead = self._thread.submit(self._read, ahead_s) if read.payload else None
        return read

    def settle(self) -> None:
        """Wait for the batch that is read ahead, and keep it: then slots may be changed."""
        if self._ahead is not None:
            wait([self._ahead])

    def forget(self) -> None:
        """Drop the batch that was read ahead."""
        self.settle()
        self._ahead = None

    def close(self) -> None:
        """Let go of thread and consumer."""
        self._thread.shutdown()
        self.consumer.close()

    def _read(self, timeout_s: float) -> RawMessages:
        most = int(min(max(_BATCH_BYTES / self.mean_bytes, _LEAST_MESSAGES), _MOST_MESSAGES))
        messages = self.consumer.consume(most, timeout_s)
        read = _columns(self, messages, waited=len(messages) < most)
        if read.payload:
            self.mean_bytes += 0.2 * (float(read.size.mean()) - self.mean_bytes)
        return read


class KafkaReader:
    """A Reader; connections are kept from one assignment to the next."""

    def __init__(self, security: Security) -> None:
        self._security = security
        self._connections: dict[tuple[str, ...], _Connection] = {}
        self._slots = 0

    def connect(self, brokers: tuple[str, ...]) -> _Connection:
        """Make the connection to these brokers, if it is not there yet."""
        if brokers not in self._connections:
            self._connections[brokers] = _Connection(brokers, self._security)
        return self._connections[brokers]

    def assign(self, starts: Sequence[Start]) -> None:
        """Forget what was read before and begin at these offsets; slot i is `starts[i]`."""
        self.release()
        self._slots = 0
        for connection, wanted in self._placed(starts):
            connection.consumer.assign(wanted)

    def extend(self, starts: Sequence[Start]) -> None:
        """Read these partitions as well; their slots follow those there are."""
        for connection, wanted in self._placed(starts):
            connection.consumer.incremental_assign(wanted)

    def _placed(self, starts: Sequence[Start]) -> list[tuple[_Connection, list[TopicPartition]]]:
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
                connection.consumer.poll(0)  # what librdkafka wants to tell would pile up otherwise
        parts = [connection.read(timeout_s / len(busy)) for connection in busy]
        return parts[0] if len(parts) == 1 else _joined(parts)

    def drop(self, slots: Iterable[int]) -> None:
        """Read these slots no more."""
        dropped = set(slots)
        for connection in self._connections.values():
            gone = [key for key, slot in connection.slots.items() if slot in dropped]
            if gone:
                connection.settle()
                connection.consumer.incremental_unassign([TopicPartition(*key) for key in gone])
            for key in gone:
                del connection.slots[key]

    def ends(self) -> Mapping[int, int]:
        """The end offset of each slot as the last fetch told it."""
        ends: dict[int, int] = {}
        for connection in self._connections.values():
            for key, slot in connection.slots.items():
                known = connection.consumer.get_watermark_offsets(TopicPartition(*key), cached=True)
                if known is not None and known[1] >= 0:
                    ends[slot] = known[1]
        return ends

    def release(self) -> None:
        """Read nothing any more; connections are kept."""
        for connection in self._connections.values():
            connection.forget()
            if connection.slots:
                connection.consumer.unassign()
                connection.slots.clear()

    def close(self) -> None:
        """Let go of everything."""
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()


def _columns(connection: _Connection, messages: list[Message], *, waited: bool) -> RawMessages:
    """Columns of what was read. `map` with methods keeps loops over messages out of the interpreter."""
    ends: dict[int, int] = {}
    failures: dict[int, str] = {}
    errors = list(map(Message.error, messages))
    if not _NO_ERROR.issuperset(map(type, errors)):  # errors themselves cannot be compared with None
        bad = [message for message, error in zip(messages, errors, strict=True) if error is not None]
        messages = [message for message, error in zip(messages, errors, strict=True) if error is None]
        ends, failures = _events(connection, bad)
    keys = zip(map(Message.topic, messages), map(Message.partition, messages), strict=True)
    found = list(map(connection.slots.get, keys))
    if None in found:  # a message of a partition that was just dropped may still have been queued
        messages = [m for m, slot in zip(messages, found, strict=True) if slot is not None]
        found = [slot for slot in found if slot is not None]
    payload = list(map(Message.value, messages))
    if None in payload:
        payload = [value or b"" for value in payload]
    number = len(messages)
    return RawMessages(
        np.fromiter(found, np.int64, number),
        np.fromiter(map(Message.offset, messages), np.int64, number),
        np.fromiter(map(_MILLISECONDS, map(Message.timestamp, messages)), np.int64, number),
        payload,
        ends,
        failures,
        waited,
    )


def _events(connection: _Connection, bad: list[Message]) -> tuple[dict[int, int], dict[int, str]]:
    """What messages without data say: ends of partitions, and partitions that cannot be read any more."""
    ends: dict[int, int] = {}
    failures: dict[int, str] = {}
    for message in bad:
        error, topic = message.error(), message.topic()
        if error.code() == KafkaError._PARTITION_EOF:
            slot = connection.slots.get((topic, message.partition()))
            if slot is not None:
                ends[slot] = message.offset()
        elif error.code() not in _LOST:
            connection.trouble(error)
        else:
            for (name, number), slot in connection.slots.items():
                if name == topic and message.partition() in (number, -1):
                    where = f"partition {number} of {name!r} at offset {message.offset()}"
                    failures[slot] = f"{where} {_LOST[error.code()]}: {error.str()}"
    return ends, failures


def _joined(parts: Sequence[RawMessages]) -> RawMessages:
    """One after the other: within a partition the order stays."""
    empty = np.empty(0, np.int64)
    return RawMessages(
        np.concatenate([empty, *(part.slot for part in parts)]),
        np.concatenate([empty, *(part.offset for part in parts)]),
        np.concatenate([empty, *(part.timestamp_ms for part in parts)]),
        [payload for part in parts for payload in part.payload],
        {slot: offset for part in parts for slot, offset in part.ends.items()},
        {slot: reason for part in parts for slot, reason in part.failures.items()},
        all(part.waited for part in parts),
    )
