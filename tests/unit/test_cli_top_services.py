"""Services out of their heartbeats: how old these are, how fast counters grow, and who is forgotten."""

from __future__ import annotations

import pytest
from fakes import FakeClock
from unit.beats import IDENTITY, beat

from histsvc.cli.top import Services
from histsvc.client import Heartbeat

COUNTERS = {"messages": 100, "events": 2000, "published": 10}


def grown(factor: int) -> dict[str, int]:
    return {name: factor * number for name, number in COUNTERS.items()}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def services(clock: FakeClock) -> Services:
    return Services(clock)


def rates_between(services: Services, first: Heartbeat, second: Heartbeat) -> object:
    services.take({"a": first})
    services.take({"a": second})
    (seen,) = services.seen()
    assert seen.beat is second
    return seen.rates


def test_rates_are_those_between_two_heartbeats(services: Services) -> None:
    first, second = beat(counters=grown(1)), beat(after_ms=2000, counters=grown(3))
    assert rates_between(services, first, second) == {"messages": 100, "events": 2000, "published": 10}


def test_a_rate_is_of_the_time_that_the_service_tells_not_of_that_of_arrival(
    services: Services, clock: FakeClock
) -> None:
    services.take({"a": beat(counters=grown(1))})
    clock.advance(60)
    services.take({"a": beat(after_ms=1000, counters=grown(2))})
    assert services.seen()[0].rates == COUNTERS


def test_one_heartbeat_has_no_rates_however_often_it_is_taken(services: Services) -> None:
    only = beat(counters=grown(1))
    assert rates_between(services, only, only) is None


def test_rates_stay_until_the_next_heartbeat(services: Services) -> None:
    second = beat(after_ms=1000, counters=grown(2))
    rates_between(services, beat(counters=grown(1)), second)
    services.take({"a": second})
    assert services.seen()[0].rates == COUNTERS
    services.take({"a": beat(after_ms=2000, counters=grown(2))})
    assert services.seen()[0].rates == dict.fromkeys(COUNTERS, 0)


@pytest.mark.parametrize("factor", [1, 50])
def test_a_new_process_with_the_same_id_has_no_rates_yet(services: Services, factor: int) -> None:
    """In containers all are process 1."""
    first = beat(counters=grown(10))
    again = beat(after_ms=3000, counters=grown(factor), uptime_ms=500)
    assert rates_between(services, first, again) is None
    services.take({"a": beat(after_ms=4000, counters=grown(factor + 1), uptime_ms=1500)})
    assert services.seen()[0].rates == COUNTERS


def test_heartbeats_out_of_order_have_no_rates(services: Services) -> None:
    assert rates_between(services, beat(after_ms=1000), beat(uptime_ms=IDENTITY.uptime_ms + 2000)) is None


def test_counters_that_are_not_told_do_not_grow(services: Services) -> None:
    """Older services tell none."""
    assert rates_between(services, beat(), beat(after_ms=1000)) == dict.fromkeys(COUNTERS, 0)


def test_the_first_heartbeat_is_as_old_as_it_says(services: Services, clock: FakeClock) -> None:
    services.take({"past": beat(after_ms=-5000), "future": beat(after_ms=5000)})
    clock.advance(0.5)
    assert [seen.age_ms for seen in services.seen()] == [500, 5500]


def test_others_have_come_just_now_whatever_their_clock_says(services: Services, clock: FakeClock) -> None:
    services.take({"a": beat(after_ms=-5000)})
    clock.advance(2)
    services.take({"a": beat(after_ms=-4000)})
    assert services.seen()[0].age_ms == 0
    clock.advance(3)
    services.take({"a": services.seen()[0].beat})
    assert services.seen()[0].age_ms == 3000


def test_services_are_in_the_order_of_their_names(services: Services) -> None:
    services.take({name: beat(id=name) for name in "cab"})
    assert [seen.beat.identity.id for seen in services.seen()] == ["a", "b", "c"]


def test_who_is_silent_for_a_minute_and_has_a_successor_is_forgotten(
    services: Services, clock: FakeClock
) -> None:
    services.take({"old": beat(pid=1), "other": beat(pid=2, id="other")})
    clock.advance(30)
    services.take({"new": beat(pid=3, after_ms=30_000)})
    clock.advance(30)
    assert [seen.beat.identity.pid for seen in services.seen()] == [3, 1, 2]
    clock.advance(0.1)
    assert [seen.beat.identity.pid for seen in services.seen()] == [3, 2]
    clock.advance(3600)
    services.take({"old": beat(pid=1, after_ms=3_600_000)})
    assert [seen.beat.identity.pid for seen in services.seen()] == [1, 2], "it is back, and the newest"
