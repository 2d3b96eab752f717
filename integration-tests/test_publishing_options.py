"""Options of publishing: compression, interval, source name; and --stop-leeway (sections 3, 4 and 7)."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from events import BASE_MS, EventSender, Sent
from kafka_broker import Broker, MakeTopic
from service_process import TIMEOUT_S, Service

from histsvc.protocol.info import State

TOF: dict[str, Any] = {"id": "tof", "tof_range": [0, 1e8], "num_bins": 50}
# Kafka's record batch: offset, length, leader epoch, magic, checksum, attributes; these have the codec.
BATCH = struct.Struct(">qiibIh")
LENGTH_ENDS = 12
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
LEEWAY_MS = 30
INTERVAL_MS = 1_500


@pytest.fixture(scope="module")
def other_service(broker: Broker) -> Iterator[Service]:
    """A service with other options than the shared one."""
    options = ["--workers", "1", "--compression", "none", "--publish-interval", str(INTERVAL_MS)]
    more = ["--stop-leeway", str(LEEWAY_MS), "--source-name", "another name"]
    started = Service(broker, *options, *more)
    try:
        yield started
    finally:
        started.close()


def codecs(broker: Broker, topic: str) -> set[str]:
    """How the batches of a topic are compressed, as the broker has written them down."""
    (segment,) = (broker.log.parent / "data" / f"{topic}-0").glob("*.log")
    content, at, found = segment.read_bytes(), 0, set()
    while at + BATCH.size <= len(content):
        _, length, _, magic, _, attributes = BATCH.unpack_from(content, at)
        assert magic == 2
        found.add(CODECS[attributes & 7])
        at += LENGTH_ENDS + length
    assert at == len(content)
    return found


def output_codecs(service: Service, topic: MakeTopic, sender: EventSender) -> set[str]:
    data, output, sent = topic("data"), topic("output"), Sent()
    service.config([service.histogram("hist1d", data, **TOF) | {"topic": output}])
    sender.pulses(data, sent, [BASE_MS])
    service.client.send({"cmd": "stop"})
    return codecs(service.broker, output)


def test_histograms_are_lz4(service: Service, topic: MakeTopic, sender: EventSender) -> None:
    assert output_codecs(service, topic, sender) == {"lz4"}


def test_histograms_are_not_compressed_where_that_is_not_wanted(
    other_service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    assert output_codecs(other_service, topic, sender) == {"none"}


def test_publish_interval_and_source_name(
    other_service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    service, data, sent = other_service, topic("data"), Sent()
    with service.following() as published:
        service.config(
            [
                service.histogram("hist1d", data, **TOF),
                service.histogram("hist1d", data, **{**TOF, "id": "own", "publish_interval_ms": 300}),
            ]
        )
        deadline = time.monotonic() + TIMEOUT_S
        while len(published.of("tof")) < 4:
            assert time.monotonic() < deadline
            sender.pulses(data, sent, [BASE_MS], events=5)
            published.poll(0.02)
    gaps = {name: np.diff([h.timestamp_ns for h in published.of(name)][1:]) / 1e6 for name in ("tof", "own")}
    assert gaps["tof"].min() >= INTERVAL_MS - 20
    assert np.median(gaps["tof"]) < 1.5 * INTERVAL_MS
    assert gaps["own"].min() >= 280
    assert np.median(gaps["own"]) < 450
    assert {h.source for h in published.all} == {"another name"}


def test_stop_leeway(other_service: Service, topic: MakeTopic, sender: EventSender) -> None:
    """So far ahead that no clock ends it: a message behind the leeway does, one inside does not."""
    service, data, sent = other_service, topic("data"), Sent()
    start = time.time_ns() // 1_000_000
    stop = start + 3_600_000
    with service.following() as published:
        own = {**TOF, "id": "leeway"}  # what ran before ends as well
        service.config([service.histogram("hist1d", data, **own)], start=start, stop=stop)
        sender.pulses(data, Sent(), [stop + LEEWAY_MS])
        sender.pulses(data, sent, [stop])
        assert published.until(lambda h: h.info.sum == sent.events).info.state is State.COUNTING
        sender.pulses(data, Sent(), [stop + LEEWAY_MS + 1, stop])
        finished = published.finished("leeway")["leeway"]
    assert (finished.info.sum, finished.info.offsets) == (sent.events, {data: {0: 2}})
