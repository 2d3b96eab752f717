"""Simulation mode (protocol.md, 7): made-up events, and all else as live, on the real broker."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from events import EventSender, Sent, accounted
from kafka_broker import Broker, MakeTopic
from service_process import Service
from spares import until_spare

from histsvc.client import Histogram
from histsvc.errors import Code
from histsvc.protocol.info import State

PERIOD_MS = 20
EVENTS = 200
TOF: dict[str, Any] = {"tof_range": [1e6, 3e6], "num_bins": 20}
KINDS: dict[str, dict[str, Any]] = {
    "hist1d": TOF,
    "hist2d": {"tof_range": [0, 1e8], "num_bins": [10, 7], "det_range": [50, 90]},
    "dethist": {"det_range": [1000, 1001], "width": 20, "height": 10},
    "roihist": {"left_edges": [7, 500, 90], "width": 5},
}


@pytest.fixture(scope="module")
def simulating(broker: Broker) -> Iterator[Service]:
    """A service in simulation mode."""
    started = Service(broker, "--simulation-mode", "--workers", "2")
    try:
        until_spare(started, 3)
        yield started
    finally:
        started.close()


@pytest.fixture
def service(simulating: Service) -> Service:
    """That of this module, with nothing running."""
    simulating.client.send({"cmd": "stop"})
    return simulating


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def no_topic() -> str:
    return f"not-there-{uuid4().hex[:8]}"


def four(service: Service) -> list[dict[str, Any]]:
    """A histogram of each type, each with a data topic of its own that does not exist."""
    return [service.histogram(kind, no_topic(), id=kind, **keys) for kind, keys in KINDS.items()]


def spectrum(service: Service, topic: str, name: str = "tof", **keys: Any) -> dict[str, Any]:
    return service.histogram("hist1d", topic, id=name, **{**TOF, **keys})


def all_counted(received: Histogram) -> bool:
    """Whether nothing but what is out of the window is missing from the counts."""
    info = received.info
    assert info.sum == received.counts.sum()
    return info.sum + info.out_of_window == accounted(info) == info.messages * EVENTS


def test_every_event_of_every_type_is_counted_and_counts_grow(service: Service) -> None:
    histograms = four(service)
    with service.following() as published:
        reply = service.config(histograms)
        assert reply["response"] == "ACK"
        assert "warnings" not in reply
        for kind in KINDS:
            first = published.until(lambda h, k=kind: h.info.id == k and h.info.sum > 0)  # type: ignore[misc]
            published.until(lambda h, f=first: h.info.id == f.info.id and h.info.sum > 2 * f.info.sum)  # type: ignore[misc]
        beat = service.heartbeat_until(lambda beat: beat)
        assert service.client.send({"cmd": "stop"})["response"] == "ACK"
        finished = published.finished(*KINDS)
    assert beat["state"] == "RUNNING"
    assert [h["state"] for h in beat["histograms"]] == ["COUNTING"] * 4
    assert all(all_counted(received) for received in published.all)
    for kind in KINDS:
        states = [received.info.state for received in published.of(kind)]
        assert states[0] is State.INITIALISED
        assert states.count(State.INITIALISED) == 1
        assert finished[kind].info.lag == 0
        assert finished[kind].info.data_age_ms is not None
        # Peaks, not one bin.
        assert np.count_nonzero(finished[kind].counts) > 4


def past(service: Service, histograms: list[dict[str, Any]], start: int, stop: int) -> dict[str, Histogram]:
    with service.following() as published:
        service.config(histograms, start=start, stop=stop)
        return published.finished(*(histogram["id"] for histogram in histograms))


def test_a_time_of_the_past_has_the_same_events_every_time(service: Service) -> None:
    histograms = four(service)
    start = now_ms() - 600_003
    stop = start + 30_001
    first, again = (past(service, histograms, start, stop) for _ in range(2))
    other = past(service, histograms, start + 60_000, stop + 60_000)
    messages = stop // PERIOD_MS - (start - 1) // PERIOD_MS
    for kind in KINDS:
        np.testing.assert_array_equal(first[kind].counts, again[kind].counts)
        infos = [each[kind].info for each in (first, again)]
        assert [info.sum for info in infos] == [messages * EVENTS] * 2
        assert {info.last_pulse_time for info in infos} == {stop // PERIOD_MS * PERIOD_MS * 1_000_000}
        assert all_counted(first[kind])
        assert not np.array_equal(first[kind].counts, other[kind].counts)


def test_interval_counts_from_now_for_so_long(service: Service) -> None:
    before = now_ms()
    with service.following() as published:
        service.config([spectrum(service, no_topic())], interval=1.5)
        after = now_ms()
        first = published.until(lambda h: h.info.state is State.INITIALISED)
        finished = published.finished("tof")["tof"]
    start, stop = first.info.start or 0, first.info.stop or 0
    assert before <= start <= after
    assert stop - start == 1500
    # Reading begins at the end, which may be some ms behind the start.
    at_most = stop // PERIOD_MS - (start - 1) // PERIOD_MS
    assert at_most - 2 <= finished.info.sum / EVENTS <= at_most
    assert all_counted(finished)


def test_what_is_not_kept_is_an_error_as_live(service: Service) -> None:
    start = now_ms() - 25 * 3600 * 1000
    with service.following() as published:
        service.config([spectrum(service, no_topic())], start=start)
        message = (published.until(lambda h: h.info.state is State.ERROR)).info.error_message or ""
    assert "Cannot find start time in the data" in message
    assert str(start) in message


def test_stop_reset_counts_and_add(service: Service) -> None:
    with service.following() as published:
        service.config([spectrum(service, no_topic(), name) for name in ("a", "b")])
        published.until(lambda h: h.info.id == "a" and h.info.sum > 4000)
        assert service.client.send({"cmd": "reset_counts", "ids": ["a"]})["response"] == "ACK"
        zeroed = published.until(lambda h: h.info.generation == 2)
        assert (zeroed.info.id, zeroed.info.sum, zeroed.counts.sum()) == ("a", 0, 0)
        added = {"cmd": "add", "histograms": [spectrum(service, no_topic(), "c")]}
        assert service.client.send(added)["response"] == "ACK"
        published.until(lambda h: h.info.id == "c" and h.info.sum > 0)
        assert service.refused(added).code is Code.FAILED_PRECONDITION
        assert service.client.send({"cmd": "stop", "ids": ["a", "c"]})["response"] == "ACK"
        finished = published.finished("a", "c")
        published.until(lambda h: h.info.id == "b" and h.info.sum > 2 * finished["a"].info.sum)
        assert not [h for h in published.of("b") if h.info.state is State.FINISHED]
        assert service.client.send({"cmd": "stop"})["response"] == "ACK"
        published.finished("b")
    assert all(all_counted(received) for received in published.all)


@pytest.mark.parametrize("det_range", [None, [5, 9]])
def test_frames_are_made_up_for_who_asks_for_them(service: Service, det_range: list[int] | None) -> None:
    with service.following() as published:
        service.config([spectrum(service, no_topic(), input_schema="da00", det_range=det_range)])
        received = published.until(lambda h: h.info.sum > 4000)
    assert all_counted(received)
    assert np.count_nonzero(received.counts) > 4
    assert received.info.warning is None
    assert received.info.undecodable == received.info.other_schema == 0


def test_histograms_that_share_a_topic_share_its_events(service: Service) -> None:
    data, start = no_topic(), now_ms() - 60_000
    pair = [
        spectrum(service, data, "low", source="a"),
        spectrum(service, data, "high", source=" b ", tof_range=[5e6, 6e6]),
        spectrum(service, data, "any", tof_range=[0, 1e7]),
    ]
    finished = past(service, pair, start, start + 12_000 - 1)
    infos = {name: received.info for name, received in finished.items()}
    assert {info.messages for info in infos.values()} == {infos["any"].messages}
    assert [info.sum for info in infos.values()] == [200 * EVENTS, 200 * EVENTS, 600 * EVENTS]
    assert all(accounted(info) == info.messages * EVENTS for info in infos.values())


def test_data_topics_that_exist_are_not_read(service: Service, topic: MakeTopic, sender: EventSender) -> None:
    data = topic("data", partitions=3)
    with service.following() as published:
        service.config([spectrum(service, data)])
        for partition in range(3):
            sender.pulses(data, Sent(), [now_ms()] * 50, partition=partition, events=77)
        after = published.until(lambda h: h.info.sum > 0)
        received = published.until(lambda h: h.info.messages > after.info.messages + 50)
    assert all_counted(received)
    assert list(received.info.offsets[data]) == [0]


def test_all_else_is_checked_as_live(service: Service, topic: MakeTopic) -> None:
    good = spectrum(service, no_topic())
    service.config([good])
    for change, code, field in [
        ({"topic": good["data_topics"][0]}, Code.INVALID_ARGUMENT, "data_topics[0]"),
        ({"data_topics": [service.commands]}, Code.INVALID_ARGUMENT, "data_topics[0]"),
        ({"data_brokers": ["127.0.0.1:1"]}, Code.PERMISSION_DENIED, "data_brokers[0]"),
        ({"num_bins": 0}, Code.INVALID_ARGUMENT, "num_bins"),
    ]:
        error = service.refused({"cmd": "config", "histograms": [{**good, **change}]})
        assert (error.code, error.field) == (code, f"histograms[0].{field}")
