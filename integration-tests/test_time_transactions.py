"""Transactions that are open while a histogram counts: nothing is cut short, and nothing older counts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from confluent_kafka import Producer
from events import BASE_MS, EventSender, Sent
from kafka_broker import Broker, MakeTopic
from service_process import Service

from histsvc.protocol.info import State
from histsvc.wire import ev44

TOF: dict[str, Any] = {"id": "tof", "tof_range": [0, 1e8], "num_bins": 50}
EVENTS = 100


@pytest.fixture
def transaction(broker: Broker) -> Iterator[Producer]:
    """A producer in the middle of a transaction."""
    settings = {"bootstrap.servers": broker.bootstrap, "transactional.id": uuid4().hex, "log_level": 2}
    producer = Producer(settings)
    producer.init_transactions(30)
    producer.begin_transaction()
    yield producer
    producer.flush(5)


def write(producer: Producer, topic: str) -> None:
    tof = np.arange(EVENTS)
    producer.produce(topic, ev44.serialise("s", 1, 5, tof, tof), partition=0, timestamp=BASE_MS)
    assert producer.flush(30) == 0


def test_recorded_data_behind_an_open_transaction_is_waited_for(
    service: Service, topic: MakeTopic, sender: EventSender, transaction: Producer
) -> None:
    data, sent = topic("data"), Sent()
    write(transaction, data)
    sender.pulses(data, sent, [BASE_MS + 1] * 3)  # of another producer, in no transaction
    with service.following() as published:
        service.config([service.histogram("hist1d", data, **TOF)], start=BASE_MS, stop=BASE_MS + 10)
        enough = time.monotonic() + 2
        while time.monotonic() < enough:  # it is long over, by the clock
            published.poll()
        assert State.FINISHED not in [h.info.state for h in published.all]
        transaction.commit_transaction(30)
        info = published.finished("tof")["tof"].info
    assert (info.sum, info.offsets, info.lag) == (EVENTS + sent.events, {data: {0: 4}}, 0)


def test_without_start_what_was_written_before_does_not_count_though_committed_after(
    service: Service, topic: MakeTopic, sender: EventSender, transaction: Producer
) -> None:
    data, after = topic("data"), Sent()
    write(transaction, data)
    sender.pulses(data, Sent(), [BASE_MS + 1] * 3)
    with service.following() as published:
        service.config([service.histogram("hist1d", data, **TOF)])
        transaction.commit_transaction(30)
        sender.pulses(data, after, [BASE_MS + 2])
        info = published.until(lambda h: h.info.sum > 0).info
    assert (info.sum, info.messages) == (after.events, 1)
