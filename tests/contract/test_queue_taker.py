"""What is taken from librdkafka is given back, each event once, and only from a consumer."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, Producer
from contract.adapters import TIMEOUT_S, Kafka

from histsvc.errors import BrokerError
from histsvc.kafka import connection, queue_taker
from histsvc.kafka.embedded import EmbeddedBroker
from histsvc.kafka.librdkafka import handle
from histsvc.kernels.take import Taken, let_go, take
from histsvc.model import Int64Array, Partition, Start


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker({"topic": 1, "other": 1}) as started:
        yield started


class Ledger:
    """How often each event was taken and has not been given back."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.taken = 0
        self.open: Counter[int] = Counter()
        self._take, self._let_go = take, let_go
        monkeypatch.setattr(queue_taker, "take", self.take)
        monkeypatch.setattr(queue_taker, "let_go", self.let_go)

    def take(
        self,
        functions: Int64Array,
        queue: int,
        timeout_ms: int,
        most_bytes: int,
        begin: int,
        taken: Int64Array,
    ) -> int:
        count = self._take(functions, queue, timeout_ms, most_bytes, begin, taken)
        self.taken += count - begin
        self.open.update(taken[Taken.EVENT, begin:count].tolist())
        return count

    def let_go(self, destroy: int, events: Int64Array) -> None:
        self.open.subtract(events.tolist())
        self._let_go(destroy, events)


def test_every_event_is_given_back_once(broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(monkeypatch)
    kafka = Kafka(broker.bootstrap)
    kafka.send("topic", *[b"x" * 100] * 3_000)
    kafka.send("other", b"y")
    kafka.reader.assign([Start(Partition(kafka.brokers, topic, 0), 0) for topic in ("topic", "other")])
    held = [kafka.batch()]
    kafka.reader.read_ahead()
    kafka.reader.drop([1])
    deadline = time.monotonic() + TIMEOUT_S
    while ledger.taken < 3_001:
        assert time.monotonic() < deadline
        held.append(kafka.reader.read(0.01))
    assert ledger.open.total() >= sum(len(raw.payload) for raw in held)
    del held[1:]
    kafka.reader.close()
    assert set(ledger.open.values()) == {0}
    del held[:]
    assert set(ledger.open.values()) == {0}


def test_who_waits_for_the_first_message_can_be_told_to_hurry(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_taker.QueueTaker, "patience_s", 10 * TIMEOUT_S)
    monkeypatch.setattr(connection, "_EXPECT_S", 10 * TIMEOUT_S)
    kafka = Kafka(broker.bootstrap)
    kafka.reader.assign([Start(Partition(kafka.brokers, "other", 0), 0)])
    deadline = time.monotonic() + TIMEOUT_S
    while not kafka.reader.read(0.01).ends:
        assert time.monotonic() < deadline
    kafka.reader.wait([], 0.0)
    hurrying = threading.Thread(target=kafka.reader.close, daemon=True)
    hurrying.start()
    hurrying.join(TIMEOUT_S)
    assert not hurrying.is_alive()


def test_what_nobody_has_is_given_back(broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(monkeypatch)
    kafka = Kafka(broker.bootstrap)
    kafka.send("topic", *[b"x" * 100] * 10)
    kafka.reader.assign([Start(Partition(kafka.brokers, "topic", 0), 0)])
    batch = kafka.batch()
    assert ledger.open.total() >= len(batch.payload)
    del batch
    assert ledger.open.total() == 0
    kafka.reader.close()


def test_why_no_broker_is_reached_is_heard() -> None:
    """librdkafka would call confluent-kafka's callback from here, where that ends the process."""
    kafka = Kafka("127.0.0.1:1")
    kafka.reader.assign([Start(Partition(kafka.brokers, "topic", 0), 0)])
    (connection,) = kafka.reader._connections.values()
    deadline = time.monotonic() + TIMEOUT_S
    while "refused" not in connection.trouble.last:
        assert time.monotonic() < deadline
        kafka.reader.read(0.01)
    kafka.reader.close()


def test_the_handle_is_that_of_a_consumer() -> None:
    consumer = Consumer({"group.id": "histsvc"})
    assert handle(consumer)
    consumer.close()
    with pytest.raises(BrokerError, match="the handle of a consumer is not where it was"):
        handle(Producer({}))
