"""Rows 1 to 3: how fast one stream is counted, in each shape of messages, beside the yardsticks."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator

from service_process import Service

from benchmarks.bench import Bench
from benchmarks.data import PIXELS, SHAPES, Filled, Shape, dethist, fill, hist1d, remove
from benchmarks.finding import Finding
from benchmarks.pairs import Run, Sides, interleaved
from benchmarks.sides import Counted, Yardstick

BINS = 50
WIDTH, HEIGHT = 1000, PIXELS // 1000
SPECTRUM, BOTH, DISCARD, NAIVE = "hist1d", "hist1d + dethist", "discard", "naive"
_MEGABYTES, _QUICK_MEGABYTES = 1_200, 60
# The usual way is so slow that it reads so many times fewer messages; rates are compared, not times.
_NAIVE_PART = 10
_TARGETS = {SPECTRUM: 0.85, BOTH: 0.6}
_NAIVE_TARGETS = {Shape("compact", 1_000): 12.0, Shape("efu", 1_000): 5.0}


def findings(bench: Bench) -> Iterator[Finding]:
    """Measure each shape with a topic of its own."""
    megabytes = _QUICK_MEGABYTES if bench.quick else _MEGABYTES
    with bench.service() as service:
        for shape in SHAPES:
            name = f"bench-{shape.shape}-{shape.events}"
            filled = fill(bench.broker, name, shape, shape.messages(megabytes * 1_000_000))
            with contextlib.ExitStack() as processes:
                sides = _sides(service, filled, processes)
                yield from _judged(filled, interleaved(sides, bench.runs))
            remove(bench.broker, name)


def _sides(service: Service, filled: Filled, processes: contextlib.ExitStack) -> dict[str, Callable[[], Run]]:
    one, other = hist1d(filled, BINS), dethist(filled, WIDTH, HEIGHT)
    spectrum, image = filled.counts(one), filled.counts(other)
    # The discard reads the last message, too, which tells the service that there is nothing more.
    discard = Yardstick(DISCARD, service.bootstrap, filled.messages + 1, [filled.topic])
    sides: dict[str, Callable[[], Run]] = {
        DISCARD: processes.enter_context(discard),
        SPECTRUM: Counted(service, filled.window, [one], {"spectrum": spectrum}),
        BOTH: Counted(service, filled.window, [one, other], {"spectrum": spectrum, "image": image}),
    }
    if filled.shape in _NAIVE_TARGETS:
        part = filled.messages // _NAIVE_PART
        naive = Yardstick(NAIVE, service.bootstrap, part, [json.dumps(one)])
        sides[NAIVE] = processes.enter_context(naive)
    return sides


def _judged(filled: Filled, sides: Sides) -> Iterator[Finding]:
    """The comparisons of one shape: the yardstick itself first."""
    name = filled.shape.name
    alone = sides.ratio(DISCARD, DISCARD)
    yield Finding(1, f"{name}: {DISCARD}", "yardstick", alone, "", also=figures(filled, sides, DISCARD))
    for row, side in enumerate(_TARGETS, start=1):
        of = sides.ratio(side, DISCARD)
        also = figures(filled, sides, side)
        yield Finding(row, f"{name}: {side}", f"of {DISCARD}", of, "", _TARGETS[side], also=also)
    if NAIVE in sides.runs:
        of = sides.ratio(SPECTRUM, NAIVE).times(_NAIVE_PART)
        also = figures(filled, sides, NAIVE, _NAIVE_PART)
        target = _NAIVE_TARGETS[filled.shape]
        yield Finding(3, f"{name}: {SPECTRUM}", f"of {NAIVE}", of, "", target, also=also)


def figures(filled: Filled, sides: Sides, side: str, part: int = 1) -> dict[str, float]:
    """What a side gets through, medians; it has read one of so many parts of the topic."""
    seconds = sides.seconds(side).median * part
    return {
        "events_per_s": filled.events / seconds,
        "bytes_per_s": filled.size_bytes / seconds,
        "messages_per_s": filled.messages / seconds,
        "cpu_s_per_billion_events": sides.cpu_s(side).median * part / filled.events * 1e9,
    }
