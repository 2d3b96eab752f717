"""Topics that come later: read from their beginning, by those that wait for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace

import pytest
from fake_cluster import FakeClusters
from fakes import BROKERS, NOW_MS, FakeClock, FakeOutbox, FakeReader, histogram_spec, worker_spec
from unit.worker_bench import COUNTING, ERROR, FINISHED, INITIALISED, STOP, Worker, event

from histsvc.errors import BrokerError
from histsvc.model import Partition, Start
from histsvc.ports import TopicFacts
from histsvc.settings import WorkerSettings


class Awaiting(Worker):
    """A worker that waits for the topic `late`; `counts` are the topics of each histogram."""

    def __init__(
        self,
        *counts: Sequence[str],
        starts: Mapping[tuple[str, int], int] | None = None,
        stop_ms: int | None = None,
    ) -> None:
        self.clock, self.reader, self.outbox = FakeClock(), FakeReader(), FakeOutbox()
        self.settings = WorkerSettings()
        self.clusters = FakeClusters()
        self.cluster = self.clusters.of(BROKERS)
        specs = [histogram_spec("hist1d", i, data_topics=list(each)) for i, each in enumerate(counts)]
        there = worker_spec(*specs, starts=starts or {}, stop_ms=stop_ms)
        for topic, number in starts or {}:
            self.cluster.topics[topic] = max(self.cluster.topics.get(topic, 0), number + 1)
            self.cluster.end_offsets[topic, number] = 0
        spec = replace(there, awaited=((BROKERS, "late"),))
        self.pipeline = self.built(spec, {})
        self.pipeline.begin()

    def come(self, topic: str, partitions: int, messages: int = 0) -> None:
        """Let a topic come into being, and be noticed."""
        self.cluster.topics[topic] = partitions
        for number in range(partitions):
            self.cluster.end_offsets[topic, number] = messages
        self.look()

    def look(self, times: int = 1) -> None:
        for _ in range(times):
            self.clock.advance(1.0)
            self.step(2)

    @property
    def slots(self) -> int:
        return len(self.reader.starts)

    @property
    def warnings(self) -> list[str | None]:
        return [info.warning for info in self.infos()]


WAITS = "data topic 'late' does not exist yet"


def test_it_is_read_from_its_beginning_all_partitions_of_it() -> None:
    worker = Awaiting(["late"])
    worker.look()
    assert (worker.slots, worker.warnings) == (0, [WAITS])
    worker.come("late", 3)
    assert worker.reader.starts == tuple(Start(Partition(BROKERS, "late", n), 0) for n in range(3))
    worker.read(event(2, 0), event(0, 0), event(0, 1), event(1, 0, NOW_MS - 3_600_000))
    assert (worker.info.state, worker.info.sum) == (COUNTING, 4)
    assert worker.info.offsets == {"late": {0: 2, 1: 1, 2: 1}}


def test_only_those_that_wait_for_it_count_it() -> None:
    worker = Awaiting(["x"], ["x", "late"], ["late"], starts={("x", 0): 0})
    worker.read(event(0, 0))
    assert worker.warnings == [None, WAITS, WAITS]
    worker.come("late", 2)
    worker.read(event(1, 0), event(2, 0), event(0, 1))
    assert [info.sum for info in worker.infos()] == [2, 4, 2]
    assert [info.offsets for info in worker.infos()] == [
        {"x": {0: 2}},
        {"x": {0: 2}, "late": {0: 1, 1: 1}},
        {"late": {0: 1, 1: 1}},
    ]
    assert worker.warnings == [None] * 3


def test_the_warning_is_published_while_it_waits_and_gone_after() -> None:
    worker = Awaiting(["late"])
    worker.look(2)
    assert {draft.info.warning for draft in worker.outbox.drafts} == {WAITS}
    worker.come("late", 1)
    worker.read(event(0, 0))
    worker.look()
    assert (worker.outbox.drafts[-1].info.state, worker.outbox.drafts[-1].info.warning) == (COUNTING, None)


def test_it_is_asked_for_once_a_second_and_noticed_once() -> None:
    worker = Awaiting(["late"])
    worker.step(2)
    worker.cluster.topics["late"] = 1
    worker.clock.advance(0.99)
    worker.step(2)
    assert worker.slots == 0
    worker.clock.advance(0.01)
    worker.step(2)
    assert worker.slots == 1
    worker.look(5)
    assert worker.slots == 1


def test_brokers_that_do_not_answer_are_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Awaiting(["late"])
    failed: Future[dict[str, TopicFacts]] = Future()
    failed.set_exception(BrokerError("down", retriable=True))
    monkeypatch.setattr(worker.cluster, "describe", lambda topics: failed)
    worker.come("late", 1)
    worker.look(5)
    assert (worker.slots, worker.warnings) == (0, [WAITS])
    monkeypatch.undo()
    worker.look()
    assert worker.slots == 1


def test_it_is_not_finished_before_the_topic_came() -> None:
    worker = Awaiting(["late"], ["x"], ["x", "late"], starts={("x", 0): 0}, stop_ms=STOP)
    worker.read(event(0, 0), event(0, 1, STOP + 1001))
    worker.at(STOP + 5000)
    worker.step(3)
    assert [info.state for info in worker.infos()] == [INITIALISED, FINISHED, COUNTING]
    assert not worker.pipeline.finished


def test_5_s_after_the_stop_time_it_is_not_waited_for_any_longer() -> None:
    worker = Awaiting(["late"], ["x", "late"], starts={("x", 0): 0}, stop_ms=STOP)
    worker.read(event(0, 0), event(0, 1, STOP + 1001))
    worker.at(STOP + 5001)
    worker.step(2)
    assert [(info.state, info.sum, info.warning) for info in worker.infos()] == [
        (FINISHED, 0, WAITS),
        (FINISHED, 1, WAITS),
    ]


def test_5_s_after_the_stop_time_what_came_before_is_read_to_its_end() -> None:
    worker = Awaiting(["late"], stop_ms=STOP)
    worker.at(STOP + 4000)
    worker.come("late", 2, messages=2)
    worker.cluster.end_offsets["late", 1] = 0
    worker.at(STOP + 5001)
    worker.step(3)
    assert worker.info.state is INITIALISED
    worker.read(event(0, 0), event(0, 1))
    assert (worker.info.state, worker.info.sum) == (FINISHED, 2)


def test_messages_behind_the_stop_time_end_a_topic_that_came_late() -> None:
    worker = Awaiting(["late"], stop_ms=STOP)
    worker.come("late", 1)
    worker.read(event(0, 0), event(0, 1, STOP + 1001), event(0, 2))
    assert (worker.info.state, worker.info.sum) == (FINISHED, 1)


def test_a_stop_command_does_not_wait_for_it() -> None:
    worker = Awaiting(["late"], ["x", "late"], starts={("x", 0): 0})
    worker.cluster.end_offsets["x", 0] = 1
    worker.pipeline.drain(1.0)
    worker.step(2)
    worker.read(event(0, 0))
    assert [(info.state, info.sum) for info in worker.infos()] == [(FINISHED, 0), (FINISHED, 1)]


def test_when_those_that_wait_were_stopped_it_is_read_by_nobody() -> None:
    worker = Awaiting(["x"], ["x", "late"], starts={("x", 0): 0})
    worker.pipeline.drain(0.0, [1])
    worker.step()
    worker.pipeline.forget([1])
    worker.come("late", 2)
    worker.read(event(0, 0), event(1, 0))
    assert worker.reader.dropped == [1, 2]
    assert [(info.state, info.sum, info.offsets) for info in worker.infos()] == [(COUNTING, 1, {"x": {0: 1}})]


def test_a_topic_that_came_and_was_deleted_again_is_the_end_of_those_that_count_it() -> None:
    worker = Awaiting(["x"], ["x", "late"], starts={("x", 0): 0})
    worker.come("late", 1)
    worker.read(event(0, 0), event(1, 0))
    worker.cluster.topics["late"] = 0
    worker.look(2)
    assert [info.state for info in worker.infos()] == [COUNTING, COUNTING]
    worker.look(2)
    worker.read(event(0, 1))
    assert [(info.state, info.sum) for info in worker.infos()] == [(COUNTING, 2), (ERROR, 2)]
    assert worker.infos()[1].error_message == "the data topic 'late' does not exist any more"
    worker.come("late", 1)
    assert (worker.slots, worker.reader.dropped) == (2, [1])
