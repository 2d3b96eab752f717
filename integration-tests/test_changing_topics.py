"""Data topics that change under a job: they grow, are deleted, made anew, or cut before they were read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from confluent_kafka.admin import AdminClient, NewPartitions
from events import BASE_MS, EventSender, Sent
from kafka_broker import Broker, MakeTopic
from service_process import TIMEOUT_S, Service
from test_hard_ends import halted
from test_recovery import OFTEN, kill, victim_of
from test_workers import TOF

from histsvc.ports import OffsetAt
from histsvc.protocol.info import State

LIVE: dict[str, Any] = {"id": "tof", **TOF}


@pytest.fixture
def admin(broker: Broker) -> AdminClient:
    return AdminClient({"bootstrap.servers": broker.bootstrap, "log_level": 0})


def grow(broker: Broker, admin: AdminClient, topic: str, partitions: int) -> None:
    admin.create_partitions([NewPartitions(topic, partitions)])[topic].result(TIMEOUT_S)
    broker.ready(topic, partitions)


def test_partitions_that_are_added_are_read_from_their_beginning(
    own_service: Callable[..., Service], topic: MakeTopic, broker: Broker, admin: AdminClient
) -> None:
    service = own_service(*OFTEN)
    data, sent = topic("data"), Sent()
    first, later = EventSender(broker.bootstrap), EventSender(broker.bootstrap, 2)
    with service.following() as published:
        service.config([service.histogram("hist1d", data, **LIVE)])
        first.pulses(data, sent, range(BASE_MS, BASE_MS + 5))
        grow(broker, admin, data, 3)
        for partition in (1, 2):
            later.pulses(data, sent, range(BASE_MS, BASE_MS + 5), partition=partition)
        published.until(lambda h: h.info.sum == sent.events)
        kill(service, 1)
        later.pulses(data, sent, range(BASE_MS, BASE_MS + 5), partition=2)
        last = published.until(lambda h: h.info.sum == sent.events)
    assert last.info.offsets == {data: {0: 5, 1: 5, 2: 10}}
    assert np.array_equal(last.counts, np.histogram(sent.tof, bins=50, range=(0, 1e8))[0])


def test_a_topic_that_is_made_anew_is_not_read_on(
    own_service: Callable[..., Service], topic: MakeTopic, broker: Broker, admin: AdminClient
) -> None:
    service = own_service(*OFTEN)
    data, sent, other = topic("data"), Sent(), Sent()
    with service.following() as published:
        service.config([service.histogram("hist1d", data, **LIVE)])
        EventSender(broker.bootstrap).pulses(data, sent, range(BASE_MS, BASE_MS + 5))
        published.until(lambda h: h.info.sum == sent.events)
        admin.delete_topics([data])[data].result(TIMEOUT_S)
        broker.create_topic(data)
        # Longer than the one before: a consumer would read on without a word.
        EventSender(broker.bootstrap).pulses(data, other, range(BASE_MS, BASE_MS + 50))
        last = published.until(lambda h: h.info.state is State.ERROR)
    assert "made anew" in str(last.info.error_message)


@pytest.mark.parametrize("go_on", [False, True])
def test_what_is_removed_before_it_was_read_is_told(
    own_service: Callable[..., Service],
    topic: MakeTopic,
    broker: Broker,
    sender: EventSender,
    go_on: bool,
) -> None:
    policy = ("--on-data-loss", "continue") if go_on else ()
    service = own_service(*OFTEN, "--worker-timeout", "60000", *policy)
    data, sent, lost = topic("data"), Sent(), Sent()
    with service.following() as published:
        service.config([service.histogram("hist1d", data, **LIVE)])
        sender.pulses(data, sent, range(BASE_MS, BASE_MS + 5))
        published.until(lambda h: h.info.sum == sent.events)
        with halted(victim_of(service)):
            sender.pulses(data, lost, range(BASE_MS, BASE_MS + 20_000), events=500)
            broker.delete_records(data, 0, before=20_000)
            sender.pulses(data, sent, range(BASE_MS, BASE_MS + 5))
        if go_on:
            last = published.until(lambda h: h.info.offsets == {data: {0: 20_010}})
            # What the client library had fetched before that is not lost.
            assert last.info.lost == 20_010 - last.info.messages > 0
            assert f"{last.info.lost} messages of partition 0 of {data!r}" in str(last.info.warning)
        else:
            last = published.until(lambda h: h.info.state is State.ERROR)
            assert "were removed by the broker before they were read" in str(last.info.error_message)


def test_an_output_topic_that_is_deleted_is_told_until_it_is_back(
    own_service: Callable[..., Service],
    topic: MakeTopic,
    broker: Broker,
    sender: EventSender,
    admin: AdminClient,
) -> None:
    service = own_service(*OFTEN)
    data, output, sent = topic("data"), topic("output"), Sent()
    service.config([service.histogram("hist1d", data, **LIVE) | {"topic": output}])
    admin.delete_topics([output])[output].result(TIMEOUT_S)
    sender.pulses(data, sent, range(BASE_MS, BASE_MS + 5))
    service.heartbeat_until(lambda beat: beat["histograms"][0]["sum"] == sent.events)
    broker.create_topic(output)
    service.output = output
    with service.following(OffsetAt.EARLIEST) as published:
        published.until(lambda h: h.info.sum == sent.events)
        kill(service, 1)
        sender.pulses(data, sent, range(BASE_MS, BASE_MS + 5))
        published.until(lambda h: h.info.sum == sent.events)
