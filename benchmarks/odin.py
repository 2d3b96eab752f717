"""Row 7: an image of 16.8 million pixels and a fine spectrum of one stream, live at half of the top rate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from examples import command
from service_process import Histograms, Service

from benchmarks.bench import Bench
from benchmarks.data import Events, Filled, Shape, fill, remove
from benchmarks.finding import Finding
from benchmarks.live import Stream, growth_ms, observed
from benchmarks.pairs import Spread
from benchmarks.sides import Counted

_SHAPE = Shape("compact", 10_000)
_MEGABYTES, _QUICK_MEGABYTES = 2_000, 60
_SECONDS, _QUICK_SECONDS = 60.0, 6.0
_INTERVAL_MS = 500
# What a large message takes to be received and compared.
_TIMEOUT_S = 120.0
_MOST_GROWTH_MS = 100.0
_FREE_BYTES = 200_000_000
_OPTIONS = ("--command-timeout", "60000")


def findings(bench: Bench) -> Iterator[Finding]:
    """Find out the top rate with recorded data, then count half of it live."""
    megabytes = _QUICK_MEGABYTES if bench.quick else _MEGABYTES
    histograms = command("odin.json")["histograms"]
    pixels = histograms[1]["width"] * histograms[1]["height"]
    events = Events(1, pixels)
    filled = fill(bench.broker, "bench-odin", _SHAPE, _SHAPE.messages(megabytes * 1_000_000), events)
    live = "bench-odin-live"
    bench.broker.create_topic(live)
    with bench.service(*_OPTIONS) as service:
        configs = [{**each, "data_topics": [filled.topic]} for each in histograms]
        count = Counted(
            service, filled.window, configs, {each["id"]: filled.counts(each) for each in histograms}
        )
        count()
        top = filled.messages / min(count().seconds for _ in range(bench.runs))
        remove(bench.broker, filled.topic)
        common = {"data_brokers": [service.bootstrap], "topic": service.output, "data_topics": [live]}
        configs = [{**each, **common, "publish_interval_ms": _INTERVAL_MS} for each in histograms]
        with service.following() as published:
            service.client.send({"cmd": "config", "histograms": configs}, _TIMEOUT_S)
            with Stream(service, filled, live, top / 2) as stream:
                seen = observed(service, _QUICK_SECONDS if bench.quick else _SECONDS)
            _check(service, published, filled.first(stream.sent), histograms)
    remove(bench.broker, live)
    also = {"events_per_s": top / 2 * _SHAPE.events}
    grown = growth_ms(seen, top / 2)
    yield Finding(
        7, "odin.json at half of its top rate", "lag grown", grown, "ms", _MOST_GROWTH_MS, True, also
    )
    sizes = Spread.of([each.pss_bytes / 1e6 for each in seen])
    most = (3 * pixels * 8 + _FREE_BYTES) / 1e6
    also = {"resident_mb": Spread.of([each.rss_bytes / 1e6 for each in seen]).median}
    yield Finding(7, "odin.json at half of its top rate", "worker memory", sizes, "MB", most, True, also)


def _check(service: Service, published: Histograms, sent: Filled, histograms: list[dict[str, Any]]) -> None:
    wanted = {each["id"]: sent.counts(each) for each in histograms}
    service.client.send({"cmd": "stop"}, _TIMEOUT_S)
    finished = published.finished(*wanted, timeout_s=_TIMEOUT_S)
    for name, counts in wanted.items():
        assert np.array_equal(finished[name].counts, counts), f"{name} is wrong: {finished[name].info}"
