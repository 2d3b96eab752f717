"""The heartbeat in both schemas (protocol.md, section 5), as the clients of the field read it."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import pairwise
from statistics import median
from typing import Any

import pytest
from events import EventSender, Sent
from kafka_broker import Broker, MakeTopic
from service_process import TIMEOUT_S, Service
from streaming_data_types.status_x5f2 import StatusMessage, deserialise_x5f2
from streaming_data_types.utils import get_schema

from histsvc import __version__
from histsvc.client import TopicReader
from histsvc.ports import OffsetAt

KEYS = {"message", "message_interval", "service", "id", "version", "protocol", "uptime_ms", "host", "pid"}
HISTOGRAM_KEYS = {"id", "job", "index", "topic", "brokers", "state", "sum", "rate", "lag", "data_age_ms"}
ABOUT = {"state", "histograms", "workers", "counters"}
COUNTERS = {"messages", "events", "undecodable", "other_schema"}
OUTGOING = {"published", "publish_failed", "commands", "commands_failed"}
OwnService = Callable[..., Service]


def payloads(service: Service, at: OffsetAt = OffsetAt.LATEST) -> Iterator[bytes]:
    """Heartbeats as they come, for so long as a test may wait."""
    deadline = time.monotonic() + TIMEOUT_S
    follower = TopicReader(service.kafka, [service.heartbeat], at)
    try:
        while time.monotonic() < deadline:
            yield from (payload for _, payload in follower.poll(0.05))
    finally:
        follower.close()
    raise AssertionError(f"no heartbeat said so\n{service.log}")


def status_until(service: Service, fact: Callable[[dict[str, Any]], bool]) -> tuple[StatusMessage, Any]:
    """The first x5f2 heartbeat from now on of which something is true, and the JSON in it."""
    for payload in payloads(service):
        assert get_schema(payload) == "x5f2"
        status = deserialise_x5f2(payload)
        content = json.loads(status.status_json)
        if fact(content):
            return status, content
    raise AssertionError


def test_x5f2_says_who_and_how(own_service: OwnService, topic: MakeTopic, sender: EventSender) -> None:
    service = own_service(
        "--heartbeat-schema", "x5f2", "--heartbeat-interval", "300", "--service-id", "bank-1"
    )
    data, sent = topic("data"), Sent()
    status, content = status_until(service, lambda content: True)
    assert (status.software_name, status.software_version) == ("histsvc", __version__)
    assert (status.service_id, status.host_name) == ("bank-1", socket.gethostname())
    assert (status.process_id, status.update_interval) == (service.process.pid, 300)
    assert content.keys() == KEYS | ABOUT
    assert (content["host"], content["pid"]) == (socket.gethostname(), service.process.pid)
    assert content["message_interval"] == 300
    assert abs(content["message"] - time.time() * 1000) < 5000
    assert (content["service"], content["id"]) == ("histsvc", "bank-1")
    assert content["state"] == "IDLE"
    service.config([service.histogram("hist1d", data, id="h", tof_range=[0, 1e8], num_bins=10)])
    status_until(service, lambda content: content["state"] == "RUNNING")
    sender.pulses(data, sent, [time.time_ns() // 1_000_000])
    _, content = status_until(
        service, lambda content: [h["sum"] for h in content["histograms"]] == [sent.events]
    )
    assert content["state"] == "RUNNING"
    service.client.send({"cmd": "stop"})
    _, content = status_until(service, lambda content: content["state"] == "IDLE")
    assert content["histograms"] == []


@pytest.mark.parametrize("options", [(), ("--heartbeat-schema", "json")], ids=["default", "json"])
def test_json_has_every_key_of_the_contract(
    own_service: OwnService, topic: MakeTopic, sender: EventSender, options: tuple[str, ...]
) -> None:
    service = own_service(*options)
    data, sent = topic("data"), Sent()
    service.config([service.histogram("hist1d", data, id="h", tof_range=[0, 1e8], num_bins=10)])
    for payload in (b"\xff\xff\xff\xffev44", b"\x00\x00\x00\x00f144"):
        sender.raw(data, payload, time.time_ns() // 1_000_000)
    sender.pulses(data, sent, [time.time_ns() // 1_000_000])
    service.refused({"cmd": "nonsense"})
    # Worker and parent tell of counts and of counters together, but the message may come a moment before.
    counted = service.heartbeat_until(
        lambda beat: beat if beat["counters"]["events"] == sent.events and told(beat) else None
    )
    assert counted.keys() == KEYS | ABOUT
    (histogram,) = counted["histograms"]
    assert histogram.keys() == HISTOGRAM_KEYS
    assert (histogram["topic"], histogram["brokers"]) == (service.output, [service.bootstrap])
    assert (histogram["id"], histogram["state"], histogram["sum"]) == ("h", "COUNTING", sent.events)
    assert counted["workers"]
    assert all(worker.keys() == {"pid", "state", "restarts"} for worker in counted["workers"])
    assert "COUNTING" in {worker["state"] for worker in counted["workers"]}
    counters = counted["counters"]
    assert counters.keys() >= COUNTERS | OUTGOING
    assert sum(counters["undecodable"].values()) == 1
    assert (counters["messages"], counters["other_schema"]) == (3, 1)
    assert (counters["commands"], counters["commands_failed"]) == (2, 1)
    assert counters["published"] >= 1
    assert counters["publish_failed"] == {}


def told(beat: dict[str, Any]) -> bool:
    """Whether a heartbeat has the histogram's own sum, too."""
    return [histogram["sum"] for histogram in beat["histograms"]] == [beat["counters"]["events"]]


def test_one_heartbeat_every_interval_from_when_it_is_ready(own_service: OwnService) -> None:
    service = own_service("--heartbeat-interval", "200")
    seen: list[dict[str, Any]] = []
    for payload in payloads(service, OffsetAt.EARLIEST):
        seen.append(json.loads(payload))
        if len(seen) == 10:
            break
    (ready,) = (line for line in service.lines if " ready: " in line)
    assert seen[0]["message"] >= datetime.strptime(ready[:23], "%Y-%m-%d %H:%M:%S,%f").timestamp() * 1000
    steps = [later["message"] - beat["message"] for beat, later in pairwise(seen)]
    # Of a machine that others use as well, single ones may be late, and those after them are then early.
    assert 150 < median(steps) < 300


def test_a_broker_that_does_not_answer_gets_no_old_heartbeats(broker_of_its_own: Broker) -> None:
    service = Service(broker_of_its_own, "--heartbeat-interval", "200")
    try:
        beats = payloads(service, OffsetAt.EARLIEST)
        next(beats)  # whoever comes later may wait longer for such a broker
        frozen_ms = time.time_ns() // 1_000_000
        with broker_of_its_own.frozen():
            time.sleep(4)  # no fact to wait for: this is how long it does not answer
            thawed_ms = time.time_ns() // 1_000_000
        seen: list[int] = []
        for payload in beats:
            seen.append(json.loads(payload)["message"])
            if sum(message > thawed_ms for message in seen) == 6:
                break
        meanwhile = [message for message in seen if frozen_ms + 500 < message < thawed_ms]
        # Only the one that was under way is late, and that was made at the beginning.
        assert not meanwhile
        steps = [later - message for message, later in pairwise(seen) if message > thawed_ms]
        assert max(steps) < 1000
        assert service.terminate() == 0
    finally:
        service.close()


@pytest.fixture
def broker_of_its_own() -> Iterator[Broker]:
    with Broker() as started:
        yield started
