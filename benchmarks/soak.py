"""Row 11: ten minutes at half of the top rate."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from benchmarks.bench import Bench
from benchmarks.data import Shape, dethist, hist1d, pool
from benchmarks.finding import Finding
from benchmarks.live import growth_ms
from benchmarks.pairs import Spread
from benchmarks.rates import BINS, HEIGHT, WIDTH
from benchmarks.steady import at_half_rate

_SHAPE = Shape("compact", 1_000)
_SECONDS, _QUICK_SECONDS = 600.0, 9.0
# What is not looked at in the beginning.
_BEGIN_S, _QUICK_BEGIN_S = 60.0, 3.0
_MOST_GROWTH_MS = 100.0
_MOST_PER_CENT = 5.0


def findings(bench: Bench) -> Iterator[Finding]:
    """Lag and memory after the beginning."""
    sent = pool("bench-soak", _SHAPE)
    configs = [hist1d(sent, BINS), dethist(sent, WIDTH, HEIGHT)]
    with bench.service() as service:
        seconds = _QUICK_SECONDS if bench.quick else _SECONDS
        steady = at_half_rate(bench, service, sent, configs, seconds)
    begin_s = _QUICK_BEGIN_S if bench.quick else _BEGIN_S
    seen = [each for each in steady.seen if each.at_s >= begin_s]
    also = {**steady.rates(_SHAPE.events), "seconds": seen[-1].at_s}
    grown = growth_ms(seen, steady.messages_per_s)
    work = "hist1d + dethist at half of the top rate"
    yield Finding(11, work, "lag grown", grown, "ms", _MOST_GROWTH_MS, True, also)
    sizes = np.array([each.rss_bytes for each in seen]) / 1e6
    grown = Spread.of([last / np.median(_thirds(sizes)[0]) * 100 - 100 for last in _thirds(sizes)[-1]])
    yield Finding(11, work, "memory grown", grown, "%", _MOST_PER_CENT, True)
    off = np.abs(sizes / np.median(sizes) - 1) * 100
    most = Spread(float(off.max()), float(np.median(off)), float(off.max()))
    also = {"megabytes": float(np.median(sizes)), "megabytes_at_most": float(sizes.max())}
    yield Finding(11, work, "memory off its median, at most", most, "%", _MOST_PER_CENT, True, also)


def _thirds(numbers: npt.NDArray[np.float64]) -> list[npt.NDArray[np.float64]]:
    return np.array_split(numbers, 3)
