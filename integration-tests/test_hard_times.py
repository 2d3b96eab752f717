"""Bad times for a service that goes on: topics vanish, processes hang or die again, commands pile up."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any
from uuid import uuid4

from confluent_kafka.admin import AdminClient
from events import EventSender, Sent
from kafka_broker import Broker, MakeTopic
from service_process import TIMEOUT_S, Histograms, Service
from test_hard_ends import replies_of
from test_workers import TOF

from histsvc.client import TopicReader
from histsvc.ports import OffsetAt
from histsvc.protocol.info import State

MANY = 3_000
# A worker that hangs is given 10 s.
HANGING_S = 20.0
RECREATED_S = 60.0
# Heartbeats come once a second.
LONGEST_GAP_MS = 5_000


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def delete_topic(broker: Broker, name: str) -> None:
    admin = AdminClient({"bootstrap.servers": broker.bootstrap, "log_level": 0})
    admin.delete_topics([name])[name].result(TIMEOUT_S)


def errors(beat: dict[str, Any]) -> dict[str, str]:
    return {h["id"]: h["error_message"] for h in beat["histograms"] if h["state"] == "ERROR"}


def sum_is(published: Histograms, name: str, events: int) -> None:
    published.until(lambda h: h.info.id == name and h.info.sum == events)


def post(sender: EventSender, service: Service, *commands: dict[str, Any]) -> None:
    """Send commands all at once."""
    for command in commands:
        sender.raw(service.commands, json.dumps(command).encode(), now_ms())
    sender.flush()


def test_deleted_data_topic_is_an_error_of_its_histograms_alone(
    own_service: Callable[..., Service], broker: Broker, topic: MakeTopic, sender: EventSender
) -> None:
    service = own_service("--workers", "1")
    kept, lost, sent, gone = topic("kept"), topic("lost"), Sent(), Sent()
    start = now_ms()
    topics = {"kept": [kept], "lost": [lost], "both": [kept, lost]}
    histograms = [service.histogram("hist1d", *names, id=name, **TOF) for name, names in topics.items()]
    with service.following() as published:
        service.config(histograms, start=start, stop=start + 6_000)
        sender.pulses(kept, sent, [start] * 3)
        sender.pulses(lost, gone, [start] * 3)
        sum_is(published, "both", sent.events + gone.events)
        delete_topic(broker, lost)
        beat = service.heartbeat_until(lambda beat: beat if len(errors(beat)) == 2 else None)
        assert beat["state"] == "DEGRADED"
        assert sorted(errors(beat)) == ["both", "lost"]
        assert all(lost in message for message in errors(beat).values())
        sender.pulses(kept, sent, [start] * 3)
        sum_is(published, "kept", sent.events)
        assert published.finished("kept")["kept"].info.sum == sent.events
        for name in ("lost", "both"):
            message = published.until(lambda h, n=name: h.info.id == n and h.info.state is State.ERROR)  # type: ignore[misc]
            assert lost in (message.info.error_message or "")


def test_thousands_of_commands_at_once(service: Service, sender: EventSender) -> None:
    with replies_of(service) as replies:
        post(sender, service, *({"cmd": "ping", "msg_id": number} for number in range(1, MANY + 1)))
        found = replies(MANY)
    assert [reply["msg_id"] for reply in found] == list(range(1, MANY + 1))
    assert {reply["response"] for reply in found} == {"ACK"}


def test_large_config_does_not_keep_the_next_command_waiting(
    own_service: Callable[..., Service], topic: MakeTopic, sender: EventSender
) -> None:
    # Less time than it takes to make so many edges.
    service = own_service("--workers", "1", "--command-timeout", "2000")
    large = service.histogram("hist1d", topic("data"), id="tof", tof_range=[7, 7], num_bins=30_000_000)
    with replies_of(service) as replies:
        config = {"cmd": "config", "histograms": [large], "msg_id": 1}
        post(sender, service, config, {"cmd": "ping", "msg_id": 2})
        first, second = replies(2)
    assert (first["msg_id"], second["msg_id"]) == (1, 2)
    assert first["response"] in ("ACK", "ERR")
    assert second["response"] == "ACK", second


def test_command_topic_that_is_deleted_and_made_again(
    own_service: Callable[..., Service], broker: Broker
) -> None:
    service = own_service("--workers", "1")
    for _ in range(5):
        service.client.send({"cmd": "ping"})
    beats = TopicReader(service.kafka, [service.heartbeat], OffsetAt.LATEST)
    delete_topic(broker, service.commands)
    service.heartbeat_until(lambda beat: beat)  # it goes on without it
    broker.create_topic(service.commands)
    ping_until_answered(service)
    seen = [json.loads(payload)["message"] for payload in payloads_until_now(beats)]
    assert max(after - before for before, after in pairwise(seen)) < LONGEST_GAP_MS


def ping_until_answered(service: Service) -> None:
    """Pings, each another one, until one of them is answered; then the next one is, too."""
    sender, last = EventSender(service.bootstrap), uuid4().hex
    follower = TopicReader(service.kafka, [service.responses], OffsetAt.LATEST)
    deadline = time.monotonic() + RECREATED_S
    with replies_of(service) as replies:
        while not follower.poll(1.0):
            assert time.monotonic() < deadline, f"no ping was answered in {RECREATED_S} s\n{service.log}"
            post(sender, service, {"cmd": "ping", "msg_id": uuid4().hex})
        follower.close()
        post(sender, service, {"cmd": "ping", "msg_id": last})
        count = 1
        while replies(count)[-1]["msg_id"] != last:
            count += 1
        assert {reply["response"] for reply in replies(count)} == {"ACK"}


def payloads_until_now(beats: TopicReader) -> list[bytes]:
    """The heartbeats that have come, and the next ones until one is of this moment or later."""
    found: list[bytes] = []
    now, deadline = now_ms(), time.monotonic() + TIMEOUT_S
    while not found or json.loads(found[-1])["message"] < now:
        assert time.monotonic() < deadline, f"the last heartbeat: {found[-1:]}"
        found += [payload for _, payload in beats.poll(0.05)]
    beats.close()
    return found
