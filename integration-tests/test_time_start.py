"""Where counting begins when timestamps are out of order, and that neighbours change nothing (section 3)."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from events import BASE_MS, EventSender, Sent, accounted
from kafka_broker import Broker, MakeTopic
from service_process import TIMEOUT_S, Service

from histsvc.client import Histogram
from histsvc.model import Int64Array
from histsvc.protocol.info import State

TOF: dict[str, Any] = {"id": "tof", "tof_range": [0, 1e8], "num_bins": 50}
WINDOW: dict[str, Any] = {"start": BASE_MS + 50, "stop": BASE_MS + 100}


def counts_of(sent: Sent) -> Int64Array:
    return np.histogram(sent.tof, bins=50, range=(0, 1e8))[0]


def test_start_in_the_middle_of_messages_that_are_out_of_order(
    service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    """Reading begins at the first message that is not older; older ones behind it are out of the window."""
    data, before, inside, older = topic("data", partitions=2), Sent(), Sent(), Sent()
    sender.pulses(data, before, [BASE_MS, BASE_MS + 49, BASE_MS + 7])
    sender.pulses(data, inside, [BASE_MS + 90])
    sender.pulses(data, older, [BASE_MS + 49, BASE_MS])
    sender.pulses(data, inside, [BASE_MS + 50, BASE_MS + 100])
    sender.pulses(data, older, [BASE_MS - 1_000_000, BASE_MS + 101])
    # On the other partition nothing is in its order, and the first belongs.
    times = [BASE_MS + 100, BASE_MS + 1, BASE_MS + 99, BASE_MS + 2, BASE_MS + 50]
    for timestamp_ms in times:
        belongs = BASE_MS + 50 <= timestamp_ms <= BASE_MS + 100
        sender.pulses(data, inside if belongs else older, [timestamp_ms], partition=1)
    with service.following() as published:
        service.config([service.histogram("hist1d", data, **TOF)], **WINDOW)
        finished = published.finished("tof")["tof"]
    np.testing.assert_array_equal(finished.counts, counts_of(inside))
    assert finished.info.out_of_window == older.events
    assert accounted(finished.info) == inside.events + older.events
    assert finished.info.messages == 7 + 5
    assert finished.info.offsets == {data: {0: 10, 1: 5}}


def test_retention_that_has_removed_data_names_the_oldest_time_kept(
    service: Service, broker: Broker, topic: MakeTopic, sender: EventSender
) -> None:
    """As it happens in production: the broker expires the old messages by itself."""
    expiring, whole, sent = topic("expiring", config={"retention.ms": "3600000"}), topic("whole"), Sent()
    now = time.time_ns() // 1_000_000
    start, kept = now - 7_200_000, now - 120_000
    sender.pulses(whole, sent, [start, kept])
    sender.pulses(expiring, Sent(), [start])
    deadline = time.monotonic() + TIMEOUT_S
    while broker.topic_size(expiring):
        assert time.monotonic() < deadline, "the broker expired nothing"
        time.sleep(0.05)
    sender.pulses(expiring, Sent(), [kept, kept + 1])
    names = {"expiring": [expiring], "whole": [whole], "both": [whole, expiring]}
    with service.following() as published:
        service.config(
            [service.histogram("hist1d", *topics, **{**TOF, "id": name}) for name, topics in names.items()],
            start=start,
            stop=now,
        )
        for name in ("expiring", "both"):
            error = published.until(lambda h, n=name: h.info.id == n and h.info.state is State.ERROR)  # type: ignore[misc]
            assert "Cannot find start time in the data" in (error.info.error_message or "")
            assert f" {kept} " in (error.info.error_message or "")
            assert error.info.sum == 0
        finished = published.finished("whole")["whole"]
    np.testing.assert_array_equal(finished.counts, counts_of(sent))


def outcome(received: Histogram) -> tuple[Any, ...]:
    """Everything that is counted or accounted for."""
    info = received.info
    rest = (info.underflow, info.overflow, info.filtered, info.out_of_window)
    kinds = (info.messages, info.undecodable, info.other_schema)
    offsets = {name: dict(each) for name, each in info.offsets.items()}
    return received.counts.tolist(), info.sum, rest, kinds, offsets, info.last_pulse_time, info.lag


def test_what_counts_does_not_depend_on_the_histograms_beside_it(
    service: Service, broker: Broker, topic: MakeTopic, sender: EventSender
) -> None:
    data, other, cut = topic("data", partitions=2), topic("other"), topic("cut")
    start, stop = BASE_MS + 50, BASE_MS + 20_000
    rng = np.random.default_rng(5)
    for number in range(200):
        at = BASE_MS + 100 * number + int(rng.integers(-800, 800))
        source, schema = f"source{number % 3}", ("ev42", "ev44")[number % 2]
        sender.pulses(data, Sent(), [at], source=source, schema=schema, partition=number % 2)
        sender.pulses(other, Sent(), [at + 300], source=source)
        if number % 9 == 0:
            sender.raw(data, b"garbage", at)
    sender.pulses(data, Sent(), [stop + 1_001, stop])  # one partition is ended by a message
    sender.pulses(cut, Sent(), [start + 1, start + 2])
    broker.delete_records(cut, 0, before=1)
    chosen = service.histogram("hist1d", data, source="source1", **TOF)
    beside = [
        service.histogram("hist1d", other, data, **{**TOF, "id": "wider"}),
        service.histogram("hist2d", data, id="both", tof_range=[0, 1e8], det_range=[1, 60], num_bins=7),
        service.histogram("dethist", data, id="image", det_range=[1, 1], width=5, height=7, source="source0"),
        service.histogram("roihist", other, id="roi", left_edges=[1, 3], width=50, input_schema="ev42"),
        service.histogram("hist1d", data, cut, **{**TOF, "id": "error"}),
        service.histogram("hist1d", data, **{**TOF, "id": "often", "publish_interval_ms": 1}),
    ]
    found: list[tuple[Any, ...]] = []
    for histograms in ([chosen], [chosen, *beside], [*beside, chosen]):
        with service.following() as published:
            service.config(histograms, start=start, stop=stop)
            found.append(outcome(published.finished("tof")["tof"]))
    assert found[0] == found[1] == found[2]
    assert found[0][1] > 0


def test_null_and_0_are_no_times_and_interval_stands_alone(
    service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    data, sent = topic("data"), Sent()
    sender.pulses(data, Sent(), [BASE_MS])
    histogram = service.histogram("hist1d", data, **{**TOF, "num_bins": 50.0})
    for absent in (None, 0, 0.0):
        with service.following() as published:
            service.config([{**histogram, "id": str(absent)}], start=absent, stop=absent, interval=absent)
            before = sent.events
            sender.pulses(data, sent, [BASE_MS - 5, BASE_MS + 5])
            counted = published.until(lambda h, n=str(absent): h.info.id == n and h.info.sum == 200)  # type: ignore[misc]
        assert (counted.info.start, counted.info.stop) == (None, None)
        assert sent.events == before + 200
    for name in ("start", "stop"):
        command = {"cmd": "config", "histograms": [histogram], "interval": 5, name: BASE_MS}
        error = service.refused(command)
        assert (error.code, error.field) == ("INVALID_ARGUMENT", "interval")
        assert name in error.message
    backwards = {"cmd": "config", "histograms": [histogram], "start": BASE_MS + 1, "stop": BASE_MS}
    error = service.refused(backwards)
    assert error.field == "start"
    assert all(str(time_ms) in error.message for time_ms in (BASE_MS, BASE_MS + 1))
