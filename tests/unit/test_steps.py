"""A question to brokers ends with an answer, or with an error that says why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future

import pytest
from fake_cluster import FakeCluster
from fakes import FakeClock

from histsvc.clock import Deadline
from histsvc.commands.steps import ask
from histsvc.errors import BrokerError, Code, CommandError

SILENCE = BrokerError("no word", retriable=True)


class Asking:
    """A cluster that answers one question after the other, and then no more, within 5 s of a clock."""

    def __init__(self, *answers: str | BrokerError) -> None:
        self.cluster, self.clock, self.asked = FakeCluster(), FakeClock(), 0
        self._answers: Sequence[str | BrokerError] = answers

    def ask(self, found_after_s: float = 99.0) -> str:
        """What comes of it; after a while it is found out that the brokers refuse us."""
        steps = ask(self.cluster, self._question, Deadline(self.clock, 5.0), "broker:9092", "data_brokers")
        while True:
            try:
                next(steps)
            except StopIteration as answered:
                return str(answered.value)
            self.clock.advance(0.1)
            if self.clock.monotonic_s() > found_after_s:
                self.cluster.refused, self.cluster.trouble = True, "has a bad certificate"

    def error(self, found_after_s: float = 99.0) -> CommandError:
        with pytest.raises(CommandError) as caught:
            self.ask(found_after_s)
        return caught.value

    def _question(self) -> Future[str]:
        future: Future[str] = Future()
        self.asked += 1
        if self.asked <= len(self._answers):
            answer = self._answers[self.asked - 1]
            if isinstance(answer, str):
                future.set_result(answer)
            else:
                future.set_exception(answer)
        return future


def test_it_is_asked_again_until_there_is_an_answer() -> None:
    asking = Asking(SILENCE, SILENCE, "yes")
    assert asking.ask() == "yes"
    assert asking.asked == 3


def test_what_no_second_question_mends_is_told_at_once() -> None:
    asking = Asking(BrokerError("no such thing", retriable=False), "yes")
    error = asking.error()
    assert (error.code, error.field) == (Code.UNAVAILABLE, "data_brokers")
    assert "broker:9092: no such thing" in error.message
    assert asking.asked == 1


def test_a_right_that_is_missing_is_told_at_once() -> None:
    asking = Asking(BrokerError("not for you", retriable=False, denied=True), "yes")
    assert asking.error().code is Code.PERMISSION_DENIED
    assert asking.asked == 1


def test_brokers_that_never_answer() -> None:
    error = Asking().error()
    assert (error.code, error.message.endswith("no answer in time")) == (Code.UNAVAILABLE, True)


@pytest.mark.parametrize("answers", [(), (SILENCE,)])
def test_that_brokers_refuse_us_may_be_found_out_while_the_last_question_waits(
    answers: tuple[BrokerError, ...],
) -> None:
    error = Asking(*answers).error(found_after_s=4.8)
    assert error.code is Code.PERMISSION_DENIED
    assert "(has a bad certificate)" in error.message
