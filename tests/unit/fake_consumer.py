"""A consumer that gives what a test says, and a reader that has it."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import Message, TopicPartition

from histsvc.kafka import connection as module
from histsvc.kafka.reader import KafkaReader
from histsvc.model import Partition, Start
from histsvc.settings import Security

BROKERS = ("broker:9092",)
LIMIT_S = 10.0
END = 7


def start(topic: str) -> Start:
    return Start(Partition(BROKERS, topic, 0), 0)


def batch(topic: str, *offsets: int) -> list[Message]:
    return [
        Message(topic=topic, partition=0, offset=offset, value=b"x", timestamp=(1, offset))
        for offset in offsets
    ]


class FakeConsumer:
    """Gives batches; the second and later ones only when they are let go."""

    made: FakeConsumer

    def __init__(self, config: dict[str, Any]) -> None:
        FakeConsumer.made = self
        self.batches = [batch("a", 0, 1), batch("a", 2)]
        self.waits_s: list[float] = []
        self.polls_s: list[float] = []
        self.changes: list[str] = []
        self.let_go = threading.Event()
        self.waiting = threading.Event()
        self.polling = threading.Event()
        self.polled: queue.SimpleQueue[Message] = queue.SimpleQueue()

    def consume(self, number: int, timeout_s: float) -> list[Message]:
        self.waits_s.append(timeout_s)
        if len(self.waits_s) > 1:
            self.waiting.set()
            assert self.let_go.wait(LIMIT_S)
        return self.batches.pop(0) if self.batches else []

    def poll(self, timeout_s: float) -> Message | None:
        self.polls_s.append(timeout_s)
        self.polling.set()
        with contextlib.suppress(queue.Empty):
            return self.polled.get(timeout=timeout_s)
        return None

    def get_watermark_offsets(self, partition: TopicPartition, *, cached: bool) -> tuple[int, int]:
        assert cached
        return 0, END

    def close(self) -> None:
        return None

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_: self.changes.append(name)


def made_reader(monkeypatch: pytest.MonkeyPatch) -> Iterator[KafkaReader]:
    """A reader of two partitions, for a fixture."""
    monkeypatch.setattr(module, "Consumer", FakeConsumer)
    made = KafkaReader(Security())
    made.assign([start("a"), start("b")])
    yield made
    FakeConsumer.made.let_go.set()
    made.close()


def quiet(reader: KafkaReader) -> FakeConsumer:
    """Its consumer, from which nothing comes until a test says so."""
    consumer = FakeConsumer.made
    consumer.let_go.set()
    consumer.batches.clear()
    assert not reader.read(0.0).payload
    return consumer
