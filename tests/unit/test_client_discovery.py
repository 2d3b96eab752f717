"""Heartbeats: the newest of each service, and the histograms that they tell of, wherever these are."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from fake_topics import World, install
from fakes import BROKERS
from unit.client_bench import KAFKA, beat, published, told

from histsvc.client import Client, Following, Heartbeat, KafkaSettings, Security, State
from histsvc.protocol.heartbeat import ServiceIdentity
from histsvc.wire import x5f2

BEATS = "heartbeats"
OTHER = ("other:9092",)
SECRETS = [
    Security("SASL_SSL", "PLAIN", "me", "secret"),
    Security("SSL", ssl_certfile="cert.pem", ssl_keyfile="key.pem"),
]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = install(monkeypatch)
    for topic in (BEATS, "one", "two"):
        made.make(topic)
    return made


@pytest.fixture
def client(world: World) -> Iterator[Client]:
    with Client(KAFKA, heartbeat_topic=BEATS) as made:
        yield made


def say(world: World, *beats: Heartbeat) -> None:
    world.write(BEATS, *(each.to_json() for each in beats))


def names(following: Following[Heartbeat], timeout_s: float = 0.1) -> list[int]:
    """Process ids of the services of which something was heard."""
    return sorted(each.identity.pid for each in following.poll(timeout_s))


@pytest.mark.parametrize("pack", [Heartbeat.to_json, x5f2.heartbeat])
def test_the_newest_heartbeat_of_each_service(
    world: World, client: Client, pack: Callable[[Heartbeat], bytes]
) -> None:
    for message in range(1, 21):
        world.write(BEATS, *(pack(beat(message=message, pid=pid)) for pid in (7, 8)))
    beats = client.heartbeats()
    assert names(beats, 0) == [7, 8]
    assert {each.message for each in beats.latest.values()} == {20}
    world.write(BEATS, b"what is this?", pack(beat(message=21, pid=8)))
    assert names(beats) == [8]
    assert sorted(each.message for each in beats.latest.values()) == [20, 21]
    assert beats.ignored == 1
    # After a pause it is not told what was.
    for message in range(22, 500):
        world.write(BEATS, *(pack(beat(message=message, pid=pid)) for pid in (7, 8)))
    assert [each.message for each in beats.poll(0.1)] == [499, 499]


def test_services_are_told_apart_by_all_that_they_say_of_themselves(world: World, client: Client) -> None:
    one = ServiceIdentity("histsvc", "a", "1", "1.0", 5, "host", 1)
    others = [replace(one, id="b"), replace(one, host="else"), replace(one, pid=2), replace(one, name="x")]
    say(world, *(replace(beat(), identity=who) for who in (one, *others)))
    say(world, replace(beat(), identity=replace(one, uptime_ms=6)))
    beats = client.heartbeats()
    assert len(beats.poll(0.1)) == len(beats.latest) == 5


def test_histograms_are_followed_where_heartbeats_say_that_they_are(world: World, client: Client) -> None:
    following = client.follow()
    assert following.poll(0.1) == []
    complete = [following.complete]
    say(world, beat(told("a", "one"), pid=1), beat(told("b", "two"), pid=2))
    for topic, name in (("one", "a"), ("two", "b")):
        world.write(topic, published(name, 1))
        assert [(each.id, each.topic) for each in following.poll(0.1)] == [(name, topic)]
        complete.append(following.complete)
    assert complete == [False, False, True]
    world.make("three")
    world.write("three", published("c", 1))
    assert following.poll(3.0) == []
    say(world, beat(told("a", "one"), told("c", "three"), pid=1))
    assert [each.id for each in following.poll(0.1)] == ["c"]


def test_only_topics_with_something_that_is_wanted_are_read(world: World, client: Client) -> None:
    following = client.follow("bank*")
    say(world, beat(told("bank0", "one"), told("tof", "two"), told("bank1", "")))
    world.write("one", published("bank0", 1), published("tof", 1))
    world.write("two", published("bank2", 1))
    assert [each.id for each in following.poll(0.1)] == ["bank0"]
    assert following.complete
    assert {partition.topic for partition in world.assigned[-1]} == {"one"}


def test_what_is_told_no_more_is_read_on(world: World, client: Client) -> None:
    """The last message of a histogram that was stopped comes after the heartbeat that lacks it."""
    following = client.follow()
    say(world, beat(told("a", "one")))
    world.write("one", published("a", 1))
    assert [each.state for each in following.poll(0.1)] == [State.COUNTING]
    say(world, beat())
    assert following.poll(3.0) == []
    world.write("one", published("a", 2, state=State.FINISHED))
    assert [each.state for each in following.poll(0.1)] == [State.FINISHED]


def test_no_more_is_read_back_than_until_all_that_is_told_was_found(world: World, client: Client) -> None:
    world.write("one", *(published("old", number) for number in range(1000)))
    world.write("one", published("a", 1), *(published("b", number) for number in range(20)))
    say(world, beat(told("a", "one"), told("b", "one")))
    world.given = 0
    assert {each.id for each in client.follow().poll(0)} == {"a", "b", "old"}
    assert world.given < 60


def test_topics_that_are_named_need_no_heartbeats(world: World) -> None:
    with Client(KAFKA) as client:
        world.write("one", published("a", 1))
        assert [each.id for each in client.follow("*", ["one"]).poll(0)] == ["a"]
        assert {partition.topic for each in world.assigned for partition in each} == {"one"}


@pytest.mark.parametrize("brokers", [OTHER, ("b:1", "a:1")])
def test_histograms_on_other_brokers_are_followed_there(
    world: World, client: Client, brokers: tuple[str, ...]
) -> None:
    there = tuple(sorted(brokers))
    world.make("one", brokers=there)
    world.write("one", published("here", 1))
    world.write("one", published("there", 1), brokers=there)
    say(world, beat(told("here", "one"), told("there", "one", *brokers)))
    following = client.follow()
    assert sorted(each.id for each in following.poll(0.1)) == ["here", "there"]
    assert following.complete
    world.write("one", published("there", 2), brokers=there)
    assert [each.info.sum for each in following.poll(0.1)] == [2]


@pytest.mark.parametrize("security", SECRETS)
def test_secrets_are_not_shown_to_brokers_that_a_message_names(
    world: World, security: Security, caplog: pytest.LogCaptureFixture
) -> None:
    world.make("one", brokers=OTHER)
    world.write("one", published("here", 1))
    say(world, beat(told("here", "one"), told("there", "one", *OTHER), told("both", "one", *OTHER, *BROKERS)))
    with Client(KafkaSettings(BROKERS, security), heartbeat_topic=BEATS) as client:
        following = client.follow()
        with caplog.at_level(logging.WARNING):
            for _ in range(3):
                following.poll(3.0)
    assert list(following.latest) == ["here"]
    assert following.complete, "what is not followed is not waited for"
    assert set(world.asked) == {BROKERS}
    assert {partition.brokers for each in world.assigned for partition in each} == {BROKERS}
    assert sorted(record.message for record in caplog.records) == [
        "broker:9092, other:9092: not brokers of our cluster, not asked with our secrets",
        "other:9092: not brokers of our cluster, not asked with our secrets",
    ]
    assert "secret" not in caplog.text.replace("our secrets", "")


@pytest.mark.parametrize("security", [Security(), *SECRETS])
def test_addresses_that_our_brokers_advertise_are_ours(world: World, security: Security) -> None:
    """A service may be given others of them than we are."""
    world.advertised[BROKERS] = frozenset({"10.0.0.1:9092", "10.0.0.2:9092"})
    world.write("one", published("a", 1))
    say(world, beat(told("a", "one", "10.0.0.2:9092"), told("a", "one", "broker:9092", "10.0.0.1:9092")))
    with Client(KafkaSettings(BROKERS, security), heartbeat_topic=BEATS) as client:
        assert [each.id for each in client.follow().poll(0.1)] == ["a"]
    assert set(world.asked) == {BROKERS}


def test_a_certificate_of_the_authority_is_no_secret(world: World) -> None:
    world.make("one", brokers=OTHER)
    world.write("one", published("there", 1), brokers=OTHER)
    say(world, beat(told("there", "one", *OTHER)))
    kafka = KafkaSettings(BROKERS, Security("SSL", ssl_cafile="ca.pem"))
    with Client(kafka, heartbeat_topic=BEATS) as client:
        assert [each.id for each in client.follow().poll(0.1)] == ["there"]
