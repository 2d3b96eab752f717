"""A histogram as a JSON object: everything that was received comes back."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from unit.beats import NASTY
from unit.shown import AXES, NOW_MS, of_type, shown, tof

from histsvc.client import Axis, Histogram, HistogramInfo
from histsvc.view.line import json_object


def through_json(histogram: Histogram, *, counts: bool = True) -> Any:
    return json.loads(json.dumps(json_object(histogram, counts=counts), allow_nan=False))


@pytest.mark.parametrize("kind", AXES)
def test_everything_comes_back(kind: str) -> None:
    offsets = {"data": {0: 12, 1: 34}}
    histogram = of_type(kind, name=NASTY, offsets=offsets, rate=0.1, data_age_ms=3, warning="late")
    read = through_json(histogram)
    assert list(read) == [
        "topic",
        "id",
        "timestamp_ns",
        "schema",
        "source",
        "state",
        "info",
        "axes",
        "counts",
    ]
    assert read["topic"] == "output"
    assert read["id"] == NASTY
    assert read["timestamp_ns"] == NOW_MS * 1_000_000
    assert (read["schema"], read["source"], read["state"]) == ("hs00", "histsvc", "COUNTING")
    assert HistogramInfo.from_json(json.dumps(read["info"])) == histogram.info
    assert "error_message" not in read["info"]
    for told, axis in zip(read["axes"], histogram.axes, strict=True):
        assert (told["label"], told["unit"]) == (axis.label, axis.unit)
        np.testing.assert_array_equal(told["edges"], axis.edges)
    np.testing.assert_array_equal(read["counts"], histogram.counts)


def test_without_counts_there_are_no_edges_either() -> None:
    read = through_json(of_type("hist2d"), counts=False)
    assert "counts" not in read
    assert read["axes"] == [{"label": "time of flight", "unit": "ns"}, {"label": "pixel id", "unit": ""}]


def test_an_id_is_there_where_none_was_configured() -> None:
    read = through_json(of_type("hist1d", name="", job="job7", index=3))
    assert (read["id"], read["info"]["id"]) == ("job7/3", "")


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        (np.array([0.0, 3.0]), "[0, 3]"),
        (np.array([0.0, float(2**53)]), f"[0, {2**53}]"),
        (np.array([2**64 - 1, 1], np.uint64), f"[{2**64 - 1}, 1]"),
        (np.array([0.5, 1.0]), "[0.5, 1.0]"),
        (np.array([np.nan, 1.0]), "[null, 1.0]"),
        (np.array([-np.inf, np.inf]), "[null, null]"),
        (np.array([1e19, 1.0]), "[1e+19, 1.0]"),
    ],
)
def test_counts_are_whole_numbers_where_they_can_be(counts: npt.NDArray[Any], told: str) -> None:
    histogram = Histogram("output", "hs00", "x", 0, of_type("hist1d").info, (tof(2),), counts)
    assert json.dumps(json_object(histogram)["counts"]) == told


def test_edges_that_are_no_numbers_are_null() -> None:
    axis = Axis(np.array([0.0, np.inf, np.nan]), "ns", "time of flight")
    assert through_json(shown(np.zeros(2), (axis,)))["axes"][0]["edges"] == [0, None, None]
