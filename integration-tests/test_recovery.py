"""Workers that are killed or hang: nothing is lost, nothing counted twice, and users see that it was so."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from events import BASE_MS, EventSender, Sent, accounted, image
from kafka_broker import Broker, MakeTopic
from service_process import Histograms, Service
from test_workers import TOF, counting

from histsvc.client import Histogram
from histsvc.protocol.info import State

IMAGE: dict[str, Any] = {"det_range": [1, 64], "width": 8, "height": 8}
OFTEN = ("--workers", "1", "--heartbeat-interval", "50", "--publish-interval", "50")


def victim_of(service: Service) -> int:
    """A worker that counts."""
    return service.heartbeat_until(lambda beat: counting(beat))[0]


def replaced(service: Service, deaths: int) -> None:
    """Wait until so many workers have been replaced, and others have taken up all that they had."""
    service.heartbeat_until(
        lambda beat: (
            beat["state"] in ("RUNNING", "IDLE") and {w["restarts"] for w in beat["workers"]} == {deaths}
        )
    )


def kill(service: Service, deaths: int) -> None:
    os.kill(victim_of(service), signal.SIGKILL)
    replaced(service, deaths)


def is_exact(histogram: Histogram, sent: Sent) -> bool:
    """Whether every event is in it, or accounted for; wrong counts are never right later."""
    if histogram.info.messages < len(sent.tof_ns):
        return False
    assert accounted(histogram.info) == sent.events
    if histogram.info.id == "image":
        assert np.array_equal(histogram.counts, image(sent.pixel, 1, 8, 8))
    else:
        assert np.array_equal(histogram.counts, np.histogram(sent.tof, bins=50, range=(0, 1e8))[0])
    return True


def both(service: Service, data: str, **keys: Any) -> list[dict[str, Any]]:
    return [
        service.histogram("hist1d", data, id="tof", **TOF, **keys),
        service.histogram("dethist", data, id="image", **IMAGE, **keys),
    ]


def all_exact(published: Histograms, sent: Sent, generation: int = 1) -> None:
    for name in ("tof", "image"):
        published.until(
            lambda h, n=name: (h.info.id, h.info.generation) == (n, generation) and is_exact(h, sent)  # type: ignore[misc]
        )


@pytest.mark.parametrize("schema", ["hs00", "da00"])
def test_what_a_killed_worker_has_counted_goes_on_exactly(
    own_service: Callable[..., Service], topic: MakeTopic, sender: EventSender, schema: str
) -> None:
    service = own_service(*OFTEN)
    data, sent = topic("data", 3), Sent()
    with service.following() as published:
        service.config(both(service, data), output_schema=schema)
        for deaths in range(1, 5):
            for partition in range(3):
                sender.pulses(data, sent, range(BASE_MS, BASE_MS + 50), partition=partition)
            if deaths % 2:  # else it is killed in the middle of it
                all_exact(published, sent)
            kill(service, deaths)
        sender.pulses(data, sent, range(BASE_MS, BASE_MS + 5))
        all_exact(published, sent)
        assert {(h.info.epoch, h.info.resumed) for h in published.all} == {(n, n - 1) for n in range(1, 6)}
        # Nobody who looks at the topic only is told of an error, or of a new beginning.
        assert {h.info.state for h in published.all} <= {State.INITIALISED, State.COUNTING}
        later = [h.info.state for h in published.all if h.info.epoch > 1]
        assert State.INITIALISED not in later
        assert {h.schema for h in published.all} == {schema}
    assert service.log.count("another worker takes up") == 4


def test_a_killed_worker_is_seen_in_the_heartbeat_until_all_is_taken_up(
    own_service: Callable[..., Service], topic: MakeTopic
) -> None:
    service = own_service("--workers", "1", "--heartbeat-interval", "5")
    service.config([service.histogram("hist1d", topic("data"), id="tof", **TOF)])
    victim = victim_of(service)
    os.kill(victim, signal.SIGKILL)
    service.heartbeat_until(lambda beat: beat["state"] == "DEGRADED")
    replaced(service, 1)
    assert f"worker process {victim} was ended by signal 9" in service.log


def test_a_reset_is_not_undone(
    own_service: Callable[..., Service], topic: MakeTopic, sender: EventSender
) -> None:
    service = own_service(*OFTEN)
    data, before, sent = topic("data"), Sent(), Sent()
    with service.following() as published:
        service.config(both(service, data))
        sender.pulses(data, before, range(BASE_MS, BASE_MS + 20))
        all_exact(published, before)
        service.client.send({"cmd": "reset_counts"})
        kill(service, 1)
        sender.pulses(data, sent, range(BASE_MS, BASE_MS + 20))
        all_exact(published, sent, 2)
        assert {h.info.generation for h in published.all if h.info.epoch == 2} == {2}


def test_what_is_finished_stays_so(
    own_service: Callable[..., Service], topic: MakeTopic, sender: EventSender
) -> None:
    service = own_service(*OFTEN)
    short, long, done = topic("short"), topic("long"), Sent()
    tof = service.histogram("hist1d", short, id="short", **TOF)
    beside = service.histogram("hist1d", short, long, id="long", **TOF)
    with service.following() as published:
        sender.pulses(short, done, range(BASE_MS, BASE_MS + 20))
        service.config([tof, beside], start=BASE_MS, stop=BASE_MS + 30)
        published.finished("short")
        kill(service, 1)
        published.until(lambda h: h.info.id == "short" and h.info.epoch == 2)
        assert {h.info.state for h in published.of("short") if h.info.epoch == 2} == {State.FINISHED}


@pytest.mark.parametrize("delivered", [True, False])
def test_where_nothing_was_published_it_begins_where_the_job_did(
    own_service: Callable[..., Service],
    topic: MakeTopic,
    sender: EventSender,
    broker: Broker,
    delivered: bool,
) -> None:
    """Nothing is delivered where all messages are too large for their topic."""
    service = own_service("--workers", "1", "--heartbeat-interval", "50", "--publish-interval", "60000")
    data, sent = topic("data"), Sent()
    config = {} if delivered else {"max.message.bytes": "200"}
    output = topic("output", 1, config)
    sender.pulses(data, Sent(), range(BASE_MS, BASE_MS + 7))
    histogram = service.histogram("hist1d", data, id="tof", **TOF) | {"topic": output}
    service.config([histogram])
    sender.pulses(data, sent, range(BASE_MS, BASE_MS + 20))
    service.heartbeat_until(lambda beat: beat["histograms"][0]["sum"] == sent.events)
    os.kill(victim_of(service), signal.SIGKILL)
    service.heartbeat_until(lambda beat: beat["workers"][0]["restarts"] == 1)
    (info,) = service.client.send({"cmd": "status"})["histograms"]
    while info["epoch"] == 1:
        (info,) = service.client.send({"cmd": "status"})["histograms"]
    service.heartbeat_until(lambda beat: beat["histograms"][0]["sum"] == sent.events)


def test_a_worker_that_hangs_is_replaced(
    own_service: Callable[..., Service], topic: MakeTopic, sender: EventSender
) -> None:
    service = own_service(*OFTEN, "--worker-timeout", "2000")
    data, sent = topic("data"), Sent()
    with service.following() as published:
        service.config(both(service, data))
        sender.pulses(data, sent, range(BASE_MS, BASE_MS + 20))
        all_exact(published, sent)
        os.kill(victim_of(service), signal.SIGSTOP)
        sender.pulses(data, sent, range(BASE_MS, BASE_MS + 20))
        all_exact(published, sent)
    assert "did not answer for 2 s and was ended" in service.log
