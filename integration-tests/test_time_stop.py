"""When counting ends (protocol.md, section 3): stop, leeway, partition by partition, and for good."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from events import BASE_MS, EventSender, Sent, accounted
from kafka_broker import MakeTopic
from service_process import Histograms, Service

from histsvc.client import Histogram
from histsvc.model import Int64Array
from histsvc.protocol.info import State

TOF: dict[str, Any] = {"id": "tof", "tof_range": [0, 1e8], "num_bins": 50}
# The default of --stop-leeway.
LEEWAY_MS = 1_000
GRACE_MS = 5_000
# So far ahead that the clock ends nothing: what ends a partition then is a message.
AHEAD_MS = 3_600_000


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def counts_of(sent: Sent) -> Int64Array:
    return np.histogram(sent.tof, bins=50, range=(0, 1e8))[0]


def seen(published: Histograms, messages: int) -> Histogram:
    """The first publication that accounts for so many messages."""
    return published.until(lambda h: h.info.messages == messages)


@pytest.mark.parametrize("batches", ["one by one", "all at once"])
def test_sources_out_of_step_count_to_the_millisecond_however_batched(
    service: Service, topic: MakeTopic, sender: EventSender, batches: str
) -> None:
    data, inside, outside, behind = topic("data"), Sent(), Sent(), Sent()
    start = now_ms()
    stop = start + AHEAD_MS
    command = {"start": start, "stop": stop}
    # One source is ahead of the other, and still inside the leeway; then one message is not.
    steps = [(start, inside), (start - 1, outside), (stop + 1, outside), (stop, inside)]
    steps += [(stop + LEEWAY_MS, outside), (stop - 5, inside), (stop + LEEWAY_MS, outside), (stop, inside)]
    ends = [(stop + LEEWAY_MS + 1, behind), (stop, behind), (start, behind)]
    with service.following() as published:
        if batches == "one by one":
            service.config([service.histogram("hist1d", data, **TOF)], **command)
        for number, (timestamp_ms, sent) in enumerate(steps + ends, 1):
            sender.pulses(data, sent, [timestamp_ms], source=f"source{number % 2}")
            if batches == "one by one" and number <= len(steps):
                assert seen(published, number).info.state is not State.FINISHED
        if batches == "all at once":
            service.config([service.histogram("hist1d", data, **TOF)], **command)
        finished = published.finished("tof")["tof"]
    np.testing.assert_array_equal(finished.counts, counts_of(inside))
    assert finished.info.out_of_window == outside.events
    assert accounted(finished.info) == inside.events + outside.events
    assert finished.info.offsets == {data: {0: len(steps)}}
    assert (finished.info.messages, finished.info.lag) == (len(steps), 0)


def test_each_partition_ends_by_itself_and_the_last_ends_the_histogram_for_good(
    service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    both, other = topic("both", partitions=2), topic("other")
    in_both, in_other, ignored = Sent(), Sent(), Sent()
    start = now_ms()
    stop = start + AHEAD_MS
    past = stop + LEEWAY_MS + 1
    histograms = [
        service.histogram("hist1d", both, **TOF),
        service.histogram("hist1d", both, other, **{**TOF, "id": "three"}),
    ]
    with service.following() as published:
        service.config(histograms, start=start, stop=stop)
        sender.pulses(both, in_both, [start], partition=0)
        sender.pulses(both, ignored, [past, stop], partition=0)
        for _ in range(3):  # the other goes on, whatever comes on the first
            sender.pulses(both, in_both, [stop], partition=1)
            sender.pulses(both, ignored, [stop], partition=0)
            found = published.until(lambda h: h.info.id == "tof" and h.info.sum == in_both.events)
            assert found.info.state is State.COUNTING
        sender.pulses(both, ignored, [past], partition=1)
        finished = published.finished("tof")["tof"]
        # The one with a partition more goes on where that one has ended.
        sender.pulses(both, ignored, [start, stop], partition=1)
        sender.pulses(other, in_other, [start])
        everything = in_both.events + in_other.events
        found = published.until(lambda h: h.info.id == "three" and h.info.sum == everything)
        assert found.info.state is State.COUNTING
        sender.pulses(other, ignored, [past])
        last = published.finished("three")["three"]
        service.client.send({"cmd": "stop"})
        published.poll(0.5)
    np.testing.assert_array_equal(finished.counts, counts_of(in_both))
    assert finished.info.offsets == {both: {0: 1, 1: 3}}
    np.testing.assert_array_equal(last.counts, counts_of(in_both) + counts_of(in_other))
    for name in ("tof", "three"):
        assert [h.info.state for h in published.of(name)].count(State.FINISHED) == 1
        assert published.of(name)[-1].info.state is State.FINISHED


def test_stop_in_the_past_on_an_empty_topic_ends_at_once(service: Service, topic: MakeTopic) -> None:
    data = topic("data", partitions=3)
    begun = time.monotonic()
    with service.following() as published:
        service.config([service.histogram("hist1d", data, **TOF)], start=BASE_MS, stop=BASE_MS + 1)
        finished = published.finished("tof")["tof"]
    assert time.monotonic() - begun < GRACE_MS / 1000
    assert (finished.info.sum, finished.info.messages, finished.info.lag) == (0, 0, 0)
    assert (finished.info.start, finished.info.stop) == (BASE_MS, BASE_MS + 1)


def test_silence_ends_nothing_before_stop_and_5_s(
    service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    """What comes late, but before the clock is past stop + 5 s, counts; an empty read proves nothing."""
    data, sent = topic("data", partitions=2), Sent()
    start = now_ms()
    stop = start + 500
    with service.following() as published:
        service.config([service.histogram("hist1d", data, **TOF)], start=start, stop=stop)
        sender.pulses(data, sent, [start, stop])
        published.until(lambda _: now_ms() > stop + 3_500)
        assert all(h.info.state is not State.FINISHED for h in published.all)
        sender.pulses(data, sent, [stop - 1, stop], partition=1)
        finished = published.finished("tof")["tof"]
    assert finished.timestamp_ns // 1_000_000 > stop + GRACE_MS
    np.testing.assert_array_equal(finished.counts, counts_of(sent))
    assert finished.info.offsets == {data: {0: 2, 1: 2}}
