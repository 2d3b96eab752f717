"""Rows 6 and 7 in one process: the parser, every fill kernel and the snapshot, beside what else there is.

Every side has the same events, and what it counts is what numpy counts. Ours counts batches of about 2 MB one
after the other into one accumulator, as a worker does. What is compared with it has the better deal: all
events of a round as one array that has been read already, and numpy need not add its counts to those of the
round before. For the two large shapes numpy makes its whole output anew for 4 million events; that alone is
under a fifth of its time, so that more events at once would not change its rate much.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import boost_histogram as bh
import lz4.frame
import numpy as np
import numpy.typing as npt
import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from streaming_data_types.eventdata_ev44 import deserialise_ev44

from benchmarks.kernel_data import PIXELS, TOF_NS, Events, Int32Array, event_decoder, events, messages_of
from histsvc.histograms.base import Accumulator, HistogramConfig
from histsvc.histograms.registry import histogram_types
from histsvc.kernels.vectors import vector_at
from histsvc.model import Column, Tally
from histsvc.wire import HISTOGRAM_DESERIALISERS, HISTOGRAM_SERIALISERS

Counts = npt.NDArray[Any]

_SIZE = 1_000
_BATCHES, _LARGE_BATCHES = 4, 16
_FIRST, _LAST = PIXELS // 4, PIXELS * 3 // 4
# No edge is a whole number: where one is, boost-histogram, which does not correct the rounding of its
# division as numpy does, may count otherwise.
_PIXEL_RANGE = (0.25, PIXELS + 0.25)
_WIDTH = 1_000
_LEFT_EDGES = list(range(1, PIXELS, 2 * _WIDTH))
# Where the bins of the regions are among those of all pixels.
_REGIONS = (np.array(_LEFT_EDGES) - 1)[:, np.newaxis] + np.arange(_WIDTH)
_IN_REGIONS = np.isin(np.arange(PIXELS + 1), _REGIONS + 1)
_IMAGE = 4_096
# The side of the blocks of the blocked copy; smaller ones took longer.
_BLOCK = 256


@dataclass(frozen=True, eq=False)
class Work:
    """One histogram of events of one pattern, and how others make it.

    `picked` gives the vectors that others need, int32 (events,), and picking is part of their work; `numpy`
    counts them, boost-histogram with `axes`; `shown` gives their counts the form of ours, which is not.
    """

    what: str
    pattern: str
    config: HistogramConfig
    picked: Callable[[Events], tuple[Int32Array, ...]]
    numpy: Callable[..., Counts]
    axes: Sequence[bh.axis.Axis]
    shown: Callable[[Counts], Counts] = np.asarray
    batches: int = _BATCHES

    @property
    def name(self) -> str:
        """As tables show it."""
        return f"{self.what}, {self.pattern}"

    def events(self) -> Events:
        """The events of one round."""
        return events(self.pattern, _SIZE, self.batches)


def _config(kind: str, **keys: Any) -> HistogramConfig:
    common = {"type": kind, "data_brokers": ["none:9092"], "data_topics": ["none"], "topic": "none"}
    return histogram_types()[kind].model_validate(common | keys)


def _small(pattern: str) -> Iterator[Work]:
    spectrum = {"tof_range": [0, TOF_NS], "num_bins": 50}
    tof, pixel = bh.axis.Regular(50, 0, TOF_NS), bh.axis.Integer(1, PIXELS + 1)
    config = _config("hist1d", **spectrum)
    yield Work("hist1d, 50 bins", pattern, config, lambda of: (of.tof_ns,), _histogram, [tof])
    config = _config("hist1d", **spectrum, det_range=[_FIRST, _LAST])
    yield Work("hist1d, 50 bins, half of the pixels", pattern, config, _some, _histogram, [tof])
    config = _config("hist1d", **spectrum, region={"left_edges": _LEFT_EDGES, "width": _WIDTH})
    name = f"hist1d, 50 bins, {len(_LEFT_EDGES)} x {_WIDTH:,} of the pixels"
    yield Work(name, pattern, config, _in_regions, _histogram, [tof])
    config = _config("dethist", det_range=[1, PIXELS], width=1_000, height=PIXELS // 1_000)
    yield Work("dethist, 500,000 pixels", pattern, config, lambda of: (of.pixel_id,), _pixels, [pixel])
    config = _config("roihist", left_edges=_LEFT_EDGES, width=_WIDTH)
    name = f"roihist, {len(_LEFT_EDGES)} x {_WIDTH:,} of 500,000 pixels"
    yield Work(name, pattern, config, lambda of: (of.pixel_id,), _pixels, [pixel], lambda n: n[_REGIONS])
    yield _hist2d(pattern, (50, 50), _BATCHES)


def _hist2d(pattern: str, bins: tuple[int, int], batches: int) -> Work:
    config = _config("hist2d", tof_range=[0, TOF_NS], det_range=_PIXEL_RANGE, num_bins=bins)
    axes = [bh.axis.Regular(bins[0], 0, TOF_NS), bh.axis.Regular(bins[1], *_PIXEL_RANGE)]
    name = f"hist2d, {bins[0]:,} x {bins[1]:,} bins"
    numpy = partial(_histogram2d, bins)
    return Work(name, pattern, config, lambda of: (of.tof_ns, of.pixel_id), numpy, axes, batches=batches)


def _works() -> Iterator[Work]:
    for pattern in ("random", "ordered"):
        yield from _small(pattern)
    for bins in ((16_000, 8_000), (50_000, 1_000)):
        for pattern in ("random", "clustered"):
            yield _hist2d(pattern, bins, _LARGE_BATCHES)


def _some(of: Events) -> tuple[Int32Array, ...]:
    return (of.tof_ns[(of.pixel_id >= _FIRST) & (of.pixel_id <= _LAST)],)


def _in_regions(of: Events) -> tuple[Int32Array, ...]:
    return (of.tof_ns[_IN_REGIONS[of.pixel_id]],)


def _histogram(tof_ns: Int32Array) -> Counts:
    return np.histogram(tof_ns, 50, (0, TOF_NS))[0]


def _histogram2d(bins: tuple[int, int], tof_ns: Int32Array, pixel_id: Int32Array) -> Counts:
    return np.histogram2d(tof_ns, pixel_id, bins, ((0, TOF_NS), _PIXEL_RANGE))[0]


def _pixels(pixel_id: Int32Array) -> Counts:
    return np.bincount(pixel_id, minlength=PIXELS + 1)[1:]


def _of_histsvc(work: Work) -> Callable[[], Accumulator]:
    accumulator, batches = work.config.accumulator(), work.events().batches
    rows = np.arange(messages_of(_SIZE))

    def fill() -> Accumulator:
        for batch in batches:
            accumulator.fill(rows, batch)
        return accumulator

    return fill


def _of_numpy(work: Work) -> Callable[[], Counts]:
    return lambda: work.numpy(*work.picked(work.events()))


def _of_boost(work: Work) -> Callable[[], Counts]:
    histogram = bh.Histogram(*work.axes, storage=bh.storage.Int64())

    def fill() -> Counts:
        histogram.fill(*work.picked(work.events()))
        return np.asarray(histogram.view())

    return fill


_SIDES = {"numpy": _of_numpy, "histsvc": _of_histsvc, "boost-histogram": _of_boost}
_FILLS = [pytest.param(work, side, id=f"{work.name}-{side}") for work in _works() for side in _SIDES]


@lru_cache(maxsize=1)
def _expected(work: Work) -> Counts:
    return work.shown(_of_numpy(work)())


@pytest.mark.parametrize(("work", "side"), _FILLS)
def test_fill(benchmark: BenchmarkFixture, work: Work, side: str) -> None:
    """Each type of histogram; the first of all fills, into new memory, is not measured."""
    fill: Callable[[], Any] = _SIDES[side](work)
    if side != "numpy":
        filled = fill()
        counts = filled.counts if side == "histsvc" else work.shown(filled)
        assert np.array_equal(counts.reshape(-1), _expected(work).reshape(-1))

    benchmark.extra_info.update(row=6, work=work.name, side=side, events=work.events().tof_ns.size)
    benchmark(fill)


@pytest.mark.parametrize("side", ["histsvc", "stock decoder"])
@pytest.mark.parametrize("size", [100, 1_000, 10_000])
def test_parse(benchmark: BenchmarkFixture, size: int, side: str) -> None:
    """Messages to vectors, as a worker does it with what a read brought, and one message after the other."""
    sent, decoder = events("random", size, _BATCHES), event_decoder()
    payloads = list(itertools.chain.from_iterable(raw.payload for raw in sent.messages))

    def parse() -> None:
        for raw in sent.messages:
            decoder.events(replace(raw))  # a worker has new ones each time, too, without sizes looked up

    def deserialise() -> None:
        for payload in payloads:
            deserialise_ev44(payload)

    decoded = [deserialise_ev44(payload) for payload in payloads] if side != "histsvc" else []
    tofs = [each.time_of_flight for each in decoded] or _vectors(sent, Column.TOF_ADDRESS, Column.TOF_LENGTH)
    ids = [each.pixel_id for each in decoded] or _vectors(sent, Column.PIXEL_ADDRESS, Column.PIXEL_LENGTH)
    assert np.array_equal(np.concatenate(tofs), sent.tof_ns)
    assert np.array_equal(np.concatenate(ids), sent.pixel_id)

    about = {"row": 6, "work": f"parser, {size:,} events a message", "side": side}
    benchmark.extra_info.update(about, events=sent.tof_ns.size, messages=len(payloads))
    benchmark({"histsvc": parse, "stock decoder": deserialise}[side])


def _vectors(of: Events, address: Column, length: Column) -> list[Counts]:
    return [vector_at(each.table, i, address, length) for each in of.batches for i in range(each.offset.size)]


@lru_cache(maxsize=1)
def _image() -> Accumulator:
    image = _config("dethist", det_range=[1, _IMAGE**2], width=_IMAGE, height=_IMAGE).accumulator()
    # Not from events: what matters is only that the counts are as hard to compress as those of any detector.
    image.counts[...] = np.random.default_rng(1).poisson(3, image.counts.shape)
    image.tally[Tally.COUNTED] = image.counts.sum()
    return image


@pytest.mark.parametrize("side", ["histsvc", "blocked copy"])
@pytest.mark.parametrize("form", ["uncompressed", "lz4"])
def test_snapshot(benchmark: BenchmarkFixture, form: str, side: str) -> None:
    """An image as a message, beside a copy of its counts alone in that order, into memory that is there."""
    counts, out = _image().counts, np.empty((_IMAGE, _IMAGE), np.int64)

    def message() -> bytes:
        return HISTOGRAM_SERIALISERS["hs01"](_image().snapshot(), "bench", 1, "{}")

    def copy() -> Counts:
        for i, j in itertools.product(range(0, _IMAGE, _BLOCK), repeat=2):
            out[j : j + _BLOCK, i : i + _BLOCK] = counts[i : i + _BLOCK, j : j + _BLOCK].T
        return out

    sent = HISTOGRAM_DESERIALISERS["hs01"](message()).data if side == "histsvc" else copy()
    assert np.array_equal(sent, counts.T)

    def made() -> object:
        result = message() if side == "histsvc" else copy()
        return lz4.frame.compress(result) if form == "lz4" else result

    about = {"row": 7, "work": f"image of {_IMAGE:,} x {_IMAGE:,}, {form}", "side": side}
    benchmark.extra_info.update(about, events=int(counts.sum()))
    benchmark(made)
