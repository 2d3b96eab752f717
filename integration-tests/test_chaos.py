"""Processes are killed and frozen for two minutes, and every count is right in the end."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from confluent_kafka import Producer
from kafka_broker import Broker, MakeTopic

from chaos.kept import differences

ROOT = Path(__file__).parents[1]


@pytest.mark.timeout(600)
def test_two_minutes_of_chaos() -> None:
    command = [str(ROOT / "bin" / "chaos"), "--minutes", "2", "--seed", "7"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["wrong"] == []
    assert result["hits"] >= 15
    assert result["messages"] > 10_000
    # All of it goes on, again and again, and nothing begins anew.
    assert min(result["epochs"].values()) > 3


def test_what_is_twice_or_not_there_is_told(broker: Broker, topic: MakeTopic) -> None:
    topics = [topic("one", 2), topic("two", 2)]
    producer = Producer({"bootstrap.servers": broker.bootstrap})

    def send(number: int) -> None:
        producer.produce(topics[number % 2], b"", str(number), partition=number // 2 % 2)
        assert producer.flush(20) == 0

    for number in range(12):
        send(number)
    assert differences(broker.bootstrap, topics, 2, 12) == []
    send(7)
    (told,) = differences(broker.bootstrap, topics, 2, 13)
    assert "2 of 13 messages, such as 7 (2 times), 12 (0 times)" in told
