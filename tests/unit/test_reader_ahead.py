"""The batch that is read ahead: nothing is changed under it, and none of it is lost or comes too late."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from unit.fake_consumer import END, LIMIT_S, FakeConsumer, batch, made_reader, quiet, start

from histsvc.kafka.reader import KafkaReader


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Iterator[KafkaReader]:
    yield from made_reader(monkeypatch)


CHANGES: dict[str, Callable[[KafkaReader], None]] = {
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
        assert not reader.read(0.0).payload
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
        assert not reader.read(0.0).payload
    assert reader.ends() == {0: END, 1: END}


def test_a_wait_has_an_end(reader: KafkaReader) -> None:
    quiet(reader)
    reader.wait([], 0.01)
    reader.wait([], 0.01)
    assert not reader.read(0.0).payload


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
