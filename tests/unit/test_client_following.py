"""Following topics: the newest of each name, never a backlog, and on through all that happens to topics."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from fake_topics import ASKED_S, World, install
from fakes import BROKERS, NOW_MS
from unit.client_bench import KAFKA, published

from histsvc.client import BrokerError, Client, Histogram, HistogramFollowing, SettingsError, State

OUTPUT = "histograms"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = install(monkeypatch)
    made.make(OUTPUT)
    return made


@pytest.fixture
def client(world: World) -> Iterator[Client]:
    with Client(KAFKA) as made:
        yield made


def follow(client: Client, *ids: str) -> HistogramFollowing:
    return client.follow(ids or "*", OUTPUT)


def sums(histograms: list[Histogram]) -> dict[str, int]:
    """What one poll gave; no id comes twice."""
    assert len({each.id for each in histograms}) == len(histograms)
    return {each.id: each.info.sum for each in histograms}


def publish(world: World, times: int, *names: str, apart_s: float = 0.0, begin: int = 0) -> None:
    for number in range(begin, begin + times):
        world.write(OUTPUT, *(published(name, number) for name in names))
        world.clock.advance(apart_s)


def test_what_is_there_comes_at_once_and_then_what_is_published(world: World, client: Client) -> None:
    publish(world, 9, "a", "b")
    world.write(OUTPUT, published("c", 5, state=State.FINISHED))
    following = follow(client)
    assert sums(following.poll(0)) == {"a": 8, "b": 8, "c": 5}
    assert following.latest["c"].state is State.FINISHED
    assert world.passed_s() == 0
    assert following.poll(0.5) == []
    publish(world, 1, "b", begin=9)
    assert sums(following.poll(0.5)) == {"b": 9}
    assert {name: each.info.sum for name, each in following.latest.items()} == {"a": 8, "b": 9, "c": 5}


def test_it_comes_as_soon_as_it_is_published(world: World, client: Client) -> None:
    following = follow(client)
    assert following.poll(0.5) == []
    begun_s = world.passed_s()
    assert 0.5 <= begun_s < 0.6

    def later() -> None:
        if world.passed_s() > begun_s + 0.2:
            world.on_given = lambda: None
            publish(world, 1, "a")

    world.on_given = later
    assert sums(following.poll(60.0)) == {"a": 0}
    assert world.passed_s() - begun_s < 0.3


@pytest.mark.parametrize("times", [3, 12, 2000])
def test_after_a_pause_there_is_one_of_each_and_the_newest(world: World, client: Client, times: int) -> None:
    names = [f"bank{number}" for number in range(4)]
    publish(world, 1, *names)
    following = follow(client)
    following.poll(0)
    publish(world, times, *names, begin=1)
    world.given = 0
    assert sums(following.poll(1.0)) == dict.fromkeys(names, times)
    assert following.poll(0) == []
    # Far behind, it does not read what it would not give.
    assert world.given <= 150


def test_what_was_published_long_ago_is_read_back_for_as_long_as_anything_is_quiet(
    world: World, client: Client
) -> None:
    """Large histograms that do not change are published every 10 s."""
    publish(world, 1, "quiet")
    publish(world, 1000, "busy", apart_s=0.01)
    following = follow(client)
    assert sums(following.poll(0)) == {"quiet": 0, "busy": 999}
    publish(world, 4000, "busy", apart_s=0.01, begin=1000)
    world.given = 0
    with Client(KAFKA) as another:
        assert sums(follow(another).poll(0)) == {"busy": 4999}
    assert 1000 < world.given < 3000


def test_far_behind_all_that_run_are_found_again(world: World, client: Client) -> None:
    """Those that were seen are known, and those that are FINISHED are not looked for."""
    world.write(OUTPUT, published("done", 1, state=State.FINISHED))
    publish(world, 1, "quiet", "busy")
    following = follow(client)
    following.poll(0)
    publish(world, 1, "quiet", begin=1)
    publish(world, 2000, "busy", apart_s=0.01, begin=1)
    assert sums(following.poll(1.0)) == {"quiet": 1, "busy": 2000}
    publish(world, 1000, "busy", begin=2001)
    publish(world, 1, "quiet", begin=2)
    publish(world, 100, "busy", begin=3001)
    world.given = 0
    assert sums(following.poll(1.0)) == {"quiet": 2, "busy": 3100}
    assert world.given < 250


def test_who_is_written_to_faster_than_it_reads_comes_back(world: World, client: Client) -> None:
    following = follow(client)
    publish(world, 1, "a")
    following.poll(0)

    def more() -> None:
        world.clock.advance(0.01)
        world.write(OUTPUT, *[b"something else"] * 100)
        publish(world, 1, "a")

    world.on_given = more
    begun_s = world.passed_s()
    assert sums(following.poll(0.5)) == {"a": 0}
    assert world.passed_s() - begun_s < 3.0


def test_order_is_kept_in_a_partition_and_is_that_of_time_across_them(world: World, client: Client) -> None:
    world.make(OUTPUT, partitions=2)
    following = follow(client)
    for number, time_ms, is_newest in (
        (0, 50, True),
        (0, 40, True),
        (1, 30, False),
        (1, 45, True),
        (0, 44, False),
        (1, 20, True),
    ):
        world.write(OUTPUT, published("a", time_ms), time_ms=NOW_MS + time_ms, number=number)
        assert sums(following.poll(0.1)) == ({"a": time_ms} if is_newest else {})


@pytest.mark.parametrize(
    ("ids", "chosen"),
    [
        (("bank*",), {"bank1", "bank2", "bank"}),
        (("bank1", "tof"), {"bank1", "tof"}),
        (("bank?", "*f"), {"bank1", "bank2", "tof"}),
        (("bank[!1]",), {"bank2"}),
        (("job/*",), {"job/3"}),
        (("Bank1",), {"Bank1"}),
        ((), {"bank1", "bank2", "bank", "Bank1", "tof", "job/3"}),
    ],
)
def test_ids_and_patterns_choose(
    world: World, client: Client, ids: tuple[str, ...], chosen: set[str]
) -> None:
    following = follow(client, *ids)
    following.poll(0)
    for _ in range(2):
        publish(world, 1, "bank1", "bank2", "bank", "Bank1", "tof")
        world.write(OUTPUT, published("", job="job", index=3))
        assert set(sums(following.poll(0.1))) == chosen == following.latest.keys()
    assert following.ignored == 0


def test_what_cannot_be_read_is_counted_and_passed(world: World, client: Client) -> None:
    world.write(OUTPUT, b"", b"\0\0\0\0hs00", published("a", 1), b"\0\0\0\0f144 and so on")
    following = follow(client)
    assert sums(following.poll(0)) == {"a": 1}
    assert following.ignored == 3
    world.write(OUTPUT, published("a", 2)[:200], published("a", 3))
    assert sums(following.poll(0.1)) == {"a": 3}
    assert following.ignored == 4


def test_iterating_gives_every_change(world: World, client: Client) -> None:
    publish(world, 1, "a")
    changes = iter(follow(client))
    assert next(changes).info.sum == 0
    publish(world, 1, "a", begin=1)
    assert next(changes).info.sum == 1


def test_complete_is_who_has_all_that_is_named(world: World, client: Client) -> None:
    following, any_of_them = follow(client, "a", "b", "c*"), follow(client)
    for name, complete in (("a", False), ("c1", False), ("b", True)):
        assert not any_of_them.complete or following.latest
        publish(world, 1, name)
        following.poll(0.1), any_of_them.poll(0.1)
        assert (following.complete, any_of_them.complete) == (complete, True)


def test_a_topic_that_is_made_later_is_waited_for(
    world: World, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    following = client.follow("*", [OUTPUT, "later"])
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            assert following.poll(1.0) == []
    assert [record.message for record in caplog.records] == [
        f"there is no topic 'later' on {BROKERS[0]} yet; waiting for it"
    ]
    world.make("later")
    world.write("later", published("a", 1))
    assert sums(following.poll(3.0)) == {"a": 1}
    world.write("later", published("a", 2))
    assert sums(following.poll(0.1)) == {"a": 2}


def test_partitions_that_are_added_are_read_from_their_beginning(world: World, client: Client) -> None:
    publish(world, 1, "a")
    following = follow(client)
    following.poll(0)
    world.make(OUTPUT, partitions=2)
    world.write(OUTPUT, published("b", 1), number=1)
    assert sums(following.poll(3.0)) == {"b": 1}


def test_settings_that_are_missing_are_said() -> None:
    client = Client(KAFKA, "commands")
    for call, missing in (
        (client.follow, "heartbeat_topic"),
        (client.heartbeats, "heartbeat_topic"),
        (lambda: client.send({"cmd": "ping"}), "response_topic"),
        (lambda: Client(KAFKA).post({"cmd": "ping"}), "command_topic"),
        (lambda: Client("nowhere"), "nowhere"),
    ):
        with pytest.raises(SettingsError, match=missing):
            call()


def test_brokers_that_are_away_at_the_beginning_are_an_error(world: World, client: Client) -> None:
    world.away.add(BROKERS)
    with pytest.raises(BrokerError, match="nobody there"):
        follow(client).poll(0)
    assert world.passed_s() < 10 + ASKED_S + 1
