"""What is due again and again keeps its rhythm, and is not made up for where it was missed."""

from __future__ import annotations

import pytest
from fakes import FakeClock

from histsvc.clock import Every


def test_due_at_once_and_then_once_every_period() -> None:
    clock = FakeClock()
    every = Every(clock, 10.0)
    assert [every.due(), every.due()] == [True, False]
    assert every.remaining_s() == 10.0
    clock.advance(9.0)
    assert not every.due()
    assert every.remaining_s() == 1.0
    clock.advance(1.0)
    assert [every.due(), every.due()] == [True, False]


def test_one_that_is_late_does_not_make_the_next_one_late() -> None:
    clock = FakeClock()
    every = Every(clock, 10.0)
    every.due()
    clock.advance(13.0)
    assert every.due()
    assert every.remaining_s() == 7.0


@pytest.mark.parametrize("missed_s", [20.0, 35.0])
def test_those_that_were_missed_are_not_made_up_for(missed_s: float) -> None:
    clock = FakeClock()
    every = Every(clock, 10.0)
    every.due()
    clock.advance(missed_s)
    assert [every.due(), every.due()] == [True, False]
    assert every.remaining_s() == 10.0
