"""When histograms are published, and as what (protocol.md, section 4)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from events import BASE_MS, EventSender, Sent
from kafka_broker import Broker, MakeTopic
from service_process import Histograms, Service
from test_hard_ends import streaming

from histsvc.client import Histogram
from histsvc.protocol.info import State

TOF: dict[str, Any] = {"tof_range": [0, 1e8], "num_bins": 50}
LARGE: dict[str, Any] = {"det_range": [1, 1], "width": 400, "height": 400}
RATE_HOLD_NS = 10_000_000_000
# The publishing clock is not the one that the messages carry.
JITTER_MS = 20


def gaps_ms(histograms: list[Histogram]) -> list[float]:
    """Times from each publication to the next."""
    times = np.array([each.timestamp_ns for each in histograms])
    gaps: list[float] = (np.diff(times) / 1e6).tolist()
    return gaps


def every(histograms: list[Histogram], interval_ms: float) -> None:
    """Never more often than that, and hardly ever later."""
    gaps = gaps_ms(histograms)
    assert len(gaps) >= 2
    assert min(gaps) >= interval_ms - JITTER_MS, gaps
    assert np.median(gaps) <= 1.5 * interval_ms, gaps


def of_sum(published: Histograms, name: str, events: int) -> list[Histogram]:
    """What was published once all was counted."""
    return [each for each in published.of(name) if each.info.sum == events]


@pytest.fixture
def cut(broker: Broker, topic: MakeTopic, sender: EventSender) -> str:
    """A topic that has lost its first message."""
    name = topic("cut")
    sender.pulses(name, Sent(), [BASE_MS, BASE_MS + 1])
    broker.delete_records(name, 0, before=1)
    return name


def test_intervals_of_what_changes_and_of_what_does_not(
    service: Service, topic: MakeTopic, sender: EventSender, cut: str
) -> None:
    busy, quiet, sent = topic("busy"), topic("quiet"), Sent()
    histograms = [
        service.histogram("hist1d", busy, id="busy", **TOF),
        service.histogram("hist1d", busy, id="often", publish_interval_ms=100, **TOF),
        service.histogram("hist1d", busy, id="seldom", publish_interval_ms=2_000, **TOF),
        service.histogram("hist1d", quiet, id="quiet", **TOF),
        service.histogram("hist1d", quiet, id="quiet, seldom", publish_interval_ms=2_000, **TOF),
        service.histogram("dethist", quiet, id="large", **LARGE),
        service.histogram("hist1d", cut, id="error", **TOF),
    ]
    with service.following() as published:
        service.config(histograms, start=BASE_MS)
        sender.pulses(quiet, sent, range(BASE_MS, BASE_MS + 3))
        with streaming(sender, busy):
            # Its second publication with all counts is the one that tells nothing new.
            published.until(lambda _: len(of_sum(published, "large", sent.events)) >= 2)
            published.until(lambda h: h.info.id == "quiet" and h.info.sum > 0 and h.info.rate == 0)
        service.client.send({"cmd": "stop"})
    every(published.of("busy")[1:-2], 500)
    every(published.of("often")[1:-2], 100)
    every(published.of("seldom")[1:-2], 2_000)
    unchanged = of_sum(published, "quiet", sent.events)
    every(unchanged[:-1], 1_000)
    every(of_sum(published, "quiet, seldom", sent.events)[:-1], 2_000)
    every(published.of("error")[1:], 1_000)
    (gap,) = gaps_ms(of_sum(published, "large", sent.events)[:2])
    assert 10_000 - JITTER_MS <= gap <= 12_000
    for histogram in histograms:
        assert published.of(histogram["id"])[0].info.state is State.INITIALISED
    assert {h.info.state for h in published.of("error")[1:]} == {State.ERROR}
    held_and_then_zero(unchanged)
    grows_by_diff(published.of("often"))


def held_and_then_zero(unchanged: list[Histogram]) -> None:
    """Nothing is added any more: diff and rate stay as they were, and after 10 s the rate is 0."""
    first = unchanged[0]
    assert first.info.rate > 0
    assert {each.info.diff for each in unchanged} == {first.info.diff}
    for each in unchanged:
        if each.timestamp_ns < first.timestamp_ns + RATE_HOLD_NS:
            assert each.info.rate == first.info.rate
    assert unchanged[-1].info.rate == 0
    assert unchanged[-1].timestamp_ns >= first.timestamp_ns + RATE_HOLD_NS


def grows_by_diff(changing: list[Histogram]) -> None:
    """What was added since the last publication, and that per second of pulse time."""
    grown = [each.info for each in changing if each.info.state is not State.FINISHED]
    pairs = [(before, after) for before, after in pairwise(grown) if after.sum > before.sum]
    assert len(pairs) > 20
    for before, after in pairs:
        assert after.diff == after.sum - before.sum
        span_ns = after.last_pulse_time - before.last_pulse_time
        if before.last_pulse_time and span_ns > 0:
            assert after.rate == pytest.approx(after.diff / (span_ns / 1e9))


def test_counts_go_out_before_finished_only_where_they_are_news(
    service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    """So rarely published that only what must be is."""
    data, empty, sent, later = topic("data"), topic("empty"), Sent(), Sent()
    rarely = {"publish_interval_ms": 600_000, **TOF}
    names = {"counted": data, "nothing": empty}
    with service.following() as published:
        service.config([service.histogram("hist1d", name, id=key, **rarely) for key, name in names.items()])
        sender.pulses(data, sent, range(BASE_MS, BASE_MS + 5))
        service.heartbeat_until(lambda beat: [h for h in beat["histograms"] if h["sum"] == sent.events])
        service.client.send({"cmd": "reset_counts"})
        sender.pulses(data, later, range(BASE_MS, BASE_MS + 3))
        service.client.send({"cmd": "stop"})
        published.finished(*names)
        # Once more, and now nothing is news after the reset.
        service.config([service.histogram("hist1d", data, id="reset", **rarely)])
        sender.pulses(data, Sent(), [BASE_MS])
        service.heartbeat_until(lambda beat: [h for h in beat["histograms"] if h["sum"] == 100])
        service.client.send({"cmd": "reset_counts"})
        service.client.send({"cmd": "stop"})
        published.finished("reset")
    story = {
        name: [(each.info.state, each.info.sum) for each in published.of(name)] for name in (*names, "reset")
    }
    counting, finished = State.COUNTING, State.FINISHED
    begun = (State.INITIALISED, 0)
    assert story["counted"] == [begun, (counting, 0), (counting, later.events), (finished, later.events)]
    assert story["nothing"] == [begun, begun, (finished, 0)]
    assert story["reset"] == [begun, (counting, 0), (finished, 0)]
    np.testing.assert_array_equal(published.of("counted")[-2].counts, published.of("counted")[-1].counts)
