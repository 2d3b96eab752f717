"""Row 7: an image of 16.8 million pixels and a fine spectrum of one stream, live at half of the top rate."""

from __future__ import annotations

from collections.abc import Iterator

from examples import command

from benchmarks.bench import Bench
from benchmarks.data import Events, Shape, pool
from benchmarks.finding import Finding
from benchmarks.live import growth_ms
from benchmarks.pairs import Spread
from benchmarks.steady import at_half_rate

_SHAPE = Shape("compact", 10_000)
_SECONDS, _QUICK_SECONDS = 60.0, 6.0
_INTERVAL_MS = 500
_MOST_GROWTH_MS = 100.0
_FREE_BYTES = 200_000_000
_OPTIONS = ("--command-timeout", "60000")
_WORK = "odin.json at half of its top rate"


def findings(bench: Bench) -> Iterator[Finding]:
    """Lag and memory of the worker that has the image."""
    histograms = [
        {**each, "publish_interval_ms": _INTERVAL_MS} for each in command("odin.json")["histograms"]
    ]
    pixels = histograms[1]["width"] * histograms[1]["height"]
    sent = pool("bench-odin", _SHAPE, Events(1, pixels))
    with bench.service(*_OPTIONS) as service:
        seconds = _QUICK_SECONDS if bench.quick else _SECONDS
        steady = at_half_rate(bench, service, sent, histograms, seconds)
    grown = growth_ms(steady.seen, steady.messages_per_s)
    also = steady.rates(_SHAPE.events)
    yield Finding(7, _WORK, "lag grown", grown, "ms", _MOST_GROWTH_MS, True, also)
    sizes = Spread.of([each.pss_bytes / 1e6 for each in steady.seen])
    most = (3 * pixels * 8 + _FREE_BYTES) / 1e6
    also = {"resident_mb": Spread.of([each.rss_bytes / 1e6 for each in steady.seen]).median}
    yield Finding(7, _WORK, "worker memory", sizes, "MB", most, True, also)
