"""The thread that follows for all pages: what it has, when it reads, and how it stands what goes wrong."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from unit.beats import beat, info
from unit.dashboards import TIMEOUT_S, FakeClient, FakeClock, Following, of_type

from histsvc.client import BrokerError, Histogram, State
from histsvc.view.dashboard import feed as module
from histsvc.view.dashboard.feed import Feed

HOUR_S = 3600
# What must not happen is waited for so long.
_NEVER_S = 0.2


class Fed:
    """A feed, and what it follows."""

    def __init__(self, client: FakeClient) -> None:
        self.client = client
        self.clock = FakeClock()
        self.feed = Feed(lambda: cast(Any, client), self.clock)
        self.feed.start()

    @property
    def following(self) -> Following:
        return self.client.following

    def polls(self) -> None:
        """It asks for what is new; what came before has been taken then."""
        assert self.following.polls.acquire(timeout=TIMEOUT_S)

    def rests(self) -> bool:
        """Whether it asks for nothing more."""
        return not self.following.polls.acquire(timeout=_NEVER_S)

    def take(self, *histograms: Histogram) -> None:
        """Let it take these; to be called while it polls, and it does so again afterwards."""
        self.following.give(*histograms)
        self.polls()

    def at(self, seconds: float = 0, kind: str = "hist1d", **keys: Any) -> Histogram:
        """A histogram that is published so many seconds from now."""
        return of_type(kind, published_ms=self.clock.now_ns() // 1_000_000 + round(1000 * seconds), **keys)


@pytest.fixture
def made() -> Iterator[Callable[..., Fed]]:
    every: list[Fed] = []

    def make(refusals: int = 0) -> Fed:
        every.append(Fed(FakeClient(refusals)))
        return every[-1]

    yield make
    for each in every:
        each.following.free()
        each.feed.close()


@pytest.fixture
def fed(made: Callable[..., Fed]) -> Fed:
    """One that somebody watches, and that polls."""
    one = made()
    one.feed.watch()
    one.polls()
    return one


def test_the_newest_of_each_and_what_was_before(fed: Fed) -> None:
    assert fed.feed.seen == {}
    first, other = fed.at(), fed.at(kind="dethist")
    fed.take(first, other)
    seen = fed.feed.seen["hist1d"]
    assert (seen.histogram, seen.version) == (first, 1)
    assert seen.history.before(10) is None
    second = fed.at(1, seed=2)
    fed.take(second)
    assert fed.feed.seen["hist1d"] is seen
    assert (seen.histogram, seen.version) == (second, 2)
    moment = seen.history.before(10)
    assert moment is not None
    assert moment.published_ns == first.timestamp_ns
    assert fed.feed.seen["dethist"].version == 1
    fed.take()
    assert seen.version == 2


def test_in_the_order_in_which_they_were_asked_for_then_what_has_ended(fed: Fed) -> None:
    fed.client.beats["a"] = beat(info("c"), info("unseen"), info("a"))
    fed.take(*(fed.at(name=name) for name in "abc"))
    assert list(fed.feed.seen) == ["c", "a", "b"]
    assert fed.feed.beats == fed.client.beats


def test_what_a_page_holds_does_not_change_under_it(fed: Fed) -> None:
    fed.take(fed.at(name="a"))
    before = fed.feed.seen
    fed.take(fed.at(name="b"))
    assert list(before) == ["a"]
    assert list(fed.feed.seen) == ["a", "b"]


@pytest.mark.parametrize(
    ("after_s", "state", "told", "known"),
    [
        (HOUR_S, State.FINISHED, False, True),
        (HOUR_S + 1, State.FINISHED, False, False),
        (HOUR_S + 1, State.FINISHED, True, True),
        (HOUR_S + 1, State.COUNTING, False, True),  # it is silent, which somebody wants to know
        (HOUR_S + 1, State.ERROR, False, True),
    ],
)
def test_what_has_ended_is_forgotten_when_nobody_tells_of_it(
    fed: Fed, after_s: int, state: State, told: bool, known: bool
) -> None:
    fed.take(fed.at(name="old", state=state), fed.at(after_s, name="new"))
    if told:
        fed.client.beats["a"] = beat(info("old", State.FINISHED))
    fed.clock.advance(after_s)
    fed.take()
    assert ("old" in fed.feed.seen) == ("old" in fed.following.latest) == known
    assert "new" in fed.feed.seen


def test_what_has_ended_before_brokers_were_away_is_forgotten_too(
    fed: Fed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_AGAIN_S", 0.01)
    fed.take(fed.at(name="old", state=State.FINISHED))
    fed.following.fail(BrokerError("gone", retriable=True))
    fed.polls()
    fed.clock.advance(HOUR_S + 1)
    fed.take()
    assert "old" not in fed.feed.seen


def test_it_reads_as_long_as_somebody_watches_and_a_little_more(fed: Fed) -> None:
    fed.feed.watch()
    fed.feed.leave()
    fed.clock.advance(HOUR_S)
    fed.take()  # another page is still there
    fed.feed.leave()
    fed.clock.advance(9.9)
    fed.take()
    fed.clock.advance(0.1)
    fed.following.give()
    assert fed.rests()
    fed.following.give(fed.at())
    assert fed.rests()
    assert fed.feed.seen == {}
    fed.feed.watch()
    fed.polls()
    fed.polls()  # what came meanwhile is taken
    assert fed.feed.seen["hist1d"].version == 1
    assert fed.client.opened == 1


def test_whoever_reloads_the_page_finds_it_reading(fed: Fed) -> None:
    fed.feed.leave()
    fed.clock.advance(5)
    fed.feed.watch()
    fed.clock.advance(HOUR_S)
    fed.take()


def test_brokers_that_do_not_answer_are_told_of_and_asked_again(
    made: Callable[..., Fed], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_AGAIN_S", 0.01)
    caplog.set_level(logging.WARNING)
    fed = made(refusals=2)
    fed.feed.watch()
    fed.polls()
    assert fed.client.opened == 3
    assert fed.client.closed == 2
    assert fed.feed.trouble == "nobody there"
    assert len([record for record in caplog.records if "nobody there" in record.getMessage()]) == 2
    fed.take(fed.at())
    assert fed.feed.trouble == ""


def test_what_was_seen_is_there_while_brokers_are_away(fed: Fed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_AGAIN_S", 0.01)
    fed.take(fed.at())
    seen = fed.feed.seen["hist1d"]
    fed.following.fail(BrokerError("denied", retriable=False))
    fed.polls()
    assert fed.feed.trouble == "denied"
    assert fed.feed.seen["hist1d"] is seen
    newer = fed.at(1)
    fed.take(newer)
    assert (seen.histogram, seen.version) == (newer, 2)
    assert (fed.client.opened, fed.client.closed) == (2, 1)


def threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "feed"]


def test_close_ends_the_thread_while_it_follows(made: Callable[..., Fed]) -> None:
    fed = made()
    fed.feed.watch()
    fed.polls()
    fed.following.free()
    fed.feed.close()
    assert threads() == []
    assert fed.client.closed == 1


def test_close_ends_the_thread_while_nobody_watches(made: Callable[..., Fed]) -> None:
    fed = made()
    fed.clock.advance(HOUR_S)
    if not fed.rests():  # it may have begun before
        fed.following.give()
        assert fed.rests()
    fed.feed.close()
    assert threads() == []


def test_close_ends_the_thread_while_it_waits_for_brokers(
    made: Callable[..., Fed], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_AGAIN_S", 100.0)
    fed = made()
    fed.feed.watch()
    fed.polls()
    fed.following.fail(BrokerError("gone", retriable=True))
    fed.feed.close()
    assert threads() == []
    assert fed.client.opened == fed.client.closed == 1
