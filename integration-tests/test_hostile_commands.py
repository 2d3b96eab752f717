"""Commands made to do harm, on a real topic: the service answers or logs each, and counts on exactly."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from confluent_kafka import Producer
from events import TOF_END_NS, EventSender, Sent
from following import now_ms
from hostile.generated import Generator
from hostile.mutated import Mutator
from kafka_broker import MakeTopic
from service_process import TIMEOUT_S, Service
from test_too_large import allow

from histsvc.client import TopicReader
from histsvc.ports import OffsetAt
from histsvc.protocol.schema import command_schema

MANY = 500
LARGE = 20_000_000
LARGEST = {"message.max.bytes": 2 * LARGE}
DEPTH = 100_000
DIGITS = "9" * 400
HANDMADE = {
    "not UTF-8": b'{"cmd": "ping", "msg_id": "\xff"}',
    "UTF-16": json.dumps({"cmd": "ping", "msg_id": 1}).encode("utf-16"),
    "empty": b"",
    "zeros": bytes(1000),
    "20 MB": b'{"cmd": "ping", "msg_id": "large", "x": "%s"}' % (b"a" * LARGE),
    "20 MB of brackets": b"[" * LARGE,
    "deep lists": b'{"cmd": "ping", "msg_id": "deep", "x": %s1%s}' % (b"[" * DEPTH, b"]" * DEPTH),
    "deep objects": b'{"cmd": "ping", "msg_id": "deep", "x": %s1%s}' % (b'{"a":' * DEPTH, b"}" * DEPTH),
    "the same key twice": b'{"cmd": "ping", "cmd": "stop", "msg_id": "twice"}',
    "400 digits": f'{{"cmd": "config", "msg_id": "digits", "start": {DIGITS}, "histograms": []}}'.encode(),
    "400 digits as id": f'{{"cmd": "nonsense", "msg_id": {DIGITS}}}'.encode(),
}


def generated() -> Iterator[bytes]:
    """Commands that end nothing that runs, most of them spoiled."""
    chance = random.Random(3)
    generator, mutator = Generator(command_schema(), chance), Mutator(chance)
    for number in range(MANY):
        while (command := generator.command())["cmd"] not in ("add", "status", "ping", "describe"):
            pass
        yield mutator.mutate({**command, "target": None, "msg_id": f"generated {number}"})


@pytest.fixture
def hostile_service(own_service: Callable[..., Service]) -> Service:
    return own_service("--workers", "1")


def write(service: Service, payloads: Iterator[bytes]) -> int:
    """Send commands as they are; returns how many."""
    failed: list[Any] = []
    producer = Producer({"bootstrap.servers": service.bootstrap, **LARGEST})
    sent = 0
    for payload in payloads:
        producer.produce(service.commands, payload, on_delivery=lambda e, _: failed.append(e) if e else None)
        sent += 1
    assert producer.flush(60) == 0
    assert failed == []
    return sent


def ids(replies: TopicReader, last: str) -> list[str]:
    """Those of all replies up to the last one; what is no text as JSON."""
    found: list[str] = []
    while last not in found:
        polled = [json.loads(payload)["msg_id"] for _, payload in replies.poll(TIMEOUT_S)]
        assert polled, found
        found += [each if isinstance(each, str) else json.dumps(each) for each in polled]
    return found


def test_they_are_answered_or_logged_and_what_runs_counts_on(
    hostile_service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    service, data, sent = hostile_service, topic("data"), Sent()
    allow(service.broker, service.commands, 2 * LARGE)
    histogram = service.histogram("hist1d", data, id="running", tof_range=[0, TOF_END_NS], num_bins=100)
    service.config([histogram], start=now_ms())
    replies = TopicReader(service.kafka, [service.responses], OffsetAt.LATEST)
    with service.following() as histograms:
        sender.pulses(data, sent, [now_ms()] * 50)
        commands = write(service, iter(HANDMADE.values())) + write(service, generated())
        sender.pulses(data, sent, [now_ms()] * 50)
        end = service.client.send({"cmd": "ping"}, 60.0)["msg_id"]
        sender.pulses(data, sent, [now_ms()] * 50)
        last = histograms.until(lambda each: each.info.sum == sent.events)
    expected, _ = np.histogram(sent.tof, bins=np.linspace(0, TOF_END_NS, 101))
    np.testing.assert_array_equal(last.counts, expected)
    answered = Counter(ids(replies, end))
    replies.close()
    outcomes = Counter(re.findall(r" command offset=(\d+) ", service.log))
    assert max(outcomes.values()) == 1
    # What happens to be for another service is not told.
    assert commands * 0.9 < len(outcomes) <= commands + 2
    # Not by id: mutations gave the same one to several.
    assert sum(answered.values()) <= len(outcomes)
    assert answered["large"] == answered["twice"] == answered["digits"] == 1
    assert sum(answered.values()) > MANY / 4
    assert "Traceback" not in service.log
    assert " INTERNAL " not in service.log
