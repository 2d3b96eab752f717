"""What is read changes: of what is dropped nothing is given out, and what is new is asked about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from unit.fake_consumer import LIMIT_S, FakeConsumer, batch, made_reader, quiet, start

from histsvc.clock import Deadline, SystemClock
from histsvc.kafka.reader import KafkaReader


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Iterator[KafkaReader]:
    yield from made_reader(monkeypatch)


def test_what_is_dropped_is_left_out_at_once_and_unassigned_when_nobody_waits(reader: KafkaReader) -> None:
    consumer = FakeConsumer.made
    consumer.batches = [batch("a", 0, 1), [*batch("a", 2), *batch("b", 3)], batch("a", 4)]
    assert reader.read(0.01).offset.tolist() == [0, 1]
    reader.read_ahead()
    assert consumer.waiting.wait(LIMIT_S), "nothing is read ahead"
    consumer.changes.clear()
    reader.drop([1])
    assert not consumer.changes
    consumer.let_go.set()
    assert reader.read(0.01).offset.tolist() == [2]
    assert reader.read(0.01).offset.tolist() == [4]
    assert consumer.changes == ["incremental_unassign"]
    reader.drop([0])
    assert consumer.changes == ["incremental_unassign"] * 2


@pytest.mark.parametrize("change", ["extend", "assign", "nothing"])
def test_what_was_dropped_while_somebody_waited_is_unassigned_before_anything_else(
    reader: KafkaReader, change: str
) -> None:
    consumer = quiet(reader)
    reader.wait([], 0.0)
    assert consumer.polling.wait(LIMIT_S)
    consumer.changes.clear()
    reader.drop([0, 1])
    if change == "extend":
        reader.extend([start("a")])
        assert consumer.changes == ["incremental_unassign", "incremental_assign"]
    elif change == "assign":
        reader.assign([start("a")])
        assert consumer.changes in (["unassign", "assign"], ["incremental_unassign", "assign"])
    else:
        deadline = Deadline(SystemClock(), LIMIT_S)
        while not consumer.changes and not deadline.expired():
            reader.read(0.01)
        assert consumer.changes == ["incremental_unassign"]


@pytest.mark.parametrize(
    ("assigned", "change", "came", "kept"),
    [
        ("a", None, "aaa", [0, 1, 2]),
        ("a", None, "baa", [1, 2]),
        ("ab", None, "aba", [0, 1, 2]),
        ("ab", "drop", "aba", [0, 2]),
        ("ab", "drop", "bab", [1]),
        ("a", "extend and drop", "aba", [0, 2]),
    ],
)
def test_messages_of_what_is_read_no_more_are_left_out(
    reader: KafkaReader, assigned: str, change: str | None, came: str, kept: list[int]
) -> None:
    reader.assign([start(topic) for topic in assigned])
    if change == "extend and drop":
        reader.extend([start("b")])
    if change:
        reader.drop([1])
    FakeConsumer.made.batches = [[batch(topic, i)[0] for i, topic in enumerate(came)]]
    read = reader.read(0.01)
    assert read.offset.tolist() == kept
    assert read.slot.tolist() == ["ab".index(came[i]) for i in kept]


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
