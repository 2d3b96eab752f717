"""`histsvc generate` against a real broker: what its summary says is what Kafka has."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from confluent_kafka import Consumer, KafkaError, Message, TopicPartition
from kafka_broker import Broker, MakeTopic

from histsvc.clock import SystemClock
from histsvc.errors import BrokerError as NoBroker
from histsvc.kafka import event_producer
from histsvc.kafka.event_producer import EventProducer
from histsvc.settings import KafkaSettings
from histsvc.sources.gaussian import GaussianSource
from histsvc.wire import ev42, ev44, shapes

_ROOT = Path(__file__).parents[1]


@contextmanager
def started(broker: Broker, topic: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    script = str(_ROOT / "bin" / "generate_event_data.py")
    command = [sys.executable, script, "-b", broker.bootstrap, "-t", topic, *arguments]
    paths = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def generated(broker: Broker, topic: str, *arguments: str) -> tuple[int, dict[str, Any], str]:
    """Run it to its end: exit code, summary and the last line on stderr."""
    with started(broker, topic, *arguments) as process:
        out, err = process.communicate(timeout=60)
        assert out, err
        return process.returncode, json.loads(out.splitlines()[-1]), err.splitlines()[-1]


def read(broker: Broker, topic: str, partitions: int = 1) -> list[Message]:
    """Everything that is in a topic."""
    consumer = Consumer(
        {"bootstrap.servers": broker.bootstrap, "group.id": "test", "enable.partition.eof": True}
    )
    consumer.assign([TopicPartition(topic, number, 0) for number in range(partitions)])
    messages: list[Message] = []
    ends = 0
    while ends < partitions:
        message = consumer.poll(30)
        assert message is not None, "the broker is silent"
        error = message.error()
        if error is None:
            messages.append(message)
            continue
        assert error.code() == KafkaError._PARTITION_EOF
        ends += 1
    consumer.close()
    return messages


def test_what_is_made_up_is_in_kafka(broker: Broker, topic: MakeTopic) -> None:
    name = topic("data", partitions=2)

    code, summary, _ = generated(broker, name, "-n", "50", "-ne", "20", "--rate", "0", "--seed", "3")

    messages = read(broker, name, 2)
    assert (code, summary["messages"], summary["delivered"], summary["failed"]) == (0, 50, 50, 0)
    assert summary["bytes"] == sum(len(message.value() or b"") for message in messages)
    seen = [ev42.deserialise(message.value() or b"") for message in messages]
    source = GaussianSource(("source0",), events=20, seed=3)
    expected = [source.pulse(number, 0, 0) for number in range(50)]
    assert sum(events.tof_ns.size for events in seen) == summary["events"] == 1000
    assert sorted(events.tof_ns.tolist() for events in seen) == sorted(p.tof_ns.tolist() for p in expected)
    stamps = [message.timestamp()[1] for message in messages]
    assert (min(stamps), max(stamps)) == (summary["first_timestamp_ms"], summary["last_timestamp_ms"])


def test_what_was_recorded_is_in_kafka(broker: Broker, topic: MakeTopic, tmp_path: Path) -> None:
    path = tmp_path / "run.nxs"
    with h5py.File(path, "w") as file:
        group = file.create_group("entry/bank")
        group.attrs["NX_class"] = "NXevent_data"
        group["event_id"] = np.arange(1000, dtype=np.uint32)
        group["event_time_offset"] = np.arange(1000, dtype=np.float32)
        group["event_time_zero"] = np.arange(100) / 14
        group["event_time_zero"].attrs["offset"] = "2016-04-12T02:58:52"
        group["event_index"] = np.arange(100, dtype=np.uint64) * 10
    name = topic("data", config={"retention.ms": "-1"})

    code, summary, _ = generated(
        broker, name, "--nexus", str(path), "--schema", "ev44", "--shape", "efu", "--partition", "0"
    )

    messages = read(broker, name)
    seen = [ev44.deserialise(message.value() or b"") for message in messages]
    assert (code, summary["delivered"], summary["events"]) == (0, 100, 1000)
    assert {len(message.value() or b"") for message in messages} == {shapes.EFU_BYTES}
    np.testing.assert_array_equal(np.concatenate([e.tof_ns for e in seen]), np.arange(1000) * 1000)
    np.testing.assert_array_equal(np.concatenate([e.pixel_id for e in seen]), np.arange(1000))
    stamps = [message.timestamp()[1] for message in messages]
    assert stamps == [events.reference_time_ns // 1_000_000 for events in seen]
    assert stamps[0] == 1_460_429_932_000


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("rate", ["0.01", "0"])
def test_a_signal_ends_it_with_an_exact_summary(
    broker: Broker, topic: MakeTopic, number: int, rate: str
) -> None:
    name = topic("data")
    with started(broker, name, "--rate", rate) as process:
        while not broker.topic_size(name):
            assert process.poll() is None
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    summary = json.loads(out.splitlines()[-1])
    assert process.returncode == 0, err
    assert summary["messages"] == summary["delivered"] == broker.topic_size(name) > 0
    assert summary["events"] == 1000 * summary["messages"]


def test_what_kafka_refuses_is_counted(broker: Broker, topic: MakeTopic) -> None:
    name = topic("data", config={"max.message.bytes": "1000"})
    code, summary, last = generated(broker, name, "-n", "1")
    assert (code, summary["messages"], summary["delivered"], summary["failed"]) == (1, 1, 0, 1)
    assert "Message size too large" in last


@pytest.mark.parametrize(("name", "partition"), [("missing-topic", "0"), (None, "9")])
def test_a_place_that_does_not_exist_is_named(
    broker: Broker, topic: MakeTopic, name: str | None, partition: str
) -> None:
    code, summary, last = generated(broker, name or topic("data"), "-n", "1", "--partition", partition)
    assert (code, summary["delivered"], summary["failed"]) == (1, 0, 1)
    assert "Unknown" in last


def test_a_broker_that_cannot_be_reached_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(event_producer._SETTINGS, "queue.buffering.max.kbytes", 1)
    producer = EventProducer(KafkaSettings(("127.0.0.1:1",)), SystemClock(), first_delivery_s=0.5)
    producer.produce("data", bytes(1024), 1)
    with pytest.raises(NoBroker, match=r"127\.0\.0\.1:1 took no message for 0\.5 s: .*refused"):
        producer.produce("data", bytes(1024), 1)
    producer.flush(lambda: 0.0)
    assert (producer.delivered, producer.failed) == (0, 1)


def test_a_full_queue_is_waited_for_until_told_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(event_producer._SETTINGS, "queue.buffering.max.kbytes", 1)
    producer = EventProducer(KafkaSettings(("127.0.0.1:1",)), SystemClock())
    assert producer.produce("data", bytes(1000), 1)
    assert not producer.produce("data", bytes(1000), 1, give_up=lambda: True)
    producer.flush(lambda: 0.0)
    assert (producer.delivered, producer.failed) == (0, 1)
    assert producer.produce("data", bytes(2000), 1)
    assert producer.failure is not None
    assert producer.failed == 2
