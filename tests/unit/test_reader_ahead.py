"""The batch that is read ahead: nothing is changed under it, and none of it is lost or comes too late."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, Message

from histsvc.kafka import connection as module
from histsvc.kafka.reader import KafkaReader
from histsvc.model import Partition, Start
from histsvc.settings import Security

BROKERS = ("broker:9092",)
LIMIT_S = 10.0


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
        self.changes: list[str] = []
        self.let_go = threading.Event()
        self.waiting = threading.Event()

    def consume(self, number: int, timeout_s: float) -> list[Message]:
        self.waits_s.append(timeout_s)
        if len(self.waits_s) > 1:
            self.waiting.set()
            assert self.let_go.wait(LIMIT_S)
        return self.batches.pop(0) if self.batches else []

    def poll(self, timeout_s: float) -> None:
        return None

    def close(self) -> None:
        return None

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_: self.changes.append(name)


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Iterator[KafkaReader]:
    monkeypatch.setattr(module, "Consumer", FakeConsumer)
    made = KafkaReader(Security())
    made.assign([start("a"), start("b")])
    yield made
    FakeConsumer.made.let_go.set()
    made.close()


CHANGES: dict[str, Callable[[KafkaReader], None]] = {
    "incremental_unassign": lambda reader: reader.drop([1]),
    "incremental_assign": lambda reader: reader.extend([start("c")]),
    "unassign": lambda reader: reader.assign([start("c")]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_nothing_is_changed_while_a_batch_is_read_ahead(reader: KafkaReader, change: str) -> None:
    consumer = FakeConsumer.made
    assert reader.read(0.01).offset.tolist() == [0, 1]
    reader.read_ahead()
    assert consumer.waiting.wait(LIMIT_S), "nothing is read ahead"
    consumer.changes.clear()
    with ThreadPoolExecutor(1) as pool:
        changing = pool.submit(CHANGES[change], reader)
        with pytest.raises(TimeoutError):
            changing.result(timeout=0.1)
        assert not consumer.changes
        consumer.let_go.set()
        changing.result(timeout=LIMIT_S)
    assert consumer.changes[0] == change
    kept = reader.read(0.01)
    assert kept.offset.tolist() == ([] if change == "unassign" else [2])


def test_who_waits_long_for_data_does_not_wait_so_long_for_a_change(reader: KafkaReader) -> None:
    FakeConsumer.made.let_go.set()
    read = []
    for _ in range(4):
        read.append(reader.read(5.0).offset.tolist())
        reader.read_ahead()
        reader.read_ahead()
    assert read == [[0, 1], [2], [], []]
    # The first, two ahead, and when nothing has come any more the next one waits itself again.
    assert FakeConsumer.made.waits_s == [5.0, 0.01, 0.01, 5.0]


def test_topics_that_are_new_are_asked_about_before_they_are_assigned(reader: KafkaReader) -> None:
    consumer = FakeConsumer.made
    assert consumer.changes == ["list_topics", "assign"]
    for topics, asked in (("ab", []), ("bc", ["list_topics"]), ("c", [])):
        consumer.changes.clear()
        reader.assign([start(topic) for topic in topics])
        assert [change for change in consumer.changes if change != "unassign"] == [*asked, "assign"]


def test_brokers_that_do_not_answer_are_assigned_all_the_same(reader: KafkaReader) -> None:
    consumer = FakeConsumer.made

    def away(*_: Any) -> None:
        raise KafkaException(KafkaError(KafkaError._TRANSPORT))

    consumer.list_topics = away  # type: ignore[attr-defined]
    consumer.changes.clear()
    reader.assign([start("new")])
    assert consumer.changes[-1] == "assign"
