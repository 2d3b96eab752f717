"""How tools are stopped: by signals, which ask, or end at once what waits for long."""

from __future__ import annotations

import signal

import pytest

from histsvc.cli.stop import Stop

NUMBERS = [signal.SIGINT, signal.SIGTERM]


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_asks_and_leaves_what_is_done_alone(number: signal.Signals) -> None:
    stop = Stop()
    done = False
    with stop.signals():
        assert not stop.wait(0)
        signal.raise_signal(number)
        done = True
    assert done
    assert stop.requested()
    assert stop.wait(1000)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_ends_at_once_what_may_be_ended(number: signal.Signals) -> None:
    stop = Stop()
    passed = []
    with stop.signals():
        with stop.at_once():
            passed.append("before")
            signal.raise_signal(number)
            passed.append("rest of the wait")
        passed.append("what follows")
    assert passed == ["before"]
    assert stop.requested()


def test_what_may_be_ended_does_not_begin_after_a_signal() -> None:
    stop = Stop()
    passed = []
    with stop.signals():
        signal.raise_signal(signal.SIGINT)
        with stop.at_once():
            passed.append("a wait")
        passed.append("what follows")
    assert passed == []


def test_after_the_wait_a_signal_asks_again() -> None:
    stop = Stop()
    done = False
    with stop.signals():
        with stop.at_once():
            pass
        signal.raise_signal(signal.SIGINT)
        done = True
    assert done
    assert stop.requested()


def test_handlers_are_those_of_before() -> None:
    before = [signal.getsignal(number) for number in NUMBERS]
    with Stop().signals():
        assert [signal.getsignal(number) for number in NUMBERS] != before
    assert [signal.getsignal(number) for number in NUMBERS] == before


@pytest.mark.parametrize("number", NUMBERS)
def test_a_second_signal_ends_at_once_what_asks_for_it(number: signal.Signals) -> None:
    stop = Stop(second_at_once=True)
    passed = []
    with stop.signals():
        signal.raise_signal(signal.SIGINT)
        passed.append("the first asks")
        assert not stop.hurried()
        signal.raise_signal(number)
        passed.append("what follows")
    assert passed == ["the first asks"]
    assert stop.hurried()


def test_a_second_signal_asks_as_the_first_does_where_nobody_hurries() -> None:
    stop = Stop()
    with stop.signals():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        assert stop.requested()
        assert not stop.hurried()
