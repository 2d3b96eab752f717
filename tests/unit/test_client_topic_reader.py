"""Every message of some topics, for those who must not miss one."""

from __future__ import annotations

import pytest
from fake_topics import World, install
from fakes import BROKERS
from unit.client_bench import KAFKA

from histsvc.client import BrokerError, TopicReader
from histsvc.ports import OffsetAt


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = install(monkeypatch)
    made.make("a", partitions=2)
    made.make("b")
    for number in range(25):
        made.write("a", b"a%d" % number, number=number % 2)
        made.write("b", b"b%d" % number)
    return made


def everything(reader: TopicReader) -> list[tuple[str, bytes]]:
    """All that can be read without waiting."""
    found: list[tuple[str, bytes]] = []
    while more := reader.poll(0):
        found += more
    return found


def test_all_of_each_topic_from_its_beginning(world: World) -> None:
    found = everything(TopicReader(KAFKA, ["a", "b"], OffsetAt.EARLIEST))
    assert sorted(found) == sorted((t, f"{t}{n}".encode()) for t in "ab" for n in range(25))
    assert [payload for topic, payload in found if topic == "b"] == [b"b%d" % n for n in range(25)]


def test_all_from_now_on(world: World) -> None:
    reader = TopicReader(KAFKA, ["b", "a"], OffsetAt.LATEST)
    assert reader.poll(0.5) == []
    world.write("a", b"1", b"2", number=1)
    world.write("b", b"3")
    assert sorted(everything(reader)) == [("a", b"1"), ("a", b"2"), ("b", b"3")]
    reader.close()


def test_topics_that_are_not_there_are_named(world: World) -> None:
    with pytest.raises(BrokerError, match="there is no topic c, d") as caught:
        TopicReader(KAFKA, ["a", "c", "d"], OffsetAt.LATEST)
    assert not caught.value.retriable


@pytest.mark.parametrize("what", ["retention", "deletion"])
def test_what_was_not_read_in_time_is_an_error(world: World, what: str) -> None:
    reader = TopicReader(KAFKA, ["b", "a"], OffsetAt.EARLIEST)
    reader.poll(0)
    world.retain("b", 20) if what == "retention" else world.delete("b")
    with pytest.raises(BrokerError, match="b at offset 10 is lost"):
        reader.poll(0)


def test_brokers_that_do_not_answer_are_an_error_in_bounded_time(world: World) -> None:
    world.away.add(BROKERS)
    with pytest.raises(BrokerError, match="nobody there"):
        TopicReader(KAFKA, ["a"], OffsetAt.LATEST)
    assert world.passed_s() < 13
