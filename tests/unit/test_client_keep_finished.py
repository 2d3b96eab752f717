"""Following with every FINISHED histogram: none is passed over, wherever newer ones lie."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from fake_topics import World, install
from unit.client_bench import KAFKA, beat, published, told

from histsvc.client import AsyncClient, Client, Histogram, State

OUTPUT, BEATS = "histograms", "beats"


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


def finished(name: str, counts: int) -> bytes:
    return published(name, counts, state=State.FINISHED, job=f"job{counts}")


def given(histograms: list[Histogram]) -> list[tuple[str, State, int]]:
    return [(each.id, each.state, each.info.sum) for each in histograms]


def test_who_does_not_ask_gets_the_newest_only(world: World, client: Client) -> None:
    following = client.follow("*", OUTPUT)
    following.poll(0)
    world.write(OUTPUT, finished("a", 1), published("a", 2))
    assert given(following.poll(1.0)) == [("a", State.COUNTING, 2)]


def test_each_is_given_before_what_is_newer_of_its_id(world: World, client: Client) -> None:
    following = client.follow("*", OUTPUT, keep_finished=True)
    following.poll(0)
    world.write(OUTPUT, published("a", 1), finished("a", 2), published("a", 3), finished("a", 4))
    world.write(OUTPUT, published("a", 5), published("b", 6), finished("c", 7))
    found = given(following.poll(1.0))
    done = [each for each in found if each[1] is State.FINISHED]
    assert found[:2] == [("a", State.FINISHED, 2), ("a", State.FINISHED, 4)]
    assert done[2:] == [("c", State.FINISHED, 7)], "once, though it is the newest as well"
    assert sorted(found[2:]) == [("a", "COUNTING", 5), ("b", "COUNTING", 6), ("c", "FINISHED", 7)]
    assert following.latest["a"].info.sum == 5
    assert following.poll(0.1) == []


def test_however_far_behind_none_is_passed_over(world: World, client: Client) -> None:
    following = client.follow("*", OUTPUT, keep_finished=True)
    following.poll(0)
    for number in range(40):
        world.write(OUTPUT, *(published("a", each) for each in range(100)), finished("a", number))
    found: list[Histogram] = []
    for _ in range(50):
        found += following.poll(1.0)
    assert [each.info.sum for each in found if each.state is State.FINISHED] == list(range(40))


def test_only_those_that_are_asked_for(world: World, client: Client) -> None:
    following = client.follow("b*", OUTPUT, keep_finished=True)
    following.poll(0)
    world.write(OUTPUT, finished("a", 1), finished("b", 2), published("b", 3))
    assert given(following.poll(1.0)) == [("b", State.FINISHED, 2), ("b", State.COUNTING, 3)]


def test_what_finished_just_before_it_began_to_follow_is_given(world: World, client: Client) -> None:
    """Heartbeats tell the newest of each id; what was published before it is looked for as well."""
    world.write(OUTPUT, finished("a", 1), *(published("a", 2) for _ in range(300)))
    world.write(BEATS, beat(told("a")).to_json())
    for topics in ([OUTPUT], []):
        following = client.follow("*", topics, keep_finished=True)
        found = [*given(following.poll(0.5)), *given(following.poll(0.5))]
        assert found == [("a", State.FINISHED, 1), ("a", State.COUNTING, 2)]


def test_the_last_word_of_a_worker_that_was_replaced_is_none(world: World, client: Client) -> None:
    following = client.follow("*", OUTPUT, keep_finished=True)
    following.poll(0)
    last_word = published("a", 1, state=State.FINISHED, job="j", epoch=1)
    world.write(OUTPUT, published("a", 5, job="j", epoch=2), last_word)
    assert given(following.poll(1.0)) == [("a", State.COUNTING, 5)]


def test_asyncio_has_the_same(world: World) -> None:
    async def follow() -> list[tuple[str, State, int]]:
        async with AsyncClient(KAFKA) as client:
            following = client.follow("*", OUTPUT, keep_finished=True)
            await following.poll(0)
            world.write(OUTPUT, finished("a", 1), published("a", 2))
            return given(await following.poll(1.0))

    assert asyncio.run(follow()) == [("a", State.FINISHED, 1), ("a", State.COUNTING, 2)]
