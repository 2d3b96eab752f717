"""Histograms as objects of hist, xarray and scipp: exactly the same counts and edges."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import hist
import numpy as np
import pytest
import scipp
import xarray
from unit.client_bench import published
from unit.shown import AXES, of_type, shown, tof

from histsvc.client import Axis, Histogram, MissingExtraError, SettingsError, histogram

LARGE = 2**53


def received(kind: str, *, integers: bool = False) -> Histogram:
    """As it comes from a service, with names of axes."""
    return histogram("output", published("bank0", 7, kind=kind, schema="hs01", integers=integers))


def integers(counts: list[int], dtype: type) -> Histogram:
    return shown(np.array(counts, dtype), (replace(tof(len(counts)), name="tof"),))


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("kind", AXES)
def test_hist_has_the_same_counts_and_edges(kind: str, whole: bool) -> None:
    given = received(kind, integers=whole)
    made = given.to_hist()
    np.testing.assert_array_equal(made.values(), given.counts)
    np.testing.assert_array_equal(made.variances(), given.counts)
    assert made.values().dtype == (np.int64 if whole else np.float64)
    assert made.sum() == made.sum(flow=True) == given.counts.sum()
    assert made.name == "bank0"
    assert made.axes.name == given.dims
    for axis, own in zip(made.axes, given.axes, strict=True):
        np.testing.assert_array_equal(axis.edges, own.edges)
        assert axis.metadata == {"unit": own.unit}
        assert axis.label == (f"{own.label} [{own.unit}]" if own.unit else own.label)


def test_hist_can_be_sliced_by_value_and_projected() -> None:
    given = received("hist2d")
    projected = given.to_hist().project("tof")
    assert isinstance(projected, hist.Hist)
    np.testing.assert_array_equal(projected.values(), given.counts.sum(axis=1))
    edge = float(given.axes[0].edges[2])
    cut = projected[hist.loc(edge) :]
    assert isinstance(cut, hist.Hist)
    assert cut.sum() == given.counts[2:].sum()


def test_hist_holds_integers_that_float64_does_not() -> None:
    assert integers([LARGE + 1, 2], np.uint64).to_hist().values().tolist() == [LARGE + 1, 2]


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("kind", AXES)
def test_xarray_has_the_same_counts_and_edges(kind: str, whole: bool) -> None:
    given = received(kind, integers=whole)
    made = given.to_xarray()
    np.testing.assert_array_equal(made.values, given.counts)
    assert (made.dtype, made.dims, made.name) == (given.counts.dtype, given.dims, "bank0")
    for name, axis in zip(given.dims, given.axes, strict=True):
        np.testing.assert_array_equal(made[name], (axis.edges[1:] + axis.edges[:-1]) / 2)
        np.testing.assert_array_equal(made[f"{name}_lower"], axis.edges[:-1])
        np.testing.assert_array_equal(made[f"{name}_upper"], axis.edges[1:])
        assert made[name].attrs == {"units": axis.unit, "long_name": axis.label}


def test_xarray_is_selected_by_value_with_its_edges() -> None:
    given = received("hist1d")
    edges = given.axes[0].edges
    part = given.to_xarray().sel(tof=slice(float(edges[2]), float(edges[5])))
    np.testing.assert_array_equal(part, given.counts[2:5])
    assert (float(part.tof_lower[0]), float(part.tof_upper[-1])) == (edges[2], edges[5])
    assert float(given.to_xarray().sel(tof=float(edges[3]) + 1, method="nearest")) == given.counts[3]


def test_xarray_tells_what_netcdf_can_store() -> None:
    given = of_type("hist1d", warning="w")
    told = given.to_xarray().attrs
    assert (told["units"], told["state"], told["topic"]) == ("counts", "COUNTING", "output")
    assert json.loads(told["info"]) == json.loads(given.info.to_json())
    assert {type(value) for value in told.values()} == {str, int}


def test_what_is_done_to_an_xarray_is_not_done_to_the_histogram() -> None:
    given = of_type("hist1d")
    before = given.counts.copy()
    given.to_xarray()[:] = -1
    given.to_hist()[...] = -1
    given.to_scipp().values[:] = -1
    np.testing.assert_array_equal(given.counts, before)


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("kind", AXES)
def test_scipp_has_the_same_counts_and_edges(kind: str, whole: bool) -> None:
    given = received(kind, integers=whole)
    made = given.to_scipp()
    np.testing.assert_array_equal(made.values, given.counts)
    np.testing.assert_array_equal(made.variances, given.counts)
    assert (made.dims, made.name, made.unit) == (given.dims, "bank0", scipp.units.counts)
    for name, axis in zip(given.dims, given.axes, strict=True):
        assert made.coords.is_edges(name, name)
        np.testing.assert_array_equal(made.coords[name].values, axis.edges)
        assert made.coords[name].unit == (scipp.Unit("ns") if axis.unit == "ns" else scipp.units.one)


def test_scipp_is_sliced_by_value_with_units() -> None:
    given = received("hist2d")
    low, high = (scipp.scalar(float(given.axes[0].edges[number]), unit="ns") for number in (1, 3))
    part = given.to_scipp()["tof", low:high].sum()
    assert (part.value, part.variance) == (given.counts[1:3].sum(),) * 2


def test_scipp_refuses_what_it_cannot_say() -> None:
    unknown = shown(np.zeros(2), (Axis(np.arange(3.0), "bananas", "t", "t"),))
    with pytest.raises(ValueError, match="axis t: scipp does not know the unit 'bananas'"):
        unknown.to_scipp()
    assert integers([LARGE, 2], np.int64).to_scipp().values.tolist() == [LARGE, 2]
    with pytest.raises(ValueError, match=f"bank0: counts up to {LARGE + 1} are more than float64 holds"):
        integers([LARGE + 1, 2], np.int64).to_scipp()


@pytest.mark.parametrize(
    ("library", "extra", "convert"),
    [
        ("hist", "hist", Histogram.to_hist),
        ("xarray", "xarray", Histogram.to_xarray),
        ("scipp", "scipp", Histogram.to_scipp),
        ("matplotlib", "view", Histogram.plot),
    ],
)
def test_what_is_missing_is_named_with_its_extra(
    library: str, extra: str, convert: Callable[[Histogram], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(
        MissingExtraError, match=rf"needs {library}: pip install 'histsvc\[{extra}\]'"
    ) as caught:
        convert(of_type("hist1d"))
    assert isinstance(caught.value, ImportError)
    assert isinstance(caught.value, SettingsError)


def test_types_are_those_of_the_libraries() -> None:
    given = of_type("dethist")
    assert isinstance(given.to_hist(), hist.Hist)
    assert isinstance(given.to_xarray(), xarray.DataArray)
    assert isinstance(given.to_scipp(), scipp.DataArray)
