"""A worker to which nothing comes: it does little, and misses nothing."""

from __future__ import annotations

from collections import Counter
from typing import cast

import pytest
from fakes import NOW_MS
from unit.worker_bench import EVENT, STOP, Worker

from histsvc.worker.link import ChildLink, Stats
from histsvc.worker.outbox import ThreadOutbox
from histsvc.worker.tell import Teller


class FakeLink:
    """Keeps what is told; takes nothing while it is `full`."""

    def __init__(self) -> None:
        self.told: list[Stats] = []
        self.full = False

    def stats(self, stats: Stats, *, must: bool) -> bool:
        if not self.full:
            self.told.append(stats)
        return not self.full


class FakePostOffice:
    """What a teller wants to know of an outbox."""

    def __init__(self) -> None:
        self.counters: Counter[str] = Counter()
        self.busy_s = 0.0


class Telling:
    """A worker that tells how it is after each step."""

    def __init__(self) -> None:
        self.worker, self.link = Worker(), FakeLink()
        self.worker.cluster.topics["events"] = 1
        outbox = cast(ThreadOutbox, FakePostOffice())
        self.teller = Teller(cast(ChildLink, self.link), outbox, self.worker.clock)

    def go(self, seconds: float) -> int:
        """Let time pass in steps of 0.1 s; returns how often it told something."""
        before = len(self.link.told)
        for _ in range(round(seconds / 0.1)):
            self.worker.clock.advance(0.1)
            self.worker.step()
            self.teller.tell(self.worker.pipeline)
        return len(self.link.told) - before


@pytest.fixture
def telling() -> Telling:
    made = Telling()
    made.go(3)
    return made


def test_where_nothing_happens_it_is_told_once_a_second(telling: Telling) -> None:
    assert telling.go(10) in (10, 11)


def test_what_happens_is_told_soon(telling: Telling) -> None:
    for number in range(5):
        telling.worker.read((0, number, NOW_MS, EVENT))
        telling.go(0.2)
        assert telling.link.told[-1].infos[0].sum == number + 1


def test_a_state_is_told_soon(telling: Telling) -> None:
    telling.worker.read(failures={0: "it was deleted"})
    telling.go(0.2)
    assert telling.link.told[-1].infos[0].error_message == "it was deleted"


def test_what_could_not_be_told_is_told_as_soon_as_it_can(telling: Telling) -> None:
    telling.worker.read((0, 0, NOW_MS, EVENT))
    telling.link.full = True
    telling.go(0.2)
    telling.link.full = False
    telling.go(0.2)
    assert telling.link.told[-1].infos[0].sum == 1


def test_it_is_idle_when_nothing_has_come() -> None:
    worker = Worker()
    idle = [worker.pipeline.idle]
    for rows in ((), ((0, 0, NOW_MS, EVENT),), ()):
        worker.read(*rows)
        idle.append(worker.pipeline.idle)
    assert idle == [False, True, False, True]


def test_it_is_not_idle_while_an_answer_may_end_a_histogram() -> None:
    worker = Worker(stop_ms=STOP)
    worker.step()
    assert worker.pipeline.idle
    worker.pipeline.drain(5.0)
    worker.step()
    assert worker.pipeline.finished or not worker.pipeline.idle


def test_publications_say_when_they_are_due() -> None:
    worker = Worker()
    worker.step()
    publisher = worker.pipeline.publisher
    unchanged_s = publisher.due_in_s()
    worker.read((0, 0, NOW_MS, EVENT))
    changed_s = publisher.due_in_s()
    assert 0 < changed_s < unchanged_s == 1.0
    worker.clock.advance(changed_s)
    published = len(worker.outbox.drafts)
    worker.step()
    assert len(worker.outbox.drafts) == published + 1
    assert publisher.due_in_s() > 0
