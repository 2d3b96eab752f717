"""Row 11: ten minutes at half of the top rate."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.bench import Bench
from benchmarks.data import Shape, dethist, fill, hist1d, remove
from benchmarks.finding import Finding
from benchmarks.live import Stream, growth_ms, observed
from benchmarks.pairs import Spread
from benchmarks.rates import BINS, HEIGHT, WIDTH
from benchmarks.sides import Counted

_SHAPE = Shape("compact", 1_000)
_MEGABYTES, _QUICK_MEGABYTES = 600, 60
_SECONDS, _QUICK_SECONDS = 600.0, 9.0
# What is not looked at in the beginning.
_BEGIN_S, _QUICK_BEGIN_S = 60.0, 3.0
_MOST_GROWTH_MS = 100.0
_MOST_PER_CENT = 5.0
_TIMEOUT_S = 60.0
# The broker would keep 200 GB of it.
_KEPT = {"retention.bytes": "2000000000", "segment.bytes": "200000000"}


def findings(bench: Bench) -> Iterator[Finding]:
    """Find out the top rate with recorded data, then count half of it live."""
    megabytes = _QUICK_MEGABYTES if bench.quick else _MEGABYTES
    filled = fill(bench.broker, "bench-soak", _SHAPE, _SHAPE.messages(megabytes * 1_000_000))
    live = "bench-soak-live"
    bench.broker.create_topic(live, config=_KEPT)
    configs = [hist1d(filled, BINS), dethist(filled, WIDTH, HEIGHT)]
    with bench.service() as service:
        count = Counted(service, filled.window, configs, {"spectrum": filled.spectrum(BINS)})
        count()
        top = filled.messages / min(count().seconds for _ in range(bench.runs))
        remove(bench.broker, filled.topic)
        common = {"data_brokers": [service.bootstrap], "topic": service.output, "data_topics": [live]}
        with service.following() as published:
            service.config([{**each, **common} for each in configs])
            with Stream(service, filled, live, top / 2) as stream:
                seen = observed(service, _QUICK_SECONDS if bench.quick else _SECONDS)
            sent = filled.first(stream.sent)
            # `stop` gives a busy machine 1 s for what is left.
            published.until(lambda h: h.info.id == "spectrum" and h.info.sum == sent.events, _TIMEOUT_S)
            service.client.send({"cmd": "stop"})
            finished = published.finished("spectrum", timeout_s=_TIMEOUT_S)["spectrum"]
            assert np.array_equal(finished.counts, sent.spectrum(BINS)), finished.info
    remove(bench.broker, live)
    begin_s = _QUICK_BEGIN_S if bench.quick else _BEGIN_S
    seen = [each for each in seen if each.at_s >= begin_s]
    also = {"events_per_s": top / 2 * _SHAPE.events, "seconds": seen[-1].at_s}
    grown = growth_ms(seen, top / 2)
    work = "hist1d + dethist at half of the top rate"
    yield Finding(11, work, "lag grown", grown, "ms", _MOST_GROWTH_MS, True, also)
    sizes = np.array([each.rss_bytes for each in seen]) / 1e6
    off = np.abs(sizes / np.median(sizes) - 1) * 100
    most = Spread(float(off.max()), float(np.median(off)), float(off.max()))
    also = {"megabytes": float(np.median(sizes))}
    yield Finding(11, work, "memory off its median, at most", most, "%", _MOST_PER_CENT, True, also)
