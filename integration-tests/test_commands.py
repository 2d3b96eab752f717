"""Commands and their replies: one each, in order, after the effect; what is wrong changes nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from events import BASE_MS, EventSender, Sent
from kafka_broker import MakeTopic
from service_process import TIMEOUT_S, Service

from histsvc.client import TopicReader
from histsvc.ports import OffsetAt
from histsvc.protocol.info import State

TOF: dict[str, Any] = {"tof_range": [0, 1e8], "num_bins": 50}


def replies(service: Service, commands: list[dict[str, Any]], wanted: int) -> list[dict[str, Any]]:
    """Send commands without waiting in between, and collect the replies."""
    follower = TopicReader(service.kafka, [service.responses], OffsetAt.LATEST)
    try:
        for command in commands:
            service.client.post(command)
        found: list[dict[str, Any]] = []
        deadline = time.monotonic() + TIMEOUT_S
        while len(found) < wanted and time.monotonic() < deadline:
            found += [json.loads(payload) for _, payload in follower.poll(0.05)]
        return found
    finally:
        follower.close()


def test_ping_says_who_is_there(service: Service) -> None:
    reply = service.client.send({"cmd": "ping", "msg_id": {"any": ["JSON", 1]}})
    assert reply["msg_id"] == {"any": ["JSON", 1]}
    assert reply["response"] == "ACK"
    assert reply["service"]["name"] == "histsvc"
    assert reply["service"]["protocol"] == "1.0"


def test_one_reply_for_each_command_in_their_order(service: Service, topic: MakeTopic) -> None:
    data = topic("data")
    good: dict[str, Any] = {
        "cmd": "config",
        "histograms": [service.histogram("hist1d", data, id="tof", **TOF)],
    }
    bad: dict[str, Any] = {
        "cmd": "config",
        "histograms": [service.histogram("hist1d", data, **{**TOF, "num_bins": 0})],
    }
    kinds = [good, {"cmd": "ping"}, bad, {"cmd": "reset_counts"}, {"cmd": "nonsense"}, {"cmd": "stop"}]
    commands = [{**kinds[i % len(kinds)], "msg_id": i + 1} for i in range(30)]
    for silent in (None, "", 0, False):
        commands.insert(7, {"cmd": "ping", "msg_id": silent})
    found = replies(service, commands, 30)
    assert [reply["msg_id"] for reply in found] == list(range(1, 31))
    expected = ["ACK", "ACK", "ERR", "ACK", "ERR", "ACK"]
    assert [reply["response"] for reply in found] == expected * 5


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"num_bins": 0}, "INVALID_ARGUMENT", "histograms[1].num_bins"),
        ({"type": "hist7d"}, "INVALID_ARGUMENT", "histograms[1].type"),
        ({"tof_range": [5, 1]}, "INVALID_ARGUMENT", "histograms[1].tof_range"),
        (
            {"tof_range": [1.0, 1.0000000000000004], "num_bins": 99},
            "INVALID_ARGUMENT",
            "histograms[1].num_bins",
        ),
        ({"data_topics": ["no-such-topic"]}, "NOT_FOUND", "histograms[1].data_topics[0]"),
        ({"num_bins": 10**12}, "RESOURCE_EXHAUSTED", "histograms[1]"),
        ({"input_schema": "ev99"}, "INVALID_ARGUMENT", "histograms[1].input_schema"),
        ({"data_brokers": ["localhost:1"]}, "PERMISSION_DENIED", "histograms[1].data_brokers[0]"),
    ],
)
def test_bad_histogram_is_named_and_what_runs_goes_on(
    service: Service,
    topic: MakeTopic,
    sender: EventSender,
    change: dict[str, Any],
    code: str,
    field: str,
) -> None:
    data, sent = topic("data"), Sent()
    good = service.histogram("hist1d", data, id="runs", **TOF)
    with service.following() as published:
        service.config([good])
        sender.pulses(data, sent, range(BASE_MS, BASE_MS + 5))
        error = service.refused({"cmd": "config", "histograms": [good, {**good, "id": "bad", **change}]})
        sender.pulses(data, sent, range(BASE_MS, BASE_MS + 5))
        service.client.send({"cmd": "stop"})
        finished = published.finished("runs")["runs"]
    assert (error.code, error.field) == (code, field)
    assert finished.info.sum == sent.events
    np.testing.assert_array_equal(finished.counts, np.histogram(sent.tof, bins=50, range=(0, 1e8))[0])
    assert len({received.info.job for received in published.all}) == 1


def test_topic_of_the_service_cannot_be_data(service: Service) -> None:
    for name in (service.commands, service.output):
        error = service.refused({"cmd": "config", "histograms": [service.histogram("hist1d", name, **TOF)]})
        assert error.field == "histograms[0].data_topics[0]"
        assert name in error.message


def test_replaced_histograms_finish_before_the_new_begin(
    service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    data, sent = topic("data"), Sent()
    with service.following() as published:
        service.config([service.histogram("hist1d", data, id="old", **TOF)])
        sender.pulses(data, sent, range(BASE_MS, BASE_MS + 5))
        published.until(lambda h: h.info.sum == sent.events)
        service.config([service.histogram("hist1d", data, id="new", **TOF)])
        published.until(lambda h: h.info.id == "new")
    story = [(received.info.id, received.info.state) for received in published.all]
    assert story[-2:] == [("old", State.FINISHED), ("new", State.INITIALISED)]
    assert published.of("old")[-1].info.sum == sent.events


def test_reset_counts_from_zero_on(service: Service, topic: MakeTopic, sender: EventSender) -> None:
    data, before, after = topic("data"), Sent(), Sent()
    with service.following() as published:
        service.config([service.histogram("hist1d", data, id="tof", **TOF)])
        sender.pulses(data, before, range(BASE_MS, BASE_MS + 5))
        published.until(lambda h: h.info.sum == before.events)
        service.client.send({"cmd": "reset_counts"})
        zeroed = published.until(lambda h: h.info.generation == 2).info
        sender.pulses(data, after, range(BASE_MS, BASE_MS + 3))
        counted = published.until(lambda h: h.info.sum == after.events)
    assert (zeroed.sum, zeroed.generation, zeroed.state) == (0, 2, State.COUNTING)
    assert zeroed.offsets == {data: {0: 5}}
    assert zeroed.messages == 0
    np.testing.assert_array_equal(counted.counts, np.histogram(after.tof, bins=50, range=(0, 1e8))[0])


def test_reset_has_no_effect_on_finished_histograms(
    service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    data, sent = topic("data"), Sent()
    sender.pulses(data, sent, range(BASE_MS, BASE_MS + 5))
    with service.following() as published:
        service.config([service.histogram("hist1d", data, id="tof", **TOF)], start=BASE_MS, stop=BASE_MS + 9)
        published.finished("tof")
        service.client.send({"cmd": "reset_counts"})
        published.poll(1.0)
        last = published.all[-1].info
    assert (last.state, last.sum, last.generation) == (State.FINISHED, sent.events, 1)
    service.heartbeat_until(lambda beat: [h for h in beat["histograms"] if h["sum"] == sent.events])


def test_interval_counts_for_that_long(service: Service, topic: MakeTopic, sender: EventSender) -> None:
    data, sent = topic("data"), Sent()
    with service.following() as published:
        service.config([service.histogram("hist1d", data, id="tof", **TOF)], interval=3)
        first = published.until(lambda h: h.info.id == "tof").info
        assert first.start is not None
        assert first.stop == first.start + 3000
        sender.pulses(data, Sent(), [first.start - 1])
        sender.pulses(data, sent, [first.start, first.stop])
        sender.pulses(data, Sent(), [first.stop + 1])
        info = published.finished("tof")["tof"].info
    assert info.sum == sent.events
    assert info.out_of_window == 200


def test_no_histograms_stops_everything_with_a_warning(service: Service, topic: MakeTopic) -> None:
    with service.following() as published:
        service.config([service.histogram("hist1d", topic("data"), id="tof", **TOF)])
        reply = service.config([])
        published.finished("tof")
    assert "none given" in reply["warnings"][0]
    assert service.heartbeat_until(lambda beat: beat["state"]) == "IDLE"


def test_warnings_name_what_is_odd(service: Service, topic: MakeTopic) -> None:
    data = topic("data")
    odd = service.histogram("hist1d", data, id="same", colour="red", left_edges="nonsense", **TOF)
    reply = service.config([odd, {**odd, "topic": "not-there-yet"}], flavour=1)
    text = "\n".join(reply["warnings"])
    for part in ("flavour", "histograms[0].colour", "histograms[1].id", "not-there-yet"):
        assert part in text
    assert "left_edges" not in text
    # And the missing output topic is not forgotten at the end.
    error = service.refused({"cmd": "stop"})
    assert error.code == "UNAVAILABLE"
    assert "not-there-yet" in error.message


def test_messages_that_are_no_commands_get_no_reply(service: Service, sender: EventSender) -> None:
    failed = service.heartbeat_until(lambda beat: beat["counters"])["commands_failed"]
    for payload in (b"", None, b"\xff\x00", b"[1, 2]", b'"text"', b"{", b"[" * 100_000):
        sender.raw(service.commands, payload, 1)
    sender.flush()
    found = replies(service, [{"cmd": "ping", "msg_id": "after"}], 1)
    assert [reply["msg_id"] for reply in found] == ["after"]
    assert service.heartbeat_until(lambda beat: beat["counters"])["commands_failed"] == failed + 7


def test_numbers_that_json_does_not_have_are_refused_with_a_reply(
    service: Service, sender: EventSender
) -> None:
    follower = TopicReader(service.kafka, [service.responses], OffsetAt.LATEST)
    for number in ("NaN", "Infinity", "1e999", "9" * 400):
        sender.raw(service.commands, f'{{"cmd": "config", "msg_id": "odd", "start": {number}}}'.encode(), 1)
    sender.flush()
    found: list[Any] = []
    deadline = time.monotonic() + TIMEOUT_S
    while len(found) < 4 and time.monotonic() < deadline:
        found += [json.loads(payload) for _, payload in follower.poll(0.05)]
    follower.close()
    assert [(r["msg_id"], r["response"], r["code"]) for r in found] == [
        ("odd", "ERR", "INVALID_ARGUMENT")
    ] * 4


def test_command_for_another_service_is_ignored(own_service: Callable[..., Service]) -> None:
    service = own_service("--service-id", "me")
    commands = [{"cmd": "ping", "msg_id": i, "target": t} for i, t in enumerate(["you", "me", ""], 1)]
    assert [reply["msg_id"] for reply in replies(service, commands, 2)] == [2, 3]
