"""What happens to topics and brokers while they are followed: it is waited for, and the newest comes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fake_topics import ASKED_S, World, install
from fakes import BROKERS
from unit.client_bench import KAFKA, beat, published, told

from histsvc.client import BrokerError, Client, Histogram, HistogramFollowing

OUTPUT, BEATS = "histograms", "heartbeats"
OTHER = ("other:9092",)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = install(monkeypatch)
    made.make(OUTPUT)
    made.make(BEATS)
    return made


@pytest.fixture
def client(world: World) -> Iterator[Client]:
    with Client(KAFKA, heartbeat_topic=BEATS) as made:
        yield made


@pytest.fixture
def following(world: World, client: Client) -> HistogramFollowing:
    """Somebody who has been following for a while."""
    made = client.follow("*", OUTPUT)
    world.write(OUTPUT, *(published("a", number) for number in range(30)))
    assert sums(made.poll(0.1)) == {"a": 29}
    return made


def sums(histograms: list[Histogram]) -> dict[str, int]:
    return {each.id: each.info.sum for each in histograms}


def until(following: HistogramFollowing, world: World, timeout_s: float = 5.0) -> dict[str, int]:
    """What is given next."""
    end_s = world.passed_s() + timeout_s
    while world.passed_s() < end_s:
        if given := following.poll(0.1):
            return sums(given)
    raise AssertionError(f"nothing was given for {timeout_s} s")


def test_a_topic_that_is_deleted_and_made_again(world: World, following: HistogramFollowing) -> None:
    world.delete(OUTPUT)
    assert following.poll(3.0) == []
    world.make(OUTPUT)
    world.write(OUTPUT, published("a", 1), published("b", 2))
    assert until(following, world) == {"a": 1, "b": 2}
    world.write(OUTPUT, published("a", 2))
    assert until(following, world) == {"a": 2}


def test_a_topic_that_is_made_again_before_anybody_looked(
    world: World, following: HistogramFollowing
) -> None:
    world.delete(OUTPUT)
    world.make(OUTPUT)
    world.write(OUTPUT, published("a", 1))
    world.clock.advance(3.0)
    # Its end lies before what was read: that is seen with the next look.
    assert sums(following.poll(0)) == {"a": 1}


def test_retention_that_overtakes(world: World, following: HistogramFollowing) -> None:
    world.write(OUTPUT, *(published("a", number) for number in range(100, 140)))
    world.write(OUTPUT, published("b", 5))
    world.retain(OUTPUT, 65)
    assert until(following, world) == {"a": 139, "b": 5}
    world.retain(OUTPUT, 71)
    assert following.poll(3.0) == []
    world.write(OUTPUT, published("a", 140))
    assert until(following, world) == {"a": 140}


@pytest.mark.parametrize("written", [5, 500])
def test_brokers_that_go_away_and_come_back(
    world: World, following: HistogramFollowing, written: int
) -> None:
    world.away.add(BROKERS)
    for _ in range(5):
        begun_s = world.passed_s()
        assert following.poll(0.5) == []
        assert world.passed_s() - begun_s < 0.5 + 2 * ASKED_S + 0.5
    world.away.clear()
    world.write(OUTPUT, *(published("a", number) for number in range(100, 100 + written)))
    assert until(following, world) == {"a": 99 + written}


def test_brokers_that_go_away_while_it_is_far_behind(world: World, following: HistogramFollowing) -> None:
    """What it knows of the backlog comes from before; it is no reason to end."""
    world.write(OUTPUT, *(published("a", number) for number in range(100, 1100)))
    world.on_given = lambda: world.away.add(BROKERS)
    given = following.poll(0.5)
    assert sums(given) == {"a": 109}
    begun_s = world.passed_s()
    assert following.poll(0.5) == []
    assert world.passed_s() - begun_s < 10
    world.on_given = lambda: None
    world.away.clear()
    assert until(following, world) == {"a": 1099}


def test_what_is_refused_is_an_error_at_any_time(world: World, following: HistogramFollowing) -> None:
    world.denied.add(BROKERS)
    with pytest.raises(BrokerError, match="not for you") as caught:
        following.poll(3.0)
    assert caught.value.denied


def test_after_an_error_at_the_beginning_it_can_go_on(world: World, client: Client) -> None:
    world.write(OUTPUT, published("a", 1))
    world.away.add(BROKERS)
    following = client.follow("*", OUTPUT)
    with pytest.raises(BrokerError, match="nobody there"):
        following.poll(0.1)
    world.away.clear()
    assert until(following, world) == {"a": 1}


@pytest.mark.parametrize("from_the_beginning", [True, False])
def test_other_brokers_that_are_away_do_not_keep_from_the_rest(
    world: World, client: Client, from_the_beginning: bool
) -> None:
    """A heartbeat may name any brokers; those that are there are followed."""
    world.make(OUTPUT, brokers=OTHER)
    world.write(OUTPUT, published("there", 1), brokers=OTHER)
    following = client.follow()
    if not from_the_beginning:
        world.write(BEATS, beat(told("here", OUTPUT)).to_json())
        assert following.poll(0.1) == []
    world.away.add(OTHER)
    world.write(BEATS, beat(told("here", OUTPUT), told("there", OUTPUT, *OTHER)).to_json())
    world.write(OUTPUT, published("here", 1))
    assert until(following, world, 15.0) == {"here": 1}
    world.make("later")
    world.write("later", published("later", 1))
    named = told("here", OUTPUT), told("there", OUTPUT, *OTHER), told("later", "later")
    world.write(BEATS, beat(*named).to_json())
    assert until(following, world, 5.0) == {"later": 1}
    world.away.clear()
    assert until(following, world, 5.0) == {"there": 1}
    assert following.complete


def test_all_that_was_made_is_closed(world: World, client: Client) -> None:
    readers = [each._tail._reader for each in (client.follow("*", OUTPUT), client.heartbeats())]
    client.close()
    assert all(reader.closed for reader in readers)  # type: ignore[attr-defined]
