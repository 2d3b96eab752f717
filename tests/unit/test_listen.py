"""Placing and reading the command topic: from when commands are sure to be read, and again after a loss."""

from __future__ import annotations

import logging
from concurrent.futures import Future
from dataclasses import replace

import pytest
from fake_cluster import FakeCluster, FakeClusters
from fakes import BROKERS, FakeClock, FakeReader, raw

from histsvc.commands.listen import CommandListener
from histsvc.errors import BrokerError
from histsvc.model import Partition, Start
from histsvc.ports import OffsetAt, TopicFacts

TOPIC = "commands"
PLACE = Partition(BROKERS, TOPIC, 0)


class Listening:
    """A listener with its surroundings; its topic has one partition that ends at offset 7."""

    def __init__(self) -> None:
        self.warm = True
        self.received: list[tuple[int, bytes]] = []
        self.reader, self.clusters, self.clock = FakeReader(), FakeClusters(), FakeClock()
        self.cluster: FakeCluster = self.clusters.of(BROKERS)
        self.cluster.topics[TOPIC] = 1
        self.cluster.end_offsets[TOPIC, 0] = 7
        self.listener = CommandListener(
            self.reader, self.clusters, self.clock, BROKERS, TOPIC, lambda: self.warm, self._receive
        )

    def _receive(self, offset: int, payload: bytes) -> None:
        self.received.append((offset, payload))

    def work(self, ticks: int = 20) -> CommandListener:
        for _ in range(ticks):
            self.listener.tick()
            self.clock.advance(0.05)
        return self.listener


@pytest.fixture
def listening(caplog: pytest.LogCaptureFixture) -> Listening:
    caplog.set_level(logging.INFO)
    return Listening()


def test_ready_with_the_place_of_the_end(listening: Listening, caplog: pytest.LogCaptureFixture) -> None:
    assert listening.listener.lost
    listener = listening.work()
    assert listener.ready
    assert not listener.lost
    assert listening.reader.starts == (Start(PLACE, 7),)
    (line,) = [record for record in caplog.records if "ready" in record.getMessage()]
    assert line.levelno == logging.INFO


def test_nothing_is_placed_before_a_worker_is_warm(listening: Listening) -> None:
    listening.warm = False
    assert not listening.work().ready
    assert not listening.cluster.asked
    listening.warm = True
    assert listening.work().ready


def test_a_missing_topic_is_waited_for(listening: Listening, caplog: pytest.LogCaptureFixture) -> None:
    listening.cluster.topics[TOPIC] = 0
    assert not listening.work().ready
    assert [m for m in caplog.messages if "waiting" in m] == [
        f"there is no command topic {TOPIC!r} yet: waiting for it"
    ]
    assert "ready" not in caplog.text
    listening.cluster.topics[TOPIC] = 1
    assert listening.work().ready


def test_a_broker_that_does_not_answer_is_asked_again(
    listening: Listening, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed: Future[dict[str, TopicFacts]] = Future()
    failed.set_exception(BrokerError("no broker", retriable=True))
    with monkeypatch.context() as patched:
        patched.setattr(listening.cluster, "describe", lambda topics: failed)
        assert not listening.work().ready
    assert caplog.text.count("no broker; trying again") == 1
    assert listening.work().ready


def test_partitions_are_all_read_and_warned_about(
    listening: Listening, caplog: pytest.LogCaptureFixture
) -> None:
    listening.cluster.topics[TOPIC] = 2
    listening.cluster.end_offsets[TOPIC, 1] = 3
    listening.work()
    assert listening.reader.starts == (Start(PLACE, 7), Start(Partition(BROKERS, TOPIC, 1), 3))
    assert "has 2 partitions: commands keep their order only within one" in caplog.text


def test_what_comes_is_received_in_order(listening: Listening) -> None:
    listening.reader.queue = [raw([(0, 7, 1, b"a"), (0, 8, 1, b"b")]), raw([(0, 9, 1, b"c")])]
    listening.work()
    assert listening.received == [(7, b"a"), (8, b"b"), (9, b"c")]


def test_a_lost_place_is_found_again_at_the_beginning(
    listening: Listening, caplog: pytest.LogCaptureFixture
) -> None:
    listening.work()
    listening.cluster.kept[TOPIC, 0] = [(2, 1)]
    listening.reader.queue = [raw([], failures={0: "partition 0 is gone"})]
    listening.listener.tick()
    assert listening.listener.lost
    assert listening.listener.ready  # what was received before goes on
    assert not listening.work().lost
    assert listening.cluster.asked[-1] == ([PLACE], OffsetAt.EARLIEST)
    assert listening.reader.starts == (Start(PLACE, 2),)
    assert listening.listener.counters == {"command_read_failed": 1}
    assert "commands cannot be read: partition 0 is gone" in caplog.text


def test_a_topic_that_may_not_be_read_for_now_is_read_on_where_it_was(
    listening: Listening, caplog: pytest.LogCaptureFixture
) -> None:
    listening.work()
    starts = listening.reader.starts
    hindered = replace(raw([], failures={0: "no right"}), hindered=frozenset({0}))
    listening.reader.queue = [hindered, raw([(0, 9, 1, b"c")])]
    listening.work()
    assert listening.received == [(9, b"c")]
    assert listening.reader.starts is starts
    assert "commands cannot be read: no right" in caplog.text
