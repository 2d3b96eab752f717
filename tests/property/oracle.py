"""What the histograms must be: numpy where numpy says it, brute force elsewhere. And strategies for both."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from fakes import event_message
from hypothesis import assume
from hypothesis import strategies as st

from histsvc.histograms.base import HistogramConfig
from histsvc.histograms.dethist import DethistConfig
from histsvc.histograms.hist1d import Hist1dConfig
from histsvc.histograms.hist2d import Hist2dConfig
from histsvc.histograms.roihist import RoihistConfig
from histsvc.model import Int64Array

LIMITS = {"ev42": (0, 2**32 - 1), "ev44": (-(2**31), 2**31 - 1)}
KINDS = ("hist1d", "hist2d", "dethist", "roihist")
Limits = tuple[float, float]


@dataclass(frozen=True)
class Message:
    """An event message before it is serialised; vectors may be empty."""

    schema: str
    tof: tuple[int, ...]
    pixel: tuple[int, ...]
    source: str = "a"
    inside: bool = True

    def payload(self) -> bytes:
        return event_message(self.schema, self.tof, self.pixel, self.source)


@dataclass
class Expected:
    """Counts in output order, and the accounting without zeros."""

    counts: Int64Array
    tally: Counter[str] = field(default_factory=Counter)


def _floats(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False, allow_infinity=False, allow_subnormal=True)


def _pair(numbers: st.SearchStrategy[float]) -> st.SearchStrategy[Limits]:
    return st.tuples(numbers, numbers).map(lambda pair: (min(pair), max(pair)))


def limits() -> st.SearchStrategy[Limits]:
    """Ranges of every sort: whole, broken, narrow, degenerate, huge, beyond 32 bits."""
    whole = st.integers(-(2**31), 2**32 - 1).map(float)
    narrow = st.builds(lambda at, width: (at - width, at + width), whole, _floats(0, 3))
    return st.one_of(
        _pair(_floats(-1000, 1000)),
        _pair(st.integers(-50, 50).map(float)),
        _pair(whole),
        narrow,
        st.one_of(whole, _floats(-100, 100)).map(lambda at: (at, at)),
        _pair(_floats(-1e12, 1e12)),
        _pair(_floats(-1e17, 1e17)),
        _pair(_floats(0, 1e-300)),
    )


@st.composite
def nearly_whole(draw: st.DrawFn, bins: int) -> Limits:
    """A range whose edges miss whole numbers by a rounding error, to either side."""
    part, step = draw(st.sampled_from([3, 7, 10, 100, 1000])), draw(st.integers(1, 500))
    low = draw(st.integers(-(10**7), 10**7)) / part
    return low, low + bins * (step / part)


@st.composite
def axes(draw: st.DrawFn, most_bins: int) -> tuple[Limits, int]:
    """A range and a number of bins that numpy can make."""
    bins = draw(st.integers(1, most_bins))
    around = draw(st.one_of(limits(), nearly_whole(bins)))
    with np.errstate(all="ignore"):
        try:
            edges = np.histogram(np.empty(0), bins, around)[1]
        except ValueError:
            assume(False)
            raise
    assume(bool(np.all(np.diff(edges) > 0)))
    return around, bins


def near(schema: str, interesting: npt.ArrayLike) -> Int64Array:
    """Numbers on and ±1 around the interesting ones, as far as the schema can carry them."""
    low, high = LIMITS[schema]
    floors = np.floor(np.clip(np.asarray(interesting, np.float64), low - 2, high + 2)).astype(np.int64)
    around = np.unique(floors[:, np.newaxis] + np.arange(-1, 3))
    return around[(around >= low) & (around <= high)]


@st.composite
def vectors(draw: st.DrawFn, schema: str, interesting: npt.ArrayLike, size: int) -> tuple[int, ...]:
    """Half of the values near the interesting ones and between them, half anywhere the schema reaches."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    low, high = LIMITS[schema]
    values = random.integers(low, high, size, np.int64, endpoint=True)
    choice = near(schema, interesting)
    if choice.size:
        between = random.integers(choice[0], choice[-1], size, np.int64, endpoint=True)
        kind = random.integers(3, size=size)
        values = np.where(kind == 0, values, np.where(kind == 1, between, random.choice(choice, size)))
    return tuple(values.tolist())


def numpy_counts(config: HistogramConfig, tof: Int64Array, pixel: Int64Array) -> Int64Array:
    """What protocol.md, section 2.2 names as the oracle, for events that are not filtered."""
    match config:
        case Hist1dConfig():
            return np.histogram(tof, bins=config.num_bins, range=config.tof_range)[0].astype(np.int64)
        case Hist2dConfig():
            ranges = (config.tof_range, config.det_range)
            return np.histogram2d(tof, pixel, bins=config.num_bins, range=ranges)[0].astype(np.int64)
        case DethistConfig():
            i = pixel - int(config.det_range[0])
            i = i[(i >= 0) & (i < config.width * config.height)]
            flat = np.bincount(i, minlength=config.width * config.height)
            return flat.reshape(config.height, config.width).T.astype(np.int64)
        case RoihistConfig():
            rows = [np.arange(left, left + config.width) for left in config.left_edges]
            return np.array([[np.count_nonzero(pixel == p) for p in row] for row in rows], np.int64).T
    raise AssertionError(config)


def expected(config: HistogramConfig, messages: list[Message], schemas: tuple[str, ...]) -> Expected:
    """Counts and accounting of messages, each event put into the first class that fits."""
    empty = np.empty(0, np.int64)
    result = Expected(numpy_counts(config, empty, empty))
    for message in messages:
        result.tally["messages"] += 1
        number = max(len(message.tof), len(message.pixel))
        unequal = message.tof and message.pixel and len(message.tof) != len(message.pixel)
        missing = (config.needs_tof and not message.tof) or (config.needs_pixel and not message.pixel)
        if message.schema not in schemas:
            result.tally["other_schema"] += 1
        elif unequal:
            result.tally["undecodable"] += 1
        elif not message.inside:
            result.tally["out_of_window"] += number
        elif missing or config.source_name not in ("", message.source.strip()):
            result.tally["filtered"] += number
        else:
            _count(config, message, number, result)
    result.tally = +result.tally
    return result


def _count(config: HistogramConfig, message: Message, number: int, result: Expected) -> None:
    tof, pixel = message.tof or (0,) * number, message.pixel or (0,) * number
    where = [_place(config, x, p if message.pixel else None) for x, p in zip(tof, pixel, strict=True)]
    for place in where:
        result.tally[place] += place != "counted"
    counted = [i for i, place in enumerate(where) if place == "counted"]
    counts = numpy_counts(config, np.array(tof, np.int64)[counted], np.array(pixel, np.int64)[counted])
    result.counts += counts
    result.tally["counted"] += int(counts.sum())


def _place(config: HistogramConfig, x: int, p: int | None) -> str:
    match config:
        case Hist1dConfig():
            passes = p is None or passes_hist1d(config, p)
            return _outside(config.tof_range, x) or ("counted" if passes else "filtered")
        case Hist2dConfig():
            assert p is not None
            return _outside(config.tof_range, x) or _outside(config.det_range, p) or "counted"
        case DethistConfig():
            assert p is not None
            held = 0 <= p - config.det_range[0] < config.width * config.height
        case RoihistConfig():
            assert p is not None
            held = any(left <= p < left + config.width for left in config.left_edges)
        case _:
            raise AssertionError(config)
    return "counted" if held else "filtered"


def passes_hist1d(config: Hist1dConfig, p: int) -> bool:
    """Whether events of a pixel are filtered by neither det_range nor region."""
    first, last = config.det_range or (-math.inf, math.inf)
    region = config.region
    held = region is None or any(left <= p < left + region.width for left in region.left_edges)
    return first <= p <= last and held


def _outside(limits: Limits, value: int) -> str:
    low, high = limits if limits[0] < limits[1] else (limits[0] - 0.5, limits[1] + 0.5)
    return "underflow" if value < low else "overflow" if value > high else ""
