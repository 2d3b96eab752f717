"""What happens to topics and brokers while they are followed: waited for, and never for long at once."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
from confluent_kafka import TopicPartition
from events import EventSender
from following import given, now_ms, sums, write
from kafka_broker import SASL_CLIENT, Broker, MakeTopic
from service_process import TIMEOUT_S
from test_hard_times import delete_topic
from unit.client_bench import beat, told

from histsvc.client import BrokerError, Client, HistogramFollowing, HistogramInfo, KafkaSettings, Security

# What is new is looked for every 2 s, and a broker that does not answer is waited for 1 s then.
NOTICED_S = 10.0
LONGEST_S = 3.5
# The first questions, and a command, have 10 s.
REFUSED_S = 13.0
SECRET = Security("SASL_PLAINTEXT", "PLAIN", SASL_CLIENT["sasl.username"], SASL_CLIENT["sasl.password"])


@pytest.fixture(scope="module")
def other() -> Iterator[Broker]:
    """A second broker, which tests freeze or stop."""
    with Broker() as started:
        yield started


@pytest.fixture
def client(broker: Broker) -> Iterator[Client]:
    with Client(broker.bootstrap) as made:
        yield made


@contextmanager
def silent() -> Iterator[tuple[str, socket.socket]]:
    """An address at which connections are taken and nothing is said."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield f"127.0.0.1:{server.getsockname()[1]}", server


def is_connected(server: socket.socket) -> bool:
    try:
        server.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def say(sender: EventSender, heartbeat_topic: str, *histograms: HistogramInfo) -> None:
    sender.raw(heartbeat_topic, beat(*histograms, message=now_ms()).to_json(), now_ms())
    sender.flush()


def topics_on(broker: Broker, *names: str) -> list[str]:
    made = [f"{name}-{uuid4().hex[:8]}" for name in names]
    for name in made:
        broker.create_topic(name)
    return made


def test_a_topic_that_is_made_later(broker: Broker, client: Client, sender: EventSender) -> None:
    later = f"later-{uuid4().hex[:8]}"
    following = client.follow("*", later)
    assert following.poll(2.5) == []
    broker.create_topic(later, partitions=2)
    write(sender, later, {"a": 5, "b": 7}, times=3)
    given(following, {"a": 5, "b": 7}, NOTICED_S)
    write(sender, later, {"a": 6})
    assert sums(following.poll(TIMEOUT_S)) == {"a": 6}


@pytest.mark.parametrize("noticed", [True, False])
def test_a_topic_that_is_deleted_and_made_again(
    broker: Broker, client: Client, topic: MakeTopic, sender: EventSender, noticed: bool
) -> None:
    output = topic("output")
    following = client.follow("*", output)
    write(sender, output, {"a": 100}, times=100)
    given(following, {"a": 100}, NOTICED_S)
    delete_topic(broker, output)
    if noticed:
        assert following.poll(3.0) == []
    broker.create_topic(output)
    # Fewer and smaller than before: neither offsets nor counts tell that they are newer.
    write(sender, output, {"a": 2, "b": 1})
    given(following, {"a": 2, "b": 1}, TIMEOUT_S)
    write(sender, output, {"a": 3})
    given(following, {"a": 3}, NOTICED_S)


def paused(following: HistogramFollowing, output: str, *, resume: bool = False) -> None:
    """It gets nothing, as if it were slow; otherwise the client would have fetched what is removed."""
    (connection,) = following._tail._reader._connections.values()
    consumer = connection.consumer
    (consumer.resume if resume else consumer.pause)([TopicPartition(output, 0)])


def test_retention_that_overtakes(
    broker: Broker, client: Client, topic: MakeTopic, sender: EventSender
) -> None:
    output = topic("output")
    following = client.follow("*", output)
    write(sender, output, {"a": 10}, times=10)
    given(following, {"a": 10}, NOTICED_S)
    paused(following, output)
    write(sender, output, {"a": 40, "b": 40}, times=30)
    broker.delete_records(output, 0, 50)
    paused(following, output, resume=True)
    given(following, {"a": 40, "b": 40}, NOTICED_S)
    write(sender, output, {"a": 41})
    given(following, {"a": 41}, NOTICED_S)


def refused(call: Callable[[], object]) -> None:
    """It raises an error, and in time."""
    begun_s = time.monotonic()
    with pytest.raises(BrokerError):
        call()
    assert time.monotonic() - begun_s < REFUSED_S


def nothing(following: HistogramFollowing, seconds: float) -> None:
    """Nothing is given, and no poll takes long."""
    end_s = time.monotonic() + seconds
    while (begun_s := time.monotonic()) < end_s:
        assert following.poll(0.2) == []
        assert time.monotonic() - begun_s < LONGEST_S


def test_a_frozen_broker_is_waited_for(other: Broker) -> None:
    output, replies = topics_on(other, "output", "replies")
    sender = EventSender(other.bootstrap)
    with Client(other.bootstrap, "commands", replies) as client:
        following, another = (client.follow("*", output) for _ in range(2))
        write(sender, output, {"a": 1})
        given(following, {"a": 1}, NOTICED_S)
        with other.frozen():
            nothing(following, 6.0)
            refused(lambda: another.poll(0.2))
            refused(lambda: client.send({"cmd": "ping"}))
        write(sender, output, {"a": 2})
        for each in (following, another):
            given(each, {"a": 2}, TIMEOUT_S)


def test_a_broker_that_is_stopped_and_comes_back(other: Broker) -> None:
    output, commands = topics_on(other, "output", "commands")
    with Client(other.bootstrap, commands) as client:
        following = client.follow("*", output)
        write(EventSender(other.bootstrap), output, {"a": 1})
        given(following, {"a": 1}, NOTICED_S)
        client.post({"cmd": "ping"})
        other.stop()
        nothing(following, 3.0)
        refused(lambda: client.post({"cmd": "ping"}))
        other.start()
        write(EventSender(other.bootstrap), output, {"a": 100}, times=100)
        given(following, {"a": 100}, TIMEOUT_S)
        client.post({"cmd": "ping"})
        # What was given up is not sent when nobody expects it any more.
        assert other.topic_size(commands) == 2


def test_histograms_on_a_broker_that_a_heartbeat_names(
    broker: Broker, other: Broker, topic: MakeTopic, sender: EventSender
) -> None:
    beats, here = topic("heartbeats"), topic("here")
    (there,) = topics_on(other, "there")
    with Client(broker.bootstrap, heartbeat_topic=beats) as client:
        following = client.follow()
        write(EventSender(other.bootstrap), there, {"there": 5}, times=5)
        write(sender, here, {"here": 5}, times=5)
        say(sender, beats, told("here", here, broker.bootstrap), told("there", there, other.bootstrap))
        given(following, {"here": 5, "there": 5}, NOTICED_S)
        assert following.complete
        with other.frozen():
            write(sender, here, {"here": 105}, times=100)
            assert given(following, {"here": 105}, NOTICED_S) < LONGEST_S
        write(EventSender(other.bootstrap), there, {"there": 6})
        given(following, {"there": 6}, TIMEOUT_S)


def test_a_broker_that_never_answers_does_not_keep_from_the_rest(
    broker: Broker, topic: MakeTopic, sender: EventSender
) -> None:
    beats, here, later = topic("heartbeats"), topic("here"), topic("later")
    with silent() as (nobody, server), Client(broker.bootstrap, heartbeat_topic=beats) as client:
        following = client.follow()
        own = told("here", here, broker.bootstrap), told("lost", "lost", nobody)
        write(sender, here, {"here": 5})
        say(sender, beats, *own)
        assert given(following, {"here": 5}, NOTICED_S) < LONGEST_S
        assert is_connected(server), "without a password there is nothing to hide"
        write(sender, later, {"later": 5})
        say(sender, beats, *own, told("later", later, broker.bootstrap))
        given(following, {"later": 5}, NOTICED_S)
        assert not following.complete


def test_a_password_is_not_shown_to_a_broker_that_a_heartbeat_names(
    broker: Broker, topic: MakeTopic, sender: EventSender, caplog: pytest.LogCaptureFixture
) -> None:
    beats, here = topic("heartbeats"), topic("here")
    write(sender, here, {"here": 5, "lost": 5})
    kafka = KafkaSettings((broker.sasl_bootstrap,), SECRET)
    with (
        silent() as (nobody, server),
        Client(kafka, heartbeat_topic=beats) as client,
        caplog.at_level(logging.WARNING),
    ):
        following = client.follow()
        say(sender, beats, told("here", here, broker.sasl_bootstrap), told("lost", "lost", nobody))
        given(following, {"here": 5}, NOTICED_S)
        # Long enough for two more looks at what is told.
        assert following.poll(4.5) == []
        assert not is_connected(server)
    assert [record.message for record in caplog.records if nobody in record.message] == [
        f"{nobody}: not brokers of our cluster, not asked with our secrets"
    ]
    assert SASL_CLIENT["sasl.password"] not in caplog.text
