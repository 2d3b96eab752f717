"""Compiled kernels, their numpy twins and numpy itself count the same, through real messages."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
from fakes import SCHEMAS, config_of, decoder_of, filling_of, in_place, payloads, tally_of
from hypothesis import given, settings
from hypothesis import strategies as st
from property.oracle import KINDS, LIMITS, Message, axes, expected, vectors

from histsvc.histograms.base import HistogramConfig
from histsvc.kernels.account import account_numpy
from histsvc.kernels.vectors import vector_at
from histsvc.model import Column
from histsvc.window import Verdict
from histsvc.worker.fill import Filling

MOST_EVENTS = 100
PROFILE = settings(deadline=None, max_examples=100, derandomize=True)


@st.composite
def regular(draw: st.DrawFn, kind: str) -> tuple[HistogramConfig, list[float]]:
    """A hist1d or hist2d over any axes; and the edges of both, where values are interesting."""
    tof_range, tof_bins = draw(axes(3000 if kind == "hist1d" else 40))
    det_range, pixel_bins = draw(axes(40))
    bins: Any = tof_bins if kind == "hist1d" else [tof_bins, pixel_bins]
    ranges: dict[str, Any] = {"tof_range": list(tof_range)}
    if kind == "hist2d" or draw(st.booleans()):
        ranges["det_range"] = list(det_range)
    edges = [np.linspace(*tof_range, tof_bins + 1), np.linspace(*det_range, pixel_bins + 1)]
    return config_of(kind, num_bins=bins, **ranges), np.concatenate([*edges, tof_range, det_range]).tolist()


@st.composite
def left_edges(draw: st.DrawFn, first: int) -> list[int]:
    """A few rows of pixel ids, near `first` or anywhere."""
    near = st.integers(max(first - 12, -(2**31)), min(first + 12, 2**32 - 1))
    anywhere = st.integers(-(2**31), 2**32 - 1)
    return draw(st.lists(draw(st.sampled_from([near, near | anywhere])), min_size=1, max_size=6))


@st.composite
def spectra(draw: st.DrawFn) -> tuple[HistogramConfig, list[float]]:
    """A hist1d of a region of a few rows, or of many with the same distance."""
    # Where all times of flight are inside, every pixel tells.
    tof_range, bins = draw(axes(40) | st.just(((-(2.0**31), 2.0**32), 5)))
    lefts = draw(left_edges(draw(st.integers(-(2**31), 2**32 - 1))))
    if draw(st.booleans()):
        step = draw(st.integers(1, 4096) | st.integers(1, 10**6))
        lefts += list(range(lefts[-1], min(lefts[-1] + 1000 * step, 2**32), step))
    width = draw(st.integers(1, 9) | st.integers(1, 10**6) | st.sampled_from([2**31, 2**31 + 2**32]))
    some = [*lefts[:6], *lefts[-3:]]
    region = {"left_edges": lefts, "width": width}
    config = config_of("hist1d", tof_range=tof_range, num_bins=bins, region=region)
    near = [float(edge) for left in some for edge in (left, left + width)]
    return config, np.linspace(*tof_range, bins + 1).tolist() + near


@st.composite
def images(draw: st.DrawFn, kind: str) -> tuple[HistogramConfig, list[float]]:
    """A dethist or roihist anywhere among the ids that 32 bits hold."""
    width, height = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    first = draw(st.integers(-(2**31), 2**32 - 1))
    if kind == "dethist":
        last = first + draw(st.integers(0, 2**40))
        config = config_of(kind, width=width, height=height, det_range=[first, last])
        return config, [float(first), float(first + width), float(first + width * height)]
    lefts = draw(left_edges(first))
    return config_of(kind, width=width, left_edges=lefts), [
        float(edge) for left in lefts for edge in (left, left + width)
    ]


def configs(kind: str) -> st.SearchStrategy[tuple[HistogramConfig, list[float]]]:
    """Of a type, or of a hist1d with a region."""
    if kind == "region":
        return spectra()
    return regular(kind) if kind in ("hist1d", "hist2d") else images(kind)


@st.composite
def cases(draw: st.DrawFn, kind: str) -> tuple[HistogramConfig, list[Message]]:
    """A histogram and messages of every sort for it."""
    config, interesting = draw(configs(kind))
    config = config.model_copy(update={"source": draw(st.sampled_from(["", "", " ", "a", "\ta "]))})
    messages = []
    for _ in range(draw(st.integers(1, 4))):
        schema, size = draw(st.sampled_from(SCHEMAS)), draw(st.integers(0, MOST_EVENTS))
        sizes = draw(st.sampled_from([(size, size)] * 9 + [(size, 0), (0, size), (size, size + 1)]))
        tof, pixel = (draw(vectors(schema, interesting, n)) for n in sizes)
        source = draw(st.sampled_from(["a", "a", "a", " a", "a\n", "b", "", "aa"]))
        messages.append(Message(schema, tof, pixel, source, draw(st.sampled_from([True] * 5 + [False]))))
    return config, messages


def filled(
    config: HistogramConfig, messages: list[Message], schemas: tuple[str, ...], twin: bool, shift: int = 0
) -> Filling:
    filling = filling_of(config, schemas)
    if twin:
        kernel = importlib.import_module(f"histsvc.kernels.{config.type}")
        fill = vars(filling.accumulator)["_fill"]
        vars(filling.accumulator)["_fill"] = getattr(kernel, f"{fill.__name__}_numpy")
        vars(filling)["_account"] = account_numpy
    batch = decoder_of("a").events(in_place([message.payload() for message in messages], shift))
    inside = [message.inside for message in messages]
    filling.take(batch, np.where(inside, Verdict.COUNTS, Verdict.OUT_OF_WINDOW).astype(np.uint8))
    return filling


@pytest.mark.parametrize("kind", [*KINDS, "region"])
@PROFILE
@given(
    data=st.data(),
    schemas=st.sampled_from([SCHEMAS, SCHEMAS, SCHEMAS, ("ev42",), ("ev44",)]),
    shift=st.integers(0, 7),
)
def test_counts_and_accounting_are_those_of_numpy(
    kind: str, data: st.DataObject, schemas: tuple[str, ...], shift: int
) -> None:
    """Wherever messages begin in memory."""
    config, messages = data.draw(cases(kind))
    wanted = expected(config, messages, schemas)

    compiled, twin = (filled(config, messages, schemas, twin, shift) for twin in (False, True))

    assert tally_of(compiled) == wanted.tally
    np.testing.assert_array_equal(compiled.accumulator.snapshot().counts.data, wanted.counts)
    assert tally_of(twin) == wanted.tally
    np.testing.assert_array_equal(twin.accumulator.counts, compiled.accumulator.counts)
    assert compiled.accumulator.sum == wanted.counts.sum()


@pytest.mark.parametrize("kind", ["hist1d", "region", "hist2d", "dethist"])
@PROFILE
@given(data=st.data())
def test_every_event_is_in_exactly_one_class(kind: str, data: st.DataObject) -> None:
    config, messages = data.draw(cases(kind))
    tally = tally_of(filled(config, messages, SCHEMAS, twin=False))
    classes = ("counted", "underflow", "overflow", "filtered", "out_of_window")
    good = [m for m in messages if 0 in (len(m.tof), len(m.pixel)) or len(m.tof) == len(m.pixel)]
    assert sum(tally.get(c, 0) for c in classes) == sum(max(len(m.tof), len(m.pixel)) for m in good)
    assert tally.get("undecodable", 0) == len(messages) - len(good)


@PROFILE
@given(data=st.data(), schema=st.sampled_from(SCHEMAS), size=st.integers(0, MOST_EVENTS))
def test_the_numbers_of_a_message_arrive_as_they_were(data: st.DataObject, schema: str, size: int) -> None:
    low, high = LIMITS[schema]
    tof, pixel = (data.draw(vectors(schema, [low, 0, 2**31, high], size)) for _ in range(2))
    batch = decoder_of().events(payloads([Message(schema, tof, pixel).payload()]))
    assert tuple(vector_at(batch.table, 0, Column.TOF_ADDRESS, Column.TOF_LENGTH)) == tof
    assert tuple(vector_at(batch.table, 0, Column.PIXEL_ADDRESS, Column.PIXEL_LENGTH)) == pixel
