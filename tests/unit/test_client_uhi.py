"""Histograms by the protocol of scikit-hep's UHI, and how they print."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from uhi.typing.plottable import PlottableAxisGeneric, PlottableHistogram
from unit.client_bench import published
from unit.shown import AXES, of_type, pixels, shown, tof

from histsvc.client import Axis, Histogram, histogram


@pytest.mark.parametrize("kind", AXES)
def test_a_histogram_is_plottable(kind: str) -> None:
    made = of_type(kind)
    plottable: PlottableHistogram = made  # which mypy checks
    assert isinstance(made, PlottableHistogram)
    assert plottable.kind == "COUNT"
    for given in (plottable.values(), plottable.variances(), plottable.counts()):
        assert given is not None
        assert type(given) is np.ndarray
        assert given.dtype == np.float64
        np.testing.assert_array_equal(given, made.counts)
    for axis, bins in zip(plottable.axes, made.counts.shape, strict=True):
        assert isinstance(axis, PlottableAxisGeneric)
        assert (axis.traits.circular, axis.traits.discrete, len(axis)) == (False, False, bins)


def test_bins_of_an_axis_are_pairs_of_edges() -> None:
    axis = Axis(np.array([0, 1, 4], np.int32), "ns", "time of flight", "tof")
    assert list(axis) == [axis[0], axis[1]] == [(0.0, 1.0), (1.0, 4.0)]
    assert axis[-1] == (1.0, 4.0)
    assert {type(edge) for pair in (*axis, axis[0]) for edge in pair} == {float}
    for wrong in (2, -3):
        with pytest.raises(IndexError):
            axis[wrong]
    assert (len(Axis(np.array([]), "", "")), list(Axis(np.array([]), "", ""))) == (0, [])


@pytest.mark.parametrize(
    "other",
    [
        tof(10, 71_000_001),
        tof(9),
        replace(tof(10), unit="us"),
        replace(tof(10), label="t"),
        replace(tof(10), name="tof"),
        "axis",
    ],
)
def test_axes_are_equal_where_all_of_them_is(other: Any) -> None:
    assert tof(10) == tof(10)
    assert hash(tof(10)) == hash(tof(10))
    assert tof(10) != other


def test_counts_are_the_array_that_was_received_and_can_be_called() -> None:
    read = histogram("output", published("a", 3, schema="hs01", integers=True))
    assert read.counts.dtype.kind == "i"
    assert read.counts().dtype == np.float64
    assert read.counts().tolist() == read.counts.tolist() == list(range(3, 13))
    for other in (copy.copy(read), copy.deepcopy(read), replace(read, topic="other")):
        np.testing.assert_array_equal(other.counts(), read.counts)
    with pytest.raises(AttributeError):
        read.counts = np.zeros(10)  # type: ignore[misc]


def test_counts_are_not_copied_where_they_are_float64() -> None:
    counts = np.arange(10.0)
    made = shown(counts, (tof(10),))
    assert np.shares_memory(made.counts, counts)
    assert np.shares_memory(made.values(), counts)


def test_a_histogram_needs_counts() -> None:
    made = of_type("hist1d")
    with pytest.raises(TypeError, match="counts"):
        Histogram(made.topic, made.schema, made.source, 1, made.info, made.axes)


@pytest.mark.parametrize(
    ("axes", "dims"),
    [
        ((replace(tof(2), name="tof"), replace(pixels(3), name="pixel")), ("tof", "pixel")),
        ((replace(tof(2), name="tof"), replace(tof(3), name="tof")), ("dim_0", "dim_1")),
        ((replace(tof(2), name="tof"), pixels(3)), ("dim_0", "dim_1")),
    ],
)
def test_axes_have_different_names(axes: tuple[Axis, ...], dims: tuple[str, ...]) -> None:
    assert shown(np.zeros((2, 3)), axes).dims == dims


def test_axes_that_are_received_have_names() -> None:
    kinds = {"hist1d": ("tof",), "hist2d": ("tof", "pixel"), "dethist": ("x", "y"), "roihist": ("x", "row")}
    for kind, dims in kinds.items():
        assert histogram("output", published("a", kind=kind)).dims == dims


def test_it_prints_as_one_line() -> None:
    made = shown(np.arange(6.0).reshape(2, 3), (replace(tof(2), name="tof"), replace(pixels(3), name="x")))
    axes = "tof: 2 bins from 0 to 7.1e+07 ns, x: 3 bins from 0 to 3 pixel"
    assert repr(made) == f"<Histogram 'bank0': COUNTING, 15 counts, {axes}>"
    assert "\\n" in repr(shown(np.zeros(10), (tof(10),), name="two\nlines"))
    assert "dim_0: no bins" in repr(shown(np.zeros(0), (Axis(np.array([]), "", ""),)))
