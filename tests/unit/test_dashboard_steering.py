"""Commands of all pages: what becomes of each is told once, and kept."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import pytest
from unit.dashboards import NOW_MS, TIMEOUT_S, FakeClock

from histsvc.client import BrokerError, Code, CommandError
from histsvc.view.dashboard.steering import Sent, Steering

Reply = Callable[[Mapping[str, Any]], dict[str, Any]]


def ack(command: Mapping[str, Any]) -> dict[str, Any]:
    return {"response": "ACK"}


class Client:
    """Answers as it is told."""

    def __init__(self, reply: Reply = ack) -> None:
        self.reply = reply
        self.commands: list[Mapping[str, Any]] = []

    def send(self, command: Mapping[str, Any]) -> dict[str, Any]:
        self.commands.append(command)
        return self.reply(command)


class Steered:
    """A page that sends commands by a client."""

    def __init__(self, *, may: bool = True) -> None:
        self.client, self.clock = Client(), FakeClock()
        self.steering = Steering(cast(Any, self.client), self.clock, may=may)
        self._answers: queue.SimpleQueue[Sent] = queue.SimpleQueue()

    def send(self, cmd: str = "stop", **keys: Any) -> None:
        self.steering.send({"cmd": cmd, **keys}, self._answers.put)

    def answered(self) -> Sent:
        return self._answers.get(timeout=TIMEOUT_S)

    def left(self) -> bool:
        """Whether there are answers that nobody has had, after all has ended."""
        self.steering.close()
        return not self._answers.empty()


@pytest.fixture
def page() -> Iterator[Steered]:
    made = Steered()
    yield made
    made.steering.close()


def raising(error: Exception) -> Reply:
    def reply(_: Mapping[str, Any]) -> dict[str, Any]:
        raise error

    return reply


def test_an_ack_with_what_it_brings_is_told_once(page: Steered) -> None:
    page.client.reply = lambda _: {"warnings": ["one", "two"], "schema": {"x": 1}}
    page.send("describe")
    sent = page.answered()
    assert (sent.outcome, sent.message, sent.about_field) == ("ACK", "one; two", "")
    assert sent.reply["schema"] == {"x": 1}
    assert page.client.commands == [{"cmd": "describe"}]
    assert not page.left()


ERROR = CommandError(Code.INVALID_ARGUMENT, "too few bins", "histograms[0].num_bins")


@pytest.mark.parametrize(
    ("error", "outcome", "message", "field"),
    [
        (ERROR, "ERR", "too few bins", "histograms[0].num_bins"),
        (CommandError(Code.NOT_FOUND, "no such id"), "ERR", "no such id", ""),
        (TimeoutError("no reply to 'stop' within 6 s"), "NO REPLY", "no reply to 'stop' within 6 s", ""),
        (BrokerError("not delivered", retriable=True), "NO REPLY", "not delivered", ""),
    ],
)
def test_what_goes_wrong_is_told_once(
    page: Steered, error: Exception, outcome: str, message: str, field: str
) -> None:
    page.client.reply = raising(error)
    page.send()
    sent = page.answered()
    assert (sent.outcome, sent.message, sent.about_field) == (outcome, message, field)
    assert sent.reply == {}
    assert page.steering.history == [sent]
    assert not page.left()


def test_pages_see_a_command_from_when_it_is_sent_and_each_change(page: Steered) -> None:
    may_answer = threading.Event()

    def reply(_: Mapping[str, Any]) -> dict[str, Any]:
        assert may_answer.wait(TIMEOUT_S)
        return {}

    page.client.reply = reply
    before = page.steering.version
    page.send("stop", ids=["a"])
    (sent,) = page.steering.history
    assert (sent.outcome, sent.sent_ms, sent.about) == ("", NOW_MS, "stop a")
    after = page.steering.version
    assert after != before
    may_answer.set()
    assert page.answered() is sent
    assert sent.outcome == "ACK"
    assert page.steering.version not in (before, after)


def test_the_last_hundred_are_kept_the_newest_first(page: Steered) -> None:
    for number in range(103):
        page.clock.advance(1)
        page.send(ids=[str(number)])
        page.answered()
    history = page.steering.history
    assert [sent.about for sent in history] == [f"stop {number}" for number in range(102, 2, -1)]
    assert history[0].sent_ms - history[-1].sent_ms == 99_000
    history.clear()
    assert len(page.steering.history) == 100


def test_one_that_waits_holds_no_other_back(page: Steered) -> None:
    together = threading.Barrier(2)

    def reply(command: Mapping[str, Any]) -> dict[str, Any]:
        together.wait(TIMEOUT_S)  # both are under way at once, or this breaks
        return {"warnings": [command["cmd"]]}

    page.client.reply = reply
    page.send("one")
    page.send("two")
    answers = [page.answered(), page.answered()]
    assert {sent.outcome for sent in answers} == {"ACK"}
    assert {sent.message: sent.command["cmd"] for sent in answers} == {"one": "one", "two": "two"}


def test_without_leave_nothing_is_sent() -> None:
    page = Steered(may=False)
    with pytest.raises(PermissionError, match="--allow-commands"):
        page.send()
    assert not page.left()
    assert page.client.commands == []
    assert page.steering.history == []
    assert not page.steering.may


@pytest.mark.parametrize(
    ("command", "about"),
    [
        ({"cmd": "stop"}, "stop"),
        ({"cmd": "stop", "ids": ["a", 5]}, "stop a, 5"),
        ({"cmd": "add", "histograms": [{"id": "a"}, {}, {"id": None}, {"id": "b"}]}, "add a, b"),
        ({"cmd": "config", "histograms": None}, "config"),
        ({}, ""),
    ],
)
def test_what_a_command_is_about(command: dict[str, Any], about: str) -> None:
    assert Sent(NOW_MS, command).about == about
