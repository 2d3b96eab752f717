"""Histograms that their topic does not take (protocol.md, 4): told everywhere, and back once they fit."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource
from events import EventSender
from kafka_broker import Broker, MakeTopic
from service_process import Histograms, Service
from spares import until_spare

from histsvc.client import TopicReader
from histsvc.errors import Code, CommandError
from histsvc.ports import OffsetAt
from histsvc.protocol.info import State
from histsvc.wire import ev44

LIMIT = 20_000
# So many pixels, each with another count, take far more than the limit however they are compressed.
PIXELS = 40_000
SIDE = 200
SMALL: dict[str, Any] = {"tof_range": [0, 100], "num_bins": 10}


@pytest.fixture
def service(service: Service) -> Iterator[Service]:
    """The shared service, without what its topic refuses when the next test comes."""
    until_spare(service, 2)
    yield service
    with suppress(CommandError):
        service.client.send({"cmd": "stop"})


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def large(service: Service, data: str, output: str, name: str = "large") -> dict[str, Any]:
    keys = {"id": name, "width": SIDE, "height": SIDE, "det_range": [0, PIXELS]}
    return {**service.histogram("dethist", data, **keys), "topic": output}


def small(service: Service, data: str) -> dict[str, Any]:
    return service.histogram("hist1d", data, id="small", **SMALL)


def send(sender: EventSender, data: str) -> npt.NDArray[np.int64]:
    """Events whose image cannot be compressed much; returns the image, as [x][y]."""
    counts = np.zeros(PIXELS, np.int64)
    for _ in range(20):
        pixel = sender.rng.integers(0, PIXELS, 10_000)
        payload = ev44.serialise("source0", 1, now_ms() * 1_000_000, np.full(pixel.size, 5), pixel)
        sender.raw(data, payload, now_ms())
        counts += np.bincount(pixel, minlength=PIXELS)
    sender.flush()
    return counts.reshape(SIDE, SIDE).T


def allow(broker: Broker, topic: str, size: int) -> None:
    """Let a topic take larger messages."""
    entry = ConfigEntry("max.message.bytes", str(size), incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[entry])
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    admin.incremental_alter_configs([resource])[resource].result(20)


def limited(topic: MakeTopic) -> str:
    return topic("limited", config={"max.message.bytes": str(LIMIT)})


@contextmanager
def all_of(service: Service, output: str) -> Iterator[Histograms]:
    """What is published on a topic, from its beginning."""
    follower = TopicReader(service.kafka, [output], OffsetAt.EARLIEST)
    try:
        yield Histograms(follower)
    finally:
        follower.close()


def in_error(service: Service) -> dict[str, Any]:
    """What a heartbeat says of the histogram that is in ERROR."""
    found: dict[str, Any] = service.heartbeat_until(
        lambda b: next((h for h in b["histograms"] if h["state"] == "ERROR"), None)
    )
    return found


def failures(beat: dict[str, Any]) -> int:
    """How often the broker has refused a message as too large."""
    by_reason = beat["counters"]["publish_failed"]
    return sum(count for reason, count in by_reason.items() if "MSG_SIZE_TOO_LARGE" in reason)


@pytest.mark.parametrize("cmd", ["config", "add"])
def test_ack_warns_of_a_topic_that_may_be_too_small(service: Service, topic: MakeTopic, cmd: str) -> None:
    data, output = topic("data"), limited(topic)
    fits = large(service, data, service.output, "fits")
    histograms = [small(service, data), large(service, data, output), fits]
    (warning,) = service.client.send({"cmd": cmd, "histograms": histograms})["warnings"]
    for part in ("histograms[1].topic", output, str(LIMIT), "max.message.bytes"):
        assert part in warning
    sizes = [int(word) for word in warning.replace(output, "").split() if word.isdigit()]
    assert max(sizes) >= PIXELS * 8
    # What compresses well is taken all the same.
    with all_of(service, output) as published:
        received = published.until(lambda h: h.info.state is State.INITIALISED)
    assert received.counts.shape == (SIDE, SIDE)


def refused(
    service: Service, sender: EventSender, data: str, published: Histograms, output: str
) -> npt.NDArray[np.int64]:
    """Let the image become too large; returns it."""
    service.config([large(service, data, output), small(service, data)])
    counts = send(sender, data)
    published.until(lambda h: h.info.state is State.ERROR and h.info.sum == counts.sum())
    return counts


def test_what_the_broker_refuses_is_told_everywhere(
    service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    data, output = topic("data"), limited(topic)
    refused_before = failures(service.heartbeat_until(lambda b: b))
    with all_of(service, output) as published:
        total = refused(service, sender, data, published, output).sum()
        told = published.all[-1]
        # It is there to tell, not to be mistaken for counts; and it is told again and again.
        again = published.until(lambda h: h.info.state is State.ERROR and h.timestamp_ns > told.timestamp_ns)
    for received in (told, again):
        assert received.counts.shape == (SIDE, SIDE)
        assert not received.counts.any()
    message = again.info.error_message or ""
    for part in (output, "TOO_LARGE"):
        assert part in message
    beat = in_error(service)
    assert (beat["id"], beat["error_message"], beat["sum"]) == ("large", message, total)
    whole = service.heartbeat_until(lambda b: b)
    assert whole["state"] == "DEGRADED"
    assert failures(whole) > refused_before
    reply = service.client.send({"cmd": "status"})
    infos = {info["id"]: info for info in reply["histograms"]}
    assert (infos["large"]["state"], infos["large"]["error_message"]) == ("ERROR", message)
    assert (infos["small"]["state"], reply["service"]["state"]) == ("COUNTING", "DEGRADED")


def test_it_counts_on_and_is_back_when_its_topic_takes_it(
    service: Service, broker: Broker, topic: MakeTopic, sender: EventSender
) -> None:
    data, output = topic("data"), limited(topic)
    with all_of(service, output) as published, service.following() as others:
        counts = refused(service, sender, data, published, output)
        counts = counts + send(sender, data)
        # The other one in the same worker goes on.
        others.until(lambda h: h.info.id == "small" and h.info.sum == counts.sum())
        allow(broker, output, 10_000_000)
        back = published.until(lambda h: h.info.state is State.COUNTING and h.info.sum == counts.sum())
        np.testing.assert_array_equal(back.counts, counts)
        assert back.info.error_message is None
        (beat,) = service.heartbeat_until(lambda b: b["state"] == "RUNNING" and b["histograms"][:1])
        assert "error_message" not in beat
        assert service.client.send({"cmd": "stop"})["response"] == "ACK"
        finished = published.finished("large")["large"]
    np.testing.assert_array_equal(finished.counts, counts)


@pytest.mark.parametrize("ids", [None, ["large"]])
def test_stop_says_what_was_not_delivered_and_why(
    service: Service, topic: MakeTopic, sender: EventSender, ids: list[str] | None
) -> None:
    data, output = topic("data"), limited(topic)
    with all_of(service, output) as published, service.following() as others:
        total = refused(service, sender, data, published, output).sum()
        begun = time.monotonic()
        error = service.refused({"cmd": "stop", "ids": ids})
        assert time.monotonic() - begun < 5
        assert error.code is Code.UNAVAILABLE
        for part in ("large", output, "TOO_LARGE"):
            assert part in error.message
        assert "small" not in error.message
        # It has stopped all the same, and the one beside it is delivered, or goes on.
        left = [info["id"] for info in service.client.send({"cmd": "status"})["histograms"]]
        assert left == ([] if ids is None else ["small"])
        if ids is not None:
            total += send(sender, data).sum()
            others.until(lambda h: h.info.id == "small" and h.info.sum == total)
            assert service.client.send({"cmd": "stop"})["response"] == "ACK"
        assert others.finished("small")["small"].counts.sum() == total
    service.heartbeat_until(lambda b: b["state"] == "IDLE")
