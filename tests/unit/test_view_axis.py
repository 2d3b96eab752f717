"""Axes for people: units, labels and widths of bins."""

from __future__ import annotations

import numpy as np
import pytest

from histsvc.client import Axis
from histsvc.view import axis


def tof(last_ns: float, bins: int = 10) -> Axis:
    return Axis(np.linspace(0, last_ns, bins + 1), "ns", "time of flight")


@pytest.mark.parametrize(
    ("last_ns", "last", "unit"),
    [
        (999.0, 999.0, "ns"),
        (1e3, 1.0, "\u00b5s"),
        (9.99e5, 999.0, "\u00b5s"),
        (71_000_000, 71.0, "ms"),
        (1e9, 1.0, "s"),
        (6e13, 60_000.0, "s"),
    ],
)
def test_times_are_in_the_largest_unit_that_they_reach(last_ns: float, last: float, unit: str) -> None:
    edges, named = axis.readable(tof(last_ns))
    assert named == unit
    np.testing.assert_allclose(edges, np.linspace(0, last, 11))


def test_negative_times_count_too() -> None:
    edges, unit = axis.readable(Axis(np.array([-5e6, 0.0]), "ns", ""))
    assert (edges.tolist(), unit) == ([-5.0, 0.0], "ms")


@pytest.mark.parametrize("unit", ["pixel", "", "us"])
def test_other_units_stay(unit: str) -> None:
    edges = np.linspace(1, 4e9, 5)
    read, named = axis.readable(Axis(edges, unit, "x"))
    assert (read.tolist(), named) == (edges.tolist(), unit)


@pytest.mark.parametrize(
    ("given", "title"),
    [
        (tof(7e7), "time of flight (ms)"),
        (Axis(np.arange(3.0), "", "pixel id"), "pixel id"),
        (Axis(np.arange(3.0), "pixel", ""), "pixel"),
        (Axis(np.arange(3.0), "", ""), ""),
    ],
)
def test_titles_have_the_unit(given: Axis, title: str) -> None:
    assert axis.title(given) == title


@pytest.mark.parametrize(
    ("given", "width"),
    [
        (tof(1e7), "1 ms"),
        (tof(71_000_000, 100), "710 \u00b5s"),
        (tof(100.0, 8), "12.5 ns"),
        # Rounding of edges at which a float64 has 2 ns between its neighbours: 10 of them are no less even.
        (Axis(1.7e16 + np.linspace(0, 1000, 8), "ns", ""), "142.9 ns"),
        (Axis(np.arange(5.0), "pixel", "x"), "1 pixel"),
        (Axis(np.linspace(1, 4097, 65), "", "pixel id"), "64 pixel id"),
        (Axis(np.arange(3.0), "", ""), "1"),
        (Axis(np.array([0.0, 1e6, 3e6]), "ns", ""), ""),
        (Axis(np.array([]), "ns", ""), ""),
    ],
)
def test_widths_of_bins_have_a_unit_of_their_own(given: Axis, width: str) -> None:
    assert axis.bin_width(given) == width
