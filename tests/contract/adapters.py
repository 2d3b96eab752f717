"""The adapters to Kafka, on one broker, for those who try them."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

import numpy as np

from histsvc.kafka.cluster import KafkaClusters
from histsvc.kafka.producer import KafkaSender
from histsvc.kafka.queue_taker import QueueTaker
from histsvc.kafka.reader import KafkaReader
from histsvc.kafka.taker import TakerKind
from histsvc.model import RawMessages, addresses
from histsvc.ports import Cluster, Outgoing
from histsvc.settings import Security

T = TypeVar("T")
TIMEOUT_S = 30.0


class Kafka:
    """The adapters on one broker."""

    def __init__(self, bootstrap: str, kind: TakerKind = QueueTaker) -> None:
        self.brokers = (bootstrap,)
        self.reader = KafkaReader(Security(), kind)
        self.sender = KafkaSender(Security(), "lz4")
        self.cluster: Cluster = KafkaClusters(Security()).of(self.brokers)

    def send(self, topic: str, *values: bytes) -> None:
        sent = [self.sender.send(Outgoing(self.brokers, topic, b"key", value)) for value in values]
        self.answered(*sent)
        for future in sent:
            future.result()

    def answered(self, *futures: Future[Any]) -> None:
        deadline = time.monotonic() + TIMEOUT_S
        while not all(future.done() for future in futures):
            assert time.monotonic() < deadline
            self.sender.serve(0.01)

    def ask(self, question: Future[T]) -> T:
        return question.result(TIMEOUT_S)

    def until(self, fact: Callable[[RawMessages], bool]) -> RawMessages:
        """The first that is read of which something is true."""
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            raw = self.reader.read(0.1)
            if fact(raw):
                return raw
            assert time.monotonic() < deadline, raw

    def read(self, wanted: int) -> tuple[list[tuple[int, int, bytes]], dict[int, int], dict[int, str]]:
        """Slot, offset and payload of the messages, the ends, and the failures, until there are enough."""
        rows: list[tuple[int, int, bytes]] = []
        ends: dict[int, int] = {}
        failures: dict[int, str] = {}
        deadline = time.monotonic() + TIMEOUT_S
        while len(rows) < wanted or not (ends or failures):
            assert time.monotonic() < deadline, (rows, ends, failures)
            raw = self.reader.read(0.01)
            self.reader.read_ahead()
            assert raw.slot.size == raw.offset.size == raw.timestamp_ms.size == len(raw.payload)
            columns = (raw.slot, raw.offset, raw.timestamp_ms, raw.size, addresses(raw.payload))
            assert all(column.flags.c_contiguous and column.dtype == np.int64 for column in columns)
            rows += zip(raw.slot.tolist(), raw.offset.tolist(), raw.payload, strict=True)
            ends.update(raw.ends)
            failures.update(raw.failures)
        return rows, ends, failures

    def batch(self) -> RawMessages:
        """The first that is not empty."""
        deadline = time.monotonic() + TIMEOUT_S
        while not (raw := self.reader.read(0.01)).payload:
            assert time.monotonic() < deadline
        return raw

    def some(self) -> list[int]:
        """The offsets of the first batch that is not empty; the next is read ahead."""
        offsets: list[int] = self.batch().offset.tolist()
        self.reader.read_ahead()
        return offsets
