"""What a histogram message says: read with the field's usual decoders (protocol.md, section 4)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from confluent_kafka import Consumer, TopicPartition
from events import BASE_MS, EventSender, Sent
from kafka_broker import Broker, MakeTopic
from service_process import TIMEOUT_S, Service
from stock_histograms import STOCK
from streaming_data_types.dataarray_da00 import deserialise_da00

from histsvc.client import Histogram
from histsvc.protocol.info import State
from histsvc.wire import ev44

TOF: dict[str, Any] = {"tof_range": [0, 1e8], "num_bins": 50}
TEXTS = ("id", "state", "job", "config_hash")
WHOLE = (
    *("last_pulse_time", "sum", "diff", "index", "generation", "epoch", "underflow", "overflow", "filtered"),
    *("out_of_window", "messages", "undecodable", "other_schema", "resumed", "lag"),
    *("lost", "first_pulse_time"),
)
# Only where there is one.
OPTIONAL = {"start": int, "stop": int, "error_message": str, "warning": str, "data_age_ms": int}
BACKLOG = 60_000


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def raw(broker: Broker, topic: str) -> list[tuple[str, bytes]]:
    """Key and payload of all that is in a topic now."""
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "unused"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    messages = [consumer.poll(TIMEOUT_S) for _ in range(broker.topic_size(topic))]
    consumer.close()
    return [(message.key().decode(), message.value()) for message in messages]


def check_types(info: dict[str, Any]) -> None:
    """Every key of the contract is there, as what it says; an int is no bool and no float."""
    assert {key: type(info[key]) for key in TEXTS} == dict.fromkeys(TEXTS, str)
    assert {key: type(info[key]) for key in WHOLE} == dict.fromkeys(WHOLE, int)
    assert type(info["rate"]) in (int, float)
    for topic, partitions in info["offsets"].items():
        assert isinstance(topic, str)
        assert all(number.isdecimal() and type(at) is int for number, at in partitions.items())
    for topic, numbers in info["done"].items():
        assert info["offsets"][topic].keys() >= {str(number) for number in numbers}
    assert info["config"]["type"] in ("hist1d", "hist2d", "dethist", "roihist")
    for key in OPTIONAL.keys() & info.keys():
        assert type(info[key]) is OPTIONAL[key], key
    assert info.keys() <= {*TEXTS, *WHOLE, *OPTIONAL, "rate", "offsets", "done", "config"}
    assert ("error_message" in info) == (info["state"] == "ERROR")


def check_message(key: str, message: dict[str, Any], info: dict[str, Any], begun_ns: int) -> None:
    check_types(info)
    assert key == (info["id"] or f"{info['job']}/{info['index']}")
    assert message["source"] == "histsvc"
    assert begun_ns <= message["timestamp"] <= time.time_ns()
    assert message["data"].dtype == np.float64
    assert message["data"].sum() == info["sum"]
    for axis, length in zip(message["dim_metadata"], message["data"].shape, strict=True):
        assert len(axis["bin_boundaries"]) == axis["length"] + 1 == length + 1


@pytest.mark.parametrize("schema", STOCK)
def test_messages_as_other_clients_read_them(
    service: Service, broker: Broker, topic: MakeTopic, sender: EventSender, schema: str
) -> None:
    data, output, sent, begun_ns = topic("data"), topic("output"), Sent(), time.time_ns()
    sender.pulses(data, sent, [BASE_MS + 7, BASE_MS])
    histograms = [
        service.histogram("hist1d", data, id="tof", **TOF),
        service.histogram("hist2d", data, tof_range=[0, 1e8], det_range=[1, 100], num_bins=[50, 10]),
        service.histogram("dethist", data, id="image", det_range=[1, 100], width=4, height=25),
    ]
    elsewhere = [{**histogram, "topic": output} for histogram in histograms]
    service.config(elsewhere, output_schema=schema, start=BASE_MS)
    service.heartbeat_until(lambda beat: {h["sum"] for h in beat["histograms"]} == {sent.events} or None)
    service.client.send({"cmd": "stop"})
    messages = raw(broker, output)
    assert {payload[4:8].decode() for _, payload in messages} == {schema}
    read = [(key, STOCK[schema](payload)) for key, payload in messages]
    infos = [json.loads(message["info"]) for _, message in read]
    for (key, message), info in zip(read, infos, strict=True):
        check_message(key, message, info, begun_ns)
    axes = {key: message["dim_metadata"] for key, message in read}
    both = f"{infos[0]['job']}/1"
    assert set(axes) == {"tof", both, "image"}
    assert [(axis["unit"], axis["label"]) for axis in axes["tof"]] == [("ns", "time of flight")]
    assert [axis["label"] for axis in axes[both]] == ["time of flight", "pixel id"]
    edges = [np.asarray(axis["bin_boundaries"]) for axis in (*axes["tof"], *axes["image"])]
    for found, wanted in zip(edges, (np.linspace(0, 1e8, 51), np.arange(5), np.arange(26)), strict=True):
        np.testing.assert_array_equal(found, wanted)
    last = {info["index"]: info for info in infos}
    assert [last[index]["last_pulse_time"] for index in range(3)] == [(BASE_MS + 7) * 1_000_000] * 3
    assert last[0]["start"] == BASE_MS
    assert "stop" not in last[0]


def test_da00_says_when_counting_began_and_how_far_it_is(
    service: Service, broker: Broker, topic: MakeTopic, sender: EventSender
) -> None:
    """Both are times of pulses, and not there before any."""
    data, output, sent = topic("data"), topic("output"), Sent()
    histogram = service.histogram("hist1d", data, id="tof", **TOF) | {"topic": output}
    service.config([histogram], output_schema="da00")
    (_, first), *_ = raw(broker, output)
    sender.pulses(data, sent, [BASE_MS, BASE_MS + 7])
    service.heartbeat_until(lambda beat: {h["sum"] for h in beat["histograms"]} == {sent.events} or None)
    service.client.send({"cmd": "stop"})
    *_, (_, last) = raw(broker, output)
    before, after = ({each.name: each for each in deserialise_da00(each).data} for each in (first, last))
    assert before.keys() == {"signal", "errors", "tof", "info"}
    assert after.keys() == {*before, "start_time", "end_time"}
    assert (after["start_time"].data, after["start_time"].unit) == (BASE_MS * 1_000_000, "ns")
    assert (after["end_time"].data, after["end_time"].unit) == ((BASE_MS + 7) * 1_000_000, "ns")
    counts = np.histogram(sent.tof, 50, (0, 1e8))[0]
    np.testing.assert_array_equal(before["signal"].data, np.zeros(50))
    np.testing.assert_array_equal(after["signal"].data, counts)
    np.testing.assert_array_equal(after["errors"].data, np.sqrt(counts))


def begins(name: str) -> Callable[[Histogram], bool]:
    return lambda received: received.info.id == name and received.info.state is State.INITIALISED


def test_identity_tells_commands_histograms_and_resets_apart(
    service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    data = topic("data")
    same = service.histogram("hist1d", data, id="same", **TOF)
    other = {**same, "id": "other", "num_bins": 51}
    found: list[Histogram] = []
    with service.following() as published:
        for _ in range(2):
            published.all.clear()  # until() looks at all that has come
            service.config([same, other])
            found += [published.until(begins(name)) for name in ("same", "other")]
        service.client.send({"cmd": "reset_counts"})
        service.client.send({"cmd": "reset_counts"})
        reset = published.until(lambda h: h.info.id == "same" and h.info.generation == 3).info
    infos = [each.info for each in found]
    assert [info.index for info in infos] == [0, 1, 0, 1]
    assert infos[0].job == infos[1].job != infos[2].job == infos[3].job
    assert infos[0].config_hash == infos[2].config_hash != infos[1].config_hash == infos[3].config_hash
    assert {(info.generation, info.epoch, info.resumed) for info in infos} == {(1, 1, 0)}
    assert (reset.job, reset.config_hash, reset.index) == (infos[2].job, infos[2].config_hash, 0)


def test_lag_is_what_is_left_to_read(service: Service, topic: MakeTopic, sender: EventSender) -> None:
    data = topic("data", partitions=2)
    payload = ev44.serialise("s", 1, 5, np.arange(10), np.arange(1, 11))
    for number in range(BACKLOG):
        sender.raw(data, payload, BASE_MS, number % 2)
    sender.flush()
    with service.following() as published:
        service.config(
            [service.histogram("hist1d", data, id="tof", publish_interval_ms=1, **TOF)], start=BASE_MS
        )
        last = published.until(lambda h: h.info.messages == BACKLOG)
    behind = [each.info for each in published.of("tof") if 0 < each.info.messages < BACKLOG]
    # The end of a partition is known from when something of it was fetched.
    known = [info for info in behind if all(info.offsets[data].values())]
    assert known
    assert {info.lag + info.messages for info in known} == {BACKLOG}
    assert last.info.lag == 0


def test_age_is_that_of_the_newest_message(service: Service, topic: MakeTopic, sender: EventSender) -> None:
    data, sent = topic("data"), Sent()
    with service.following() as published:
        service.config([service.histogram("hist1d", data, id="tof", publish_interval_ms=100, **TOF)])
        before = published.until(lambda h: h.info.state is State.INITIALISED)
        newest = now_ms() - 5_000
        sender.pulses(data, sent, [newest, newest - 60_000])
        first = published.until(lambda h: h.info.sum == sent.events)
        second = published.until(lambda h: h.timestamp_ns > first.timestamp_ns)
    assert (before.info.data_age_ms, before.info.last_pulse_time) == (None, 0)
    for each in (first, second):
        assert each.info.data_age_ms is not None
        assert abs(each.timestamp_ns // 1_000_000 - newest - each.info.data_age_ms) <= 5
        assert each.info.last_pulse_time == newest * 1_000_000
