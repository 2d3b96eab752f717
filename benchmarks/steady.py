"""Histograms of a live stream that goes on at half of the top rate."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from service_process import Histograms, Service

from benchmarks.bench import Bench
from benchmarks.data import Filled, remove
from benchmarks.live import Seen, Stream, observed

# How long the top rate is looked for.
_TOP_S, _QUICK_TOP_S = 10.0, 3.0
# What a busy machine takes for a large message to be received and compared, or for what the broker is behind.
_TIMEOUT_S = 120.0
# Without them the broker would keep all of it.
_KEPT = {"retention.bytes": "8000000000", "segment.bytes": "200000000"}


@dataclass(frozen=True)
class Steady:
    """What was seen, how much was sent, and the most that can be sent and counted at the same time."""

    seen: Sequence[Seen]
    messages_per_s: float
    top_messages_per_s: float

    def rates(self, events: int) -> dict[str, float]:
        """Both as events/s, with so many `events` in each message."""
        return {
            "top_events_per_s": self.top_messages_per_s * events,
            "events_per_s": self.messages_per_s * events,
        }


def at_half_rate(
    bench: Bench, service: Service, pool: Filled, histograms: Sequence[Mapping[str, Any]], seconds: float
) -> Steady:
    """Find out the most that can be sent and counted at the same time, then count half of it for `seconds`.

    The first of `histograms` must count every event. Raises AssertionError for counts that are not numpy's.
    """
    live = f"{pool.topic}-live"
    alive = replace(pool, topic=live)
    bench.broker.create_topic(live, config=_KEPT)
    common = {"data_brokers": [service.bootstrap], "topic": service.output, "data_topics": [live]}
    command = {"cmd": "config", "histograms": [{**each, **common} for each in histograms]}
    with service.following() as published:
        service.client.send(command, _TIMEOUT_S)
        begun_s = time.monotonic()
        with Stream(service.kafka, [alive]) as stream:
            time.sleep(_QUICK_TOP_S if bench.quick else _TOP_S)
        _wait(published, stream.filled()[0], histograms)
        top = stream.sent / (time.monotonic() - begun_s)
        _check(service, published, stream.filled()[0], histograms)
    with service.following() as published:
        service.client.send(command, _TIMEOUT_S)
        begun_s = time.monotonic()
        with Stream(service.kafka, [alive], top / 2) as stream:
            seen = observed(service, seconds)
            rate = stream.sent / (time.monotonic() - begun_s)
        _wait(published, stream.filled()[0], histograms)
        _check(service, published, stream.filled()[0], histograms)
    remove(bench.broker, live)
    return Steady(seen, rate, top)


def _wait(published: Histograms, sent: Filled, histograms: Sequence[Mapping[str, Any]]) -> None:
    """Until all is counted: `stop` gives a busy machine 1 s for what is left."""
    first = histograms[0]["id"]
    published.until(lambda h: h.info.id == first and h.info.sum == sent.events, _TIMEOUT_S)


def _check(
    service: Service, published: Histograms, sent: Filled, histograms: Sequence[Mapping[str, Any]]
) -> None:
    service.client.send({"cmd": "stop"}, _TIMEOUT_S)
    finished = published.finished(*(each["id"] for each in histograms), timeout_s=_TIMEOUT_S)
    for each in histograms:
        name = each["id"]
        assert np.array_equal(finished[name].counts, sent.counts(each)), f"{name}: {finished[name].info}"
