"""Times and ends on topics of other kinds: the broker's own timestamps, and transactions (section 3)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import numpy as np
from confluent_kafka import Consumer, Producer, TopicPartition
from events import BASE_MS, TOF_END_NS, EventSender, Sent
from kafka_broker import Broker, MakeTopic
from service_process import TIMEOUT_S, Service

from histsvc.model import Int64Array
from histsvc.wire import ev44

TOF: dict[str, Any] = {"id": "tof", "tof_range": [0, 1e8], "num_bins": 50}
LEEWAY_MS = 1_000


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def clock_past(time_ms: int) -> int:
    """Wait until the clock is past a time, and return the time that it is."""
    while (now := now_ms()) <= time_ms:
        time.sleep(0.001)
    return now


def counts_of(sent: Sent) -> Int64Array:
    return np.histogram(sent.tof, bins=50, range=(0, 1e8))[0]


def timestamps_ms(broker: Broker, topic: str, messages: int) -> list[int]:
    """The Kafka timestamp of each message of a partition."""
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "unused"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    try:
        return [consumer.poll(TIMEOUT_S).timestamp()[1] for _ in range(messages)]
    finally:
        consumer.close()


def test_log_append_time_is_what_start_and_stop_mean(
    service: Service, broker: Broker, topic: MakeTopic, sender: EventSender
) -> None:
    """The producer's own times are of 2016: only the broker's can bring these into the window."""
    data = topic("data", config={"message.timestamp.type": "LogAppendTime"})
    inside, after = Sent(), Sent()
    sender.pulses(data, Sent(), [BASE_MS] * 3)
    start = clock_past(now_ms() + 1)
    sender.pulses(data, inside, [BASE_MS] * 5)
    stop = clock_past(now_ms() + 1)
    clock_past(stop)
    sender.pulses(data, after, [BASE_MS] * 2)
    clock_past(stop + LEEWAY_MS)
    sender.pulses(data, Sent(), [BASE_MS])
    stamps = timestamps_ms(broker, data, 11)
    assert [start <= stamp <= stop for stamp in stamps] == [False] * 3 + [True] * 5 + [False] * 3
    assert [stamp > stop + LEEWAY_MS for stamp in stamps] == [False] * 10 + [True]
    with service.following() as published:
        service.config([service.histogram("hist1d", data, **TOF)], start=start, stop=stop)
        finished = published.finished("tof")["tof"]
    np.testing.assert_array_equal(finished.counts, counts_of(inside))
    assert finished.info.out_of_window == after.events
    assert finished.info.offsets == {data: {0: 10}}


def wait_for_size(broker: Broker, topic: str, size: int) -> None:
    """The marker of a transaction is written some time after its producer was told that it has ended."""
    deadline = time.monotonic() + TIMEOUT_S
    while (found := broker.topic_size(topic)) != size:
        assert time.monotonic() < deadline, f"{topic} has {found} offsets, not {size}"


class Transactions:
    """Sends messages in transactions that are committed or aborted."""

    def __init__(self, bootstrap: str) -> None:
        unique = f"test-{uuid4().hex}"
        self._rng = np.random.default_rng(9)
        self._producer = Producer(
            {"bootstrap.servers": bootstrap, "transactional.id": unique, "log_level": 2, "linger.ms": 0}
        )
        self._producer.init_transactions(TIMEOUT_S)

    @contextmanager
    def _transaction(self, commit: bool) -> Iterator[None]:
        self._producer.begin_transaction()
        yield
        assert self._producer.flush(TIMEOUT_S) == 0
        end = self._producer.commit_transaction if commit else self._producer.abort_transaction
        end(TIMEOUT_S)

    def pulses(self, topic: str, sent: Sent, timestamps: list[int], commit: bool = True) -> None:
        with self._transaction(commit):
            for timestamp_ms in timestamps:
                tof, pixel = self._rng.integers(0, TOF_END_NS, 100), self._rng.integers(1, 101, 100)
                payload = ev44.serialise("source0", 1, timestamp_ms * 1_000_000, tof, pixel)
                self._producer.produce(topic, payload, partition=0, timestamp=timestamp_ms)
                sent.tof_ns.append(tof)
                sent.pixel_id.append(pixel)


def test_recorded_transactions_end_at_a_control_record(
    service: Service, broker: Broker, topic: MakeTopic
) -> None:
    """What was aborted never counts, and the last offsets are records that nobody is given."""
    committed, aborted = topic("committed"), topic("aborted")
    sent, nothing = Sent(), Sent()
    transactions = Transactions(broker.bootstrap)
    for commit in (True, False, True):
        mine = sent if commit else nothing
        transactions.pulses(committed, mine, [BASE_MS, BASE_MS + 1], commit)
    transactions.pulses(aborted, nothing, [BASE_MS], commit=False)
    # Three transactions of two messages and a marker; and one of one with its marker.
    wait_for_size(broker, committed, 9)
    wait_for_size(broker, aborted, 2)
    with service.following() as published:
        service.config(
            [service.histogram("hist1d", name, **{**TOF, "id": name}) for name in (committed, aborted)],
            start=BASE_MS,
            stop=BASE_MS + 10,
        )
        finished = published.finished(committed, aborted)
    np.testing.assert_array_equal(finished[committed].counts, counts_of(sent))
    for name, end, messages in ((committed, 9, 4), (aborted, 2, 0)):
        info = finished[name].info
        assert (info.offsets, info.messages, info.lag) == ({name: {0: end}}, messages, 0)


def test_live_transactions_leave_no_lag_and_can_be_stopped(
    service: Service, broker: Broker, topic: MakeTopic
) -> None:
    data, sent, nothing = topic("data"), Sent(), Sent()
    transactions = Transactions(broker.bootstrap)
    with service.following() as published:
        service.config([service.histogram("hist1d", data, **TOF)])
        transactions.pulses(data, sent, [BASE_MS, BASE_MS])
        transactions.pulses(data, nothing, [BASE_MS], commit=False)
        # 2 messages, a marker, a message that is never delivered, a marker.
        counted = published.until(lambda h: h.info.offsets == {data: {0: 5}})
        assert (counted.info.sum, counted.info.lag) == (sent.events, 0)
        transactions.pulses(data, sent, [BASE_MS])
        wait_for_size(broker, data, 7)
        begun = time.monotonic()
        service.client.send({"cmd": "stop"})
        # It did not have to be cut off: the end of that moment, a marker, was reached.
        assert time.monotonic() - begun < 1.0
        finished = published.finished("tof")["tof"]
    np.testing.assert_array_equal(finished.counts, counts_of(sent))
    assert (finished.info.offsets, finished.info.lag) == ({data: {0: 7}}, 0)
