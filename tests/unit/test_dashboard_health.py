"""Whether a measurement is well: what each state of histograms and services looks like, and all together."""

from __future__ import annotations

from typing import Any

import pytest
from unit.beats import beat, info
from unit.dashboards import NOW_MS, of_type

from histsvc.client import State
from histsvc.view.dashboard.health import Condition, Level, of_histogram, of_service, verdict


def of(age_ms: int | None, *, after_ms: int = 0, **keys: Any) -> Condition:
    """A spectrum whose data were so old when it was published, `after_ms` later."""
    return of_histogram(of_type("hist1d", data_age_ms=age_ms, **keys), NOW_MS + after_ms)


@pytest.mark.parametrize(
    ("age_ms", "after_ms", "keys", "level"),
    [
        (400, 0, {}, Level.GOOD),
        (2_000, 1_000, {}, Level.GOOD),
        (2_000, 1_001, {}, Level.LATE),  # since it was published its data have become older
        (0, 15_000, {}, Level.LATE),
        (0, 15_001, {}, Level.STALE),
        (None, 0, {}, Level.WAITING),
        (None, 0, {"state": State.INITIALISED}, Level.WAITING),
        (0, 0, {"state": State.ERROR}, Level.ERROR),
        (None, 0, {"state": State.ERROR}, Level.ERROR),
        (0, 15_001, {"state": State.ERROR}, Level.STALE),
        (0, 15_001, {"state": State.FINISHED}, Level.STOPPED),  # that is final, nothing is missing
    ],
)
def test_how_a_histogram_is(age_ms: int | None, after_ms: int, keys: dict[str, Any], level: Level) -> None:
    assert of(age_ms, after_ms=after_ms, **keys).level is level


def test_how_a_histogram_is_in_words() -> None:
    assert "0.4 s" in of(400).words
    assert "5.0 s" in of(2_000, after_ms=3_000).words
    assert "20 s" in of(0, after_ms=20_000).words
    assert of(0, state=State.ERROR, error_message="topic is gone").why == "topic is gone"
    assert of(0, state=State.ERROR).why


@pytest.mark.parametrize(
    ("made", "after_ms", "level"),
    [
        (beat(info("a")), 0, Level.GOOD),
        (beat(info("a", State.INITIALISED)), 4_000, Level.GOOD),
        (beat(info("a")), 4_001, Level.STALE),
        (beat(info("a", State.ERROR)), 4_001, Level.STALE),
        (beat(info("a"), info("b", State.ERROR)), 0, Level.ERROR),
        (beat(info("a"), info("b", State.FINISHED)), 0, Level.GOOD),
        (beat(info("b", State.FINISHED)), 0, Level.STOPPED),
        (beat(), 0, Level.STOPPED),
    ],
)
def test_how_a_service_is(made: Any, after_ms: int, level: Level) -> None:
    assert of_service(made, NOW_MS + after_ms).level is level


def test_a_service_may_be_silent_for_some_of_its_own_heartbeats() -> None:
    slow, quick = beat(info("a")), beat(info("a"))
    object.__setattr__(slow, "message_interval", 10_000)
    object.__setattr__(quick, "message_interval", 10)
    assert of_service(slow, NOW_MS + 40_000).level is Level.GOOD
    assert of_service(slow, NOW_MS + 40_001).level is Level.STALE
    assert of_service(quick, NOW_MS + 4_000).level is Level.GOOD  # a slow network is no silence


def test_a_service_that_replaces_a_worker_is_not_well_and_an_error_is_worse() -> None:
    for failed, level in ((State.COUNTING, Level.LATE), (State.ERROR, Level.ERROR)):
        made = beat(info("a", failed))
        object.__setattr__(made, "degraded", True)
        assert of_service(made, NOW_MS).level is level


def test_how_a_service_is_in_words() -> None:
    made = beat(info("a"), info("b", rate=12_000.0), info("c", State.FINISHED, rate=9e9))
    good = of_service(made, NOW_MS)
    assert "2" in good.words
    assert "12k/s" in good.why
    failed = [info("a", State.ERROR, error_message="no topic"), info("b", State.ERROR)]
    bad = of_service(beat(info("c"), *failed), NOW_MS)
    assert "2" in bad.words
    assert bad.why == "a: no topic"


WORST_FIRST = [Level.ERROR, Level.STALE, Level.LATE, Level.WAITING]


@pytest.mark.parametrize("number", range(len(WORST_FIRST)))
def test_the_verdict_is_the_worst_there_is(number: int) -> None:
    conditions = [Condition(level, f"words {level}", f"why {level}") for level in WORST_FIRST[number:]]
    good = Condition(Level.GOOD, "good")
    told = verdict([good, *reversed(conditions), good], 3, 5e6)
    assert told.level is WORST_FIRST[number]
    said = {Level.ERROR: "why error", Level.STALE: "words stale", Level.LATE: "words late"}
    assert said.get(told.level, "") in told.words
    assert "3" in told.why


def test_of_equals_the_first_is_told() -> None:
    told = verdict([Condition(Level.ERROR, "", "one"), Condition(Level.ERROR, "", "two")], 0, 0)
    assert "one" in told.words


def test_a_verdict_of_what_is_well() -> None:
    assert "5.12M events/s" in verdict([Condition(Level.GOOD, "good")], 1, 5.12e6).words
    assert verdict([Condition(Level.STOPPED, "idle", "no histogram counts")], 0, 0).why
    assert verdict([], 0, 0).level is Level.WAITING


def test_what_has_ended_does_not_hide_what_counts() -> None:
    conditions = [Condition(Level.STOPPED, "finished"), Condition(Level.GOOD, "0.4 s old")]
    told = verdict(conditions, 2, 1e6)
    assert told.level is Level.GOOD
    assert "1M events/s" in told.words
