"""The batch that is read ahead: nothing is changed under it, and none of it is lost or comes too late."""

from __future__ import annotations

import contextlib
import multiprocessing
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

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


def test_who_waits_long_is_given_what_comes_first_and_does_not_keep_a_change_so_long(
    reader: KafkaReader,
) -> None:
    consumer = FakeConsumer.made
    consumer.let_go.set()
    consumer.polled.put(*batch("a", 0))
    consumer.batches = [batch("a", 1), batch("a", 2)]
    read = []
    for _ in range(4):
        read.append(reader.read(0.5).offset.tolist())
        reader.read_ahead()
        reader.read_ahead()
    assert read == [[0, 1], [2], [], []]
    # The first, what comes with it, two ahead, and when nothing has come any more the next one waits again.
    assert consumer.polls_s == [0.5, 0.5]
    assert consumer.waits_s[1:] == [0.01, 0.01]
    assert consumer.waits_s[0] < 0.01


def quiet(reader: KafkaReader) -> FakeConsumer:
    """Its consumer, from which nothing comes until a test says so."""
    consumer = FakeConsumer.made
    consumer.let_go.set()
    consumer.batches.clear()
    assert reader.read(0.0).payload == []
    return consumer


def test_a_message_ends_the_wait(reader: KafkaReader) -> None:
    consumer = quiet(reader)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(reader.wait, [], LIMIT_S)
        assert consumer.polling.wait(LIMIT_S)
        consumer.batches = [batch("a", 6)]
        consumer.polled.put(*batch("a", 5))
        waiting.result(timeout=LIMIT_S / 2)
    assert reader.read(0.0).offset.tolist() == [5, 6]
    assert reader.ends() == {0: END, 1: END}


def test_another_ends_the_wait_and_no_message_is_lost_by_that(reader: KafkaReader) -> None:
    consumer = quiet(reader)
    ours, theirs = multiprocessing.Pipe()
    with ours, theirs:
        theirs.send("a request")
        reader.wait([ours.fileno()], LIMIT_S)
        assert reader.read(0.0).payload == []
        # The thread still waits for what the second wait is told of.
        ours.recv()
        consumer.polled.put(*batch("a", 5))
        reader.wait([ours.fileno()], LIMIT_S)
        assert reader.read(0.0).offset.tolist() == [5]


def test_ends_that_are_looked_at_are_not_changed_meanwhile(reader: KafkaReader) -> None:
    """The thread that reads finds out about new partitions while the worker goes through those it knows."""
    reader.assign([start("a")])
    quiet(reader)
    (connection,) = reader._connections.values()
    before = connection.ends
    assert before == {0: END}
    reader.extend([start("b")])
    connection._ends_s = float("-inf")
    for _ in before:
        assert reader.read(0.0).payload == []
    assert reader.ends() == {0: END, 1: END}


def test_a_wait_has_an_end(reader: KafkaReader) -> None:
    quiet(reader)
    reader.wait([], 0.01)
    reader.wait([], 0.01)
    assert reader.read(0.0).payload == []


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_does_not_wait_for_messages_that_do_not_come(reader: KafkaReader, change: str) -> None:
    consumer = quiet(reader)
    reader.wait([], 0.0)
    assert consumer.polling.wait(LIMIT_S)
    consumer.changes.clear()
    begun_polls = len(consumer.polls_s)
    CHANGES[change](reader)
    assert consumer.changes[0] == change
    # The poll under way is waited for, and no other.
    assert len(consumer.polls_s) <= begun_polls + 1


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
