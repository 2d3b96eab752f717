"""The broker that the other tests rely on does what it promises."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from kafka_broker import SASL_CLIENT, Broker, MakeTopic
from process.workers import alive

_TIMEOUT_S = 20.0
_MS_2016 = 1_451_606_400_000

_START_AND_WAIT = """
import sys
from kafka_broker import Broker
with Broker() as broker:
    print(broker.pid, flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("listener", ["plain", "sasl"])
def test_message_goes_in_and_comes_out(broker: Broker, topic: MakeTopic, listener: str) -> None:
    client = {
        "plain": {"bootstrap.servers": broker.bootstrap},
        "sasl": {"bootstrap.servers": broker.sasl_bootstrap, **SASL_CLIENT},
    }[listener]
    name = topic("data")
    _produce(client, name, b"neutrons")
    message = _read_first(client, name)
    assert message.value() == b"neutrons"
    assert message.timestamp()[1] == _MS_2016


def test_sasl_listener_refuses_a_wrong_password(broker: Broker) -> None:
    errors: list[str] = []
    wrong = {**SASL_CLIENT, "sasl.password": "guess", "error_cb": lambda error: errors.append(str(error))}
    producer = Producer({"bootstrap.servers": broker.sasl_bootstrap, "log_level": 0, **wrong})
    _until(
        lambda: producer.poll(0.05) >= 0 and any("Invalid username or password" in error for error in errors)
    )


def test_topic_has_the_partitions_and_the_size_it_was_given(broker: Broker, topic: MakeTopic) -> None:
    name = topic("data", partitions=3, config={"retention.ms": "3600000"})
    client = {"bootstrap.servers": broker.bootstrap}
    assert broker.topic_size(name) == 0
    for partition in (0, 2, 2):
        _produce(client, name, b"x", partition, timestamp=int(time.time() * 1000))
    assert broker.topic_size(name) == 3
    broker.delete_records(name, 2, before=1)
    assert broker.topic_size(name) == 2


def test_old_messages_go_only_where_a_topic_asks_for_it(broker: Broker, topic: MakeTopic) -> None:
    kept, expiring = topic("kept"), topic("expiring", config={"retention.ms": "3600000"})
    client = {"bootstrap.servers": broker.bootstrap}
    _produce(client, kept, b"x")
    _produce(client, expiring, b"x")
    _until(lambda: broker.topic_size(expiring) == 0)
    assert broker.topic_size(kept) == 1


def test_killed_broker_comes_back_and_stopped_broker_is_gone() -> None:
    with Broker() as broker:
        client = {"bootstrap.servers": broker.bootstrap}
        broker.create_topic("data")
        _produce(client, "data", b"neutrons")
        broker.kill()
        broker.start()
        assert _read_first(client, "data").value() == b"neutrons"
        pid = broker.pid
        assert pid is not None
        home = broker.log.parent
        broker.stop()
        assert not alive(pid)
    assert not home.exists()


def test_broker_does_not_outlive_a_killed_starter(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-c", _START_AND_WAIT]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as starter:
        assert starter.stdout
        pid = int(starter.stdout.readline())
        assert alive(pid)
        starter.send_signal(signal.SIGKILL)
    _until(lambda: not alive(pid))


def _produce(
    client: dict[str, Any], topic: str, payload: bytes, partition: int = 0, timestamp: int = _MS_2016
) -> None:
    outcomes: list[Any] = []
    producer = Producer(client)
    producer.produce(
        topic,
        payload,
        partition=partition,
        timestamp=timestamp,
        on_delivery=lambda error, _message: outcomes.append(error),
    )
    producer.flush(_TIMEOUT_S)
    assert outcomes == [None]


def _read_first(client: dict[str, Any], topic: str) -> Any:
    consumer = Consumer({**client, "group.id": "unused", "enable.auto.commit": False})
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        message = consumer.poll(_TIMEOUT_S)
    finally:
        consumer.close()
    assert message is not None
    assert message.error() is None
    return message


def _until(fact: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _TIMEOUT_S
    while not fact():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
