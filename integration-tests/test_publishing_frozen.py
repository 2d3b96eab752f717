"""Brokers that do not answer: no backlog of old histograms, and all else goes on (sections 2 and 4)."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest
from events import BASE_MS, EventSender, Sent
from kafka_broker import Broker, MakeTopic
from service_process import TIMEOUT_S, Histograms, Service
from test_hard_ends import replies_of

from histsvc.client import TopicReader
from histsvc.ports import OffsetAt
from histsvc.protocol.info import State
from histsvc.settings import KafkaSettings

TOF: dict[str, Any] = {"tof_range": [0, 1e8], "num_bins": 50}
FROZEN_MS = 6_000
COMMAND_TIMEOUT_MS = 1_500
# The way there and back comes on top; a client gives up after 5 s.
ANSWERED_S = COMMAND_TIMEOUT_MS / 1000 + 0.7
BEAT_MS = 200
LONGEST_GAP_MS = 1_500
IDS = ("a", "b", "c")


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture(scope="module")
def other() -> Iterator[Broker]:
    """A second broker, for data and histograms only."""
    with Broker() as started:
        yield started


@pytest.fixture(scope="module")
def impatient(broker: Broker) -> Iterator[Service]:
    """A service that may go to any broker, and whose commands have 1.5 s."""
    options = ["--command-timeout", str(COMMAND_TIMEOUT_MS), "--heartbeat-interval", str(BEAT_MS)]
    started = Service(broker, "--workers", "2", "--allow-data-brokers", "any", *options)
    try:
        yield started
    finally:
        started.close()


@contextmanager
def following(broker: Broker, topic: str) -> Iterator[Histograms]:
    follower = TopicReader(KafkaSettings((broker.bootstrap,)), [topic], OffsetAt.LATEST)
    try:
        yield Histograms(follower)
    finally:
        follower.close()


@contextmanager
def beating(service: Service) -> Iterator[None]:
    """The heartbeats of this time have no gap."""
    follower = TopicReader(service.kafka, [service.heartbeat], OffsetAt.LATEST)
    try:
        yield
        found: list[int] = []
        until, deadline = now_ms(), time.monotonic() + TIMEOUT_S
        while not found or found[-1] < until:
            assert time.monotonic() < deadline, f"no heartbeat: {found[-3:]}\n{service.log}"
            found += [json.loads(payload)["message"] for _, payload in follower.poll(0.05)]
    finally:
        follower.close()
    gaps = [after - before for before, after in pairwise(found)]
    assert len(gaps) > 2
    assert max(gaps) < LONGEST_GAP_MS, gaps


def counting_on(service: Service, broker: Broker) -> tuple[str, str, Sent]:
    """Let histograms count something on another broker; returns its topics and what was sent."""
    data, output = (f"{name}-{uuid4().hex[:8]}" for name in ("data", "output"))
    sent = Sent()
    for name in (data, output):
        broker.create_topic(name)
    place = {"data_brokers": [broker.bootstrap], "topic": output, "publish_interval_ms": 100}
    service.config([service.histogram("hist1d", data, id=name, **TOF) | place for name in IDS])
    EventSender(broker.bootstrap).pulses(data, sent, range(BASE_MS, BASE_MS + 5))
    service.heartbeat_until(lambda beat: {h["sum"] for h in beat["histograms"]} == {sent.events} or None)
    return data, output, sent


def seconds(service: Service, command: dict[str, Any]) -> float:
    begun = time.monotonic()
    service.client.send(command)
    return time.monotonic() - begun


def test_histograms_for_a_frozen_broker_do_not_pile_up(impatient: Service, other: Broker) -> None:
    service = impatient
    data, output, sent = counting_on(service, other)
    with following(other, output) as published:
        with beating(service), other.frozen():
            # What went out while it froze comes from before.
            begun = now_ms() + 500
            service.heartbeat_until(lambda beat: beat["message"] > begun + FROZEN_MS or None)
            assert seconds(service, {"cmd": "ping"}) < ANSWERED_S
            thawed = now_ms()
        EventSender(other.bootstrap).pulses(data, sent, range(BASE_MS, BASE_MS + 3))
        for name in IDS:
            published.until(lambda h, n=name: h.info.id == n and h.info.sum == sent.events)  # type: ignore[misc]
    for name in IDS:
        stale = [h for h in published.of(name) if begun <= h.timestamp_ns // 1_000_000 < thawed]
        # Unchanged, it would have been published once a second.
        assert len(stale) <= 1, [h.timestamp_ns // 1_000_000 - begun for h in stale]
        sums = [h.info.sum for h in published.of(name)]
        assert sums == sorted(sums)


def test_stop_says_in_time_what_a_frozen_broker_has_not_taken(
    impatient: Service, other: Broker, topic: MakeTopic, sender: EventSender
) -> None:
    service, here, later = impatient, topic("data"), Sent()
    data, output, sent = counting_on(service, other)
    with following(other, output) as published, replies_of(service) as replies:
        with beating(service):
            with other.frozen():
                begun = time.monotonic()
                error = service.refused({"cmd": "stop"})
                assert time.monotonic() - begun < ANSWERED_S
                (reply,) = replies(1)
                # Counting has stopped all the same, and the service is free for another broker.
                beat = service.heartbeat_until(lambda beat: beat)
                assert seconds(service, {"cmd": "ping"}) < 0.5
                service.config([service.histogram("hist1d", here, id="here", **TOF)])
                with service.following() as published_here:
                    sender.pulses(here, later, [BASE_MS])
                    published_here.until(lambda h: h.info.sum == later.events)
            EventSender(other.bootstrap).pulses(data, Sent(), [BASE_MS])
        published.poll(0.5)
    assert error.code == "UNAVAILABLE"
    assert "not delivered" in error.message
    assert all(f"{name} to {output}" in error.message for name in IDS)
    # No one field is to blame, so none is named, not even as null.
    assert set(reply) == {"msg_id", "response", "message", "code"}
    assert (beat["state"], beat["histograms"]) == ("IDLE", [])
    # What was INITIALISED may have been on its way when the broker froze.
    assert {h.info.sum for h in published.all} <= {0, sent.events}


def test_broker_that_never_answers_delays_nothing_past_the_time_of_its_command(
    impatient: Service, topic: MakeTopic, sender: EventSender
) -> None:
    """It takes connections and says nothing: what runs, replies and heartbeats go on."""
    service, data, sent = impatient, topic("data"), Sent()
    good = service.histogram("hist1d", data, id="runs", **TOF)
    service.config([good])
    with socket.create_server(("127.0.0.1", 0)) as silent, service.following() as published:
        stuck = good | {"data_brokers": [f"127.0.0.1:{silent.getsockname()[1]}"], "id": "stuck"}
        with beating(service):
            for _ in range(2):
                begun = time.monotonic()
                error = service.refused({"cmd": "config", "histograms": [good, stuck]})
                assert time.monotonic() - begun < ANSWERED_S
                assert (error.code, error.field) == ("UNAVAILABLE", "histograms[1].data_brokers")
                sender.pulses(data, sent, [BASE_MS, BASE_MS + 1])
                published.until(lambda h: h.info.sum == sent.events)
                assert seconds(service, {"cmd": "ping"}) < 0.5
    assert {h.info.id for h in published.all} == {"runs"}
    assert len({h.info.job for h in published.all}) == 1
    assert all(h.info.state is not State.FINISHED for h in published.all)
