"""What runs is kept in a topic, and found there when the service is started again."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import Future
from typing import TypeVar

import pytest
from fake_cluster import FakeClusters
from fakes import BROKERS, FakeReader, raw
from unit.fake_worker import Workers, begin, spec_of

from histsvc.clock import Deadline
from histsvc.commands.remember import TOPIC_CONFIG, Memory
from histsvc.errors import BrokerError
from histsvc.jobs import supervisor as module
from histsvc.jobs.record import JOBS, MARKS, from_json
from histsvc.model import Mark, Partition, Place
from histsvc.ports import Outgoing, TopicFacts
from histsvc.protocol.info import HistogramInfo, State
from histsvc.worker.link import TakeOver

PLACE = Partition(BROKERS, "state", 0)
T = TypeVar("T")


@pytest.fixture(autouse=True)
def _no_pipes(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing to wait for."""
    monkeypatch.setattr(module, "wait", lambda ends, timeout_s: [])


class FakeSender:
    """Keeps messages, and delivers them unless `hold`."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.futures: list[Future[Place]] = []
        self.hold = False
        self.error: BrokerError | None = None

    def send(self, message: Outgoing) -> Future[Place]:
        assert (message.brokers, message.topic) == (BROKERS, "state")
        self.sent.append(message.value)
        self.futures.append(Future())
        if not self.hold:
            self.deliver()
        return self.futures[-1]

    def deliver(self) -> None:
        for future in self.futures:
            if not future.done() and self.error is not None:
                future.set_exception(self.error)
            elif not future.done():
                future.set_result(Place(0, len(self.sent)))

    def serve(self, timeout_s: float) -> None:
        """Nothing to do."""

    def give_up(self) -> None:
        """Nothing to do."""


class Remembering(Workers):
    """A supervisor, and a memory of what it does."""

    def __init__(
        self, topic: Sequence[bytes] | None = None, *, resume: bool = True, service: str = "me"
    ) -> None:
        """`topic` is what lies in the state topic; without one there is no such topic."""
        super().__init__(1)
        self.tick()
        self.reader, self.sender, self.clusters = FakeReader(), FakeSender(), FakeClusters()
        self.cluster = self.clusters.of(BROKERS)
        if topic is not None:
            self.cluster.topics["state"] = 1
            self.cluster.end_offsets["state", 0] = len(topic)
            self.cluster.kept["state", 0] = [(0, 0)] if topic else []
            rows = [(0, offset, 0, payload) for offset, payload in enumerate(topic)]
            self.reader.queue = [raw(rows[:1]), raw(rows[1:], ends={0: len(topic)})]
        around = self.reader, self.sender, self.clusters, self.clock
        self.memory = Memory(PLACE, service, self.supervisor, *around, resume=resume)

    def work(self, seconds: float = 1.0) -> Remembering:
        for _ in range(round(seconds / 0.1)):
            self.memory.tick()
            self.clock.advance(0.1)
        return self

    def settled(self) -> list[str]:
        return run(self.memory.settle(self.deadline()))

    def deadline(self) -> Deadline:
        return Deadline(self.clock, 1.0)


def run(steps: Generator[None, None, T]) -> T:
    for _ in range(1000):
        try:
            next(steps)
        except StopIteration as finished:
            value: T = finished.value
            return value
    raise AssertionError("it never ends")


def running() -> Remembering:
    """A job of two histograms, of which one is known to lie somewhere."""
    remembering = Remembering([]).work()
    (worker,) = begin(remembering, spec_of("a", 0, 1))
    worker.tell([HistogramInfo(job="a", index=1, state=State.COUNTING)], mark=Mark(2, None, Place(0, 9)))
    remembering.supervisor.tick(0)
    return remembering


def test_a_topic_that_is_missing_is_made_to_be_compacted() -> None:
    remembering = Remembering().work()
    assert remembering.memory.recalled
    assert remembering.cluster.created == {"state": dict(TOPIC_CONFIG)}
    assert TOPIC_CONFIG["cleanup.policy"] == "compact"


def test_what_runs_is_written_before_a_command_is_answered_and_marks_later() -> None:
    remembering = running()
    assert remembering.settled() == []
    jobs, marks = (from_json(payload) for payload in remembering.sender.sent[-2:])
    assert [(job.id, job.specs) for job in jobs.jobs] == [("a", (spec_of("a", 0, 1),))]
    assert marks.marks == {"a": {0: Mark(), 1: Mark(2, None, Place(0, 9))}}
    written = len(remembering.sender.sent)
    remembering.work(5)
    assert len(remembering.sender.sent) == written  # nothing has changed
    (worker,) = remembering.supervisor.counting()
    remembering.fake(worker).tell(
        [HistogramInfo(job="a", index=0, state=State.COUNTING)], mark=Mark(1, None, Place(0, 11))
    )
    remembering.supervisor.tick(0)
    remembering.work(2)
    assert [from_json(payload).kind for payload in remembering.sender.sent[written:]] == [MARKS]


def test_another_service_takes_it_up_in_a_new_epoch() -> None:
    first = running()
    first.settled()
    second = Remembering(first.sender.sent).work()
    assert [(info.job, info.id) for info in second.supervisor.infos()] == [("a", "a0"), ("a", "a1")]
    second.supervisor.tick(0)
    (worker,) = second.supervisor.counting("a")
    (request,) = second.fake(worker).requests
    assert isinstance(request, TakeOver)
    assert [(h.epoch, h.mark) for h in request.spec.histograms] == [
        (2, Mark()),
        (2, Mark(2, None, Place(0, 9))),
    ]
    # What it took up it keeps as well, and so does its own successor.
    second.settled()
    third = Remembering(second.sender.sent).work()
    (spec,) = third.supervisor.parts("a")
    assert [h.epoch for h in spec.histograms] == [3, 3]
    assert [h.mark for h in spec.histograms] == [Mark(), Mark(2, None, Place(0, 9))]


def test_what_was_stopped_or_is_over_is_not_taken_up() -> None:
    first = running()
    first.supervisor.counting()[0].spec = spec_of("a", 1)
    first.supervisor.drop("a", [0])
    first.settled()
    second = Remembering(first.sender.sent).work()
    assert [info.id for info in second.supervisor.infos()] == ["a1"]
    first.supervisor.free(first.supervisor.counting()[0], None)
    first.supervisor.drop("a", [1])
    first.settled()
    assert Remembering(first.sender.sent).work().supervisor.infos() == ()


def test_without_resume_it_begins_empty_and_says_so_to_its_successor() -> None:
    first = running()
    first.settled()
    second = Remembering(first.sender.sent, resume=False).work()
    assert second.supervisor.infos() == ()
    third = Remembering([*first.sender.sent, *second.sender.sent]).work()
    assert third.supervisor.infos() == ()


def test_records_of_another_service_and_what_is_none_mean_nothing(caplog: pytest.LogCaptureFixture) -> None:
    first = running()
    first.settled()
    other = Remembering([b"rubbish", b"", *first.sender.sent], service="other").work()
    assert other.supervisor.infos() == ()
    assert "passed over" in caplog.text
    assert "nothing to resume" in caplog.text


def test_an_end_at_which_more_follows_is_none() -> None:
    first = running()
    first.settled()
    second = Remembering(first.sender.sent)
    whole = second.reader.queue
    second.reader.queue = [raw([], ends={0: 0}), whole[0], raw([], ends={0: 1}), *whole[1:]]
    assert [info.id for info in second.work().supervisor.infos()] == ["a0", "a1"]


def test_an_emptied_topic_is_as_good_as_none(caplog: pytest.LogCaptureFixture) -> None:
    remembering = Remembering([]).work()
    assert (remembering.memory.recalled, remembering.supervisor.infos()) == (True, ())
    assert "nothing to resume" in caplog.text


def test_nothing_is_written_before_it_is_known_what_ran() -> None:
    remembering = Remembering([b"rubbish"])
    remembering.reader.queue = []
    remembering.work()
    assert not remembering.memory.recalled
    assert remembering.settled() == []
    assert remembering.sender.sent == []


def test_brokers_that_do_not_answer_are_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    remembering = Remembering([])
    failed: Future[dict[str, TopicFacts]] = Future()
    failed.set_exception(BrokerError("no broker", retriable=True))
    with monkeypatch.context() as patched:
        patched.setattr(remembering.cluster, "describe", lambda topics: failed)
        assert not remembering.work().memory.recalled
    assert remembering.work().memory.recalled


def test_what_is_not_delivered_in_time_is_said() -> None:
    remembering = running()
    remembering.sender.hold = True
    steps = remembering.memory.settle(remembering.deadline())
    next(steps)
    remembering.clock.advance(2)
    assert run(steps) == ["not stored: no answer from the broker"] * 2
    remembering.sender.hold = False
    remembering.sender.deliver()
    assert remembering.settled() == []


def test_what_the_broker_refuses_is_counted_said_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    remembering = running()
    remembering.sender.error = BrokerError("too large", retriable=False)
    assert remembering.settled() == ["not stored: too large"] * 2
    remembering.work(3)
    assert remembering.memory.counters["state_failed.too large"] > 2
    assert caplog.text.count("could not be stored") == 1
    remembering.sender.error = None
    assert remembering.settled() == []
    kinds = {from_json(payload).kind for payload in remembering.sender.sent[-2:]}
    assert kinds == {JOBS, MARKS}
