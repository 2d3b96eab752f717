"""Brokers are killed, stand still, lose their disk or their connections: afterwards everything is exact."""

from __future__ import annotations

import json
import resource
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from confluent_kafka import Producer
from events import SCHEMAS, TOF_END_NS
from kafka_broker import Broker, Cluster
from proxy import Proxy
from service_process import TIMEOUT_S, Service
from started import AWAY, BACK

from histsvc.client import Client, Following, Heartbeat, TopicReader
from histsvc.kafka.security import producer_config
from histsvc.model import Int64Array
from histsvc.ports import OffsetAt
from histsvc.protocol.info import State
from histsvc.settings import KafkaSettings, Security

BINS, EVENTS, PERIOD_S = 50, 100, 0.02
KILLED_S, FROZEN_S = 30.0, 60.0
# Brokers that elect leaders on a machine that others use as well.
PATIENT_S = 120.0
OPTIONS = ("--workers", "1", "--heartbeat-interval", "200")


class Stream:
    """Sends events and pings all the time, and loses nothing of it whatever becomes of the brokers."""

    def __init__(self, service: Service, topic: str, brokers: tuple[str, ...], partitions: int = 1) -> None:
        self.tof: list[Int64Array] = []
        self.pings = 0
        self._service = service
        self._topic = topic
        self._partitions = partitions
        self._rng = np.random.default_rng(1)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._failed: list[Any] = []
        quiet: dict[str, Any] = {"log_level": 0, "error_cb": lambda _: None}
        self._producer = Producer({**producer_config(brokers, Security()), **quiet})

    def __enter__(self) -> Stream:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        assert self._producer.flush(PATIENT_S) == 0
        assert self._failed == []

    @property
    def counts(self) -> Int64Array:
        return np.histogram(np.concatenate(self.tof), BINS, (0, TOF_END_NS))[0]

    def _run(self) -> None:
        number = 0
        while not self._over.wait(PERIOD_S):
            tof = self._rng.integers(0, TOF_END_NS, EVENTS)
            payload = SCHEMAS["ev44"]("source", number, time.time_ns(), tof, np.ones(EVENTS, np.int64))
            self.tof.append(tof)
            self._send(self._topic, payload, number % self._partitions)
            if number % 25 == 0:
                self.pings += 1
                command = {"cmd": "ping", "msg_id": f"{self.pings:06}"}
                self._send(self._service.commands, json.dumps(command).encode())
            number += 1

    def _send(self, topic: str, payload: bytes, partition: int = 0) -> None:
        report: Callable[..., None] = lambda error, _: self._failed.append(error) if error else None  # noqa: E731
        self._producer.produce(topic, payload, partition=partition, on_delivery=report)
        self._producer.poll(0)


@contextmanager
def counting(broker: Broker, kafka: KafkaSettings, partitions: int = 1) -> Iterator[tuple[Service, Stream]]:
    """A service that counts what a stream sends; in the end all is compared, and every ping was answered."""
    service = Service(broker, *OPTIONS, kafka=kafka)
    try:
        broker.create_topic("data", partitions)
        replies = TopicReader(kafka, [service.responses], OffsetAt.LATEST)
        service.config(
            [service.histogram("hist1d", "data", id="a", tof_range=[0, TOF_END_NS], num_bins=BINS)]
        )
        with Stream(service, "data", kafka.brokers, partitions) as stream:
            yield service, stream
        compare(service, stream)
        answers = until_answered(replies, stream.pings)
        assert answers == [f"{number:06}" for number in range(1, stream.pings + 1)]
        beat = service.heartbeat_until(lambda beat: beat if beat["state"] == "RUNNING" else None)
        assert [worker["restarts"] for worker in beat["workers"]].count(0) == len(beat["workers"])
        replies.close()
        assert service.terminate() == 0
    finally:
        service.close()


def compare(service: Service, stream: Stream) -> None:
    with Client(service.kafka) as client:
        following = client.follow("a", service.output)
        deadline = time.monotonic() + PATIENT_S
        expected = stream.counts
        while "a" not in following.latest or following.latest["a"].info.sum < expected.sum():
            assert time.monotonic() < deadline, following.latest
            following.poll(0.2)
        np.testing.assert_array_equal(following.latest["a"].counts, expected)
        assert following.latest["a"].state is State.COUNTING


def until_answered(replies: TopicReader, pings: int) -> list[str]:
    found: list[str] = []
    while not found or found[-1] != f"{pings:06}":
        polled = replies.poll(TIMEOUT_S)
        assert polled, found[-3:]
        ids = [json.loads(payload)["msg_id"] for _, payload in polled]
        found += [each for each in ids if len(each) == 6]  # those of the service's own client are longer
    return found


def told_once(service: Service) -> None:
    """One line when it goes, and one when it is back."""
    until_away(service)
    service.heartbeat_until(lambda _: BACK in service.log)
    told = [line for line in service.lines if "WARNING" in line and "command" not in line]
    assert [AWAY in line for line in told] == [True, False], service.log
    assert BACK in told[1]


def until_away(service: Service) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while AWAY not in service.log:
        assert time.monotonic() < deadline, service.log
        time.sleep(0.05)


@pytest.fixture
def own_broker() -> Iterator[Broker]:
    with Broker() as started:
        yield started


@pytest.mark.timeout(240)
def test_a_broker_that_is_killed_and_back_after_half_a_minute(own_broker: Broker) -> None:
    with counting(own_broker, KafkaSettings((own_broker.bootstrap,))) as (service, _):
        time.sleep(1.0)
        own_broker.kill()
        time.sleep(KILLED_S)
        own_broker.start()
        told_once(service)


@pytest.mark.timeout(240)
def test_a_broker_that_stands_still_for_a_minute(own_broker: Broker) -> None:
    with counting(own_broker, KafkaSettings((own_broker.bootstrap,))) as (service, _):
        time.sleep(1.0)
        with own_broker.frozen():
            time.sleep(FROZEN_S)
        told_once(service)


def test_connections_that_are_cut() -> None:
    """In the middle of whatever is on its way: nothing is lost, nothing is counted twice."""
    with Proxy() as proxy:
        broker = Broker(front=proxy.address)
        proxy.behind = broker.bootstrap
        with broker, counting(broker, KafkaSettings((proxy.address,))) as (service, _):
            cuts = 0
            for _ in range(10):
                time.sleep(0.5)
                cuts += proxy.cut()
            # Those of its reader, its producers and its questions, as far as they were there again.
            assert cuts > 10
            assert "Traceback" not in service.log


def test_a_disk_that_is_full(own_broker: Broker) -> None:
    """Its log cannot grow, so the broker ends; with more space it is started again."""
    with counting(own_broker, KafkaSettings((own_broker.bootstrap,))) as (service, stream):
        time.sleep(1.0)
        assert own_broker.pid is not None
        resource.prlimit(own_broker.pid, resource.RLIMIT_FSIZE, (1000, 1000))
        until_away(service)
        sent = len(stream.tof)
        time.sleep(1.0)
        assert len(stream.tof) > sent
        own_broker.restart()
        told_once(service)


@pytest.mark.timeout(600)
def test_leaders_that_are_killed_and_stand_still_in_a_cluster_of_three() -> None:
    with Cluster() as cluster:
        kafka = KafkaSettings(tuple(sorted(cluster.addresses)))
        with (
            counting(cluster.brokers[0], kafka, partitions=3) as (service, stream),
            Client(kafka, heartbeat_topic=service.heartbeat) as client,
        ):
            beats = client.heartbeats()
            until_counted(beats, stream)
            first = cluster.leader("data")
            first.kill()
            until_counted(beats, stream)
            assert cluster.leader("data") is not first
            first.start()
            second = cluster.leader("data", 1)
            with second.frozen():
                until_counted(beats, stream)
                assert cluster.leader("data", 1) is not second
            until_counted(beats, stream)
            assert "Traceback" not in service.log


def until_counted(beats: Following[Heartbeat], stream: Stream) -> None:
    """Wait until what is sent from now on is counted, in all partitions."""
    wanted = sum(tof.size for tof in stream.tof) + 10 * EVENTS
    deadline = time.monotonic() + PATIENT_S
    while not any(each.sum >= wanted for beat in beats.latest.values() for each in beat.histograms):
        assert time.monotonic() < deadline, (wanted, beats.latest)
        beats.poll(0.2)
