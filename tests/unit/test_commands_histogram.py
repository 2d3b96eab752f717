"""The keys of each type of histogram: what is allowed, and how the rest is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fakes import raw_config
from unit.requests import KINDS, NEEDED, accepted, config, refused, refused_key

from histsvc.histograms.dethist import DethistConfig
from histsvc.histograms.hist1d import Hist1dConfig
from histsvc.histograms.hist2d import Hist2dConfig
from histsvc.protocol.config import config_request


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_needed_must_be_there(kind: str) -> None:
    for key in [*NEEDED[kind], "data_brokers", "data_topics", "topic", "type"]:
        raw = raw_config(kind)
        raw.pop(key, None)
        error = refused(config(raw))
        assert error.field == f"histograms[0].{key}"


@pytest.mark.parametrize("kind", KINDS)
def test_keys_of_other_types_are_not_even_looked_at(kind: str) -> None:
    foreign = {key for keys in NEEDED.values() for key in keys} - set(NEEDED[kind]) - {"det_range"}
    nonsense: dict[str, Any] = {key: {"nonsense": [None]} for key in foreign}
    request = config_request(config({**raw_config(kind), **nonsense}))
    assert request.warnings == ()


@pytest.mark.parametrize("kind", ["hist1d", "dethist"])
def test_whole_numbers_may_be_written_with_a_point(kind: str) -> None:
    key = "num_bins" if kind == "hist1d" else "width"
    value = getattr(accepted(kind, **{key: 50.0}), key)
    assert (value, type(value)) == (50, int)


@pytest.mark.parametrize("value", [True, False, "50", "", None, 0, -1, 0.5, 50.5, [50], {}])
@pytest.mark.parametrize(
    ("kind", "key"), [("hist1d", "num_bins"), ("dethist", "height"), ("roihist", "width")]
)
def test_counts_that_are_none(kind: str, key: str, value: Any) -> None:
    error = refused_key(kind, key, value)
    assert error.field == f"histograms[1].{key}"
    assert json.dumps(value) in error.message


@pytest.mark.parametrize("value", [True, "5", None, 0, 1.5, [5], [5, 5, 5], [5, 0], [5, True], [], {}])
def test_bins_of_a_hist2d_that_are_none(value: Any) -> None:
    refused_key("hist2d", "num_bins", value)


def test_a_wrong_number_of_bins_for_both_axes_is_blamed_on_the_key_as_it_was_sent() -> None:
    assert refused_key("hist2d", "num_bins", 0).field == "histograms[1].num_bins"


def test_bins_of_a_hist2d_for_each_axis_or_for_both() -> None:
    configs: list[Hist2dConfig] = [accepted("hist2d", num_bins=value) for value in (7, [7, 3], [7.0, 3])]
    assert [made.num_bins for made in configs] == [(7, 7), (7, 3), (7, 3)]


@pytest.mark.parametrize("value", [None, 5, "ab", [1], [1, 2, 3], [2, 1], [True, 2], ["1", 2], [None, 2], {}])
@pytest.mark.parametrize(
    ("kind", "key"), [("hist1d", "tof_range"), ("hist2d", "det_range"), ("dethist", "det_range")]
)
def test_ranges_that_are_none(kind: str, key: str, value: Any) -> None:
    refused_key(kind, key, value)


def test_ranges_may_be_broken_negative_and_equal() -> None:
    made: Hist1dConfig = accepted("hist1d", tof_range=[-1.5, -1.5], det_range=[0.5, 2**40])
    assert (made.tof_range, made.det_range) == ((-1.5, -1.5), (0.5, 2.0**40))


def test_the_first_pixel_of_a_dethist_is_whole_and_its_last_does_not_matter() -> None:
    refused_key("dethist", "det_range", [0.5, 7])
    made: DethistConfig = accepted("dethist", det_range=[3, 3.25])
    assert made.bins == 12


@pytest.mark.parametrize("value", [[], None, 5, [1, "2"], [True], [1.5], [[1]], [2**32], [-(2**31) - 1], {}])
def test_left_edges_that_are_none(value: Any) -> None:
    refused_key("roihist", "left_edges", value)


REGION = {"left_edges": [5, 1, 5], "width": 3}


@pytest.mark.parametrize(
    ("region", "where"),
    [
        ({"left_edges": [1]}, ".width"),
        ({"width": 3}, ".left_edges"),
        ({**REGION, "left_edges": []}, ".left_edges"),
        ({**REGION, "left_edges": None}, ".left_edges"),
        ({**REGION, "left_edges": [1, 2**32]}, ".left_edges[1]"),
        ({**REGION, "left_edges": [-(2**31) - 1]}, ".left_edges[0]"),
        ({**REGION, "left_edges": [1.5]}, ".left_edges[0]"),
        ({**REGION, "width": 0}, ".width"),
        ({**REGION, "width": "3"}, ".width"),
        ({**REGION, "width": 2**31 + 2**32 + 1}, ".width"),
        ({**REGION, "height": 3}, ".height"),
        ({}, ".left_edges"),
        ([[1], 3], ""),
        (5, ""),
    ],
)
def test_regions_of_a_spectrum_that_are_none(region: Any, where: str) -> None:
    error = refused_key("hist1d", "region", region)
    assert error.field == f"histograms[1].region{where}"


def test_a_region_has_whole_numbers_anywhere_in_32_bits() -> None:
    made: Hist1dConfig = accepted(region={"left_edges": [2**32 - 1, -(2**31), 7.0], "width": 50.0})
    assert made.region is not None
    assert (made.region.left_edges, made.region.width) == ((2**32 - 1, -(2**31), 7), 50)


def test_a_spectrum_has_a_region_or_a_det_range() -> None:
    message = refused(config(raw_config("hist1d", region=REGION, det_range=[3, 9]))).message
    for part in ("histograms[0].region", json.dumps(REGION), "det_range ([3.0, 9.0])"):
        assert part in message
    first: Hist1dConfig = accepted(region=REGION, det_range=None)
    other: Hist1dConfig = accepted(region=None, det_range=[3, 9])
    assert (first.det_range, other.region) == (None, None)


@pytest.mark.parametrize("kind", ["hist2d", "dethist", "roihist"])
def test_a_region_is_a_key_of_spectra(kind: str) -> None:
    request = config_request(config(raw_config(kind, region="nonsense")))
    assert (request.warnings, request.histograms[0].config.told()) == ((), accepted(kind).told())


@pytest.mark.parametrize("value", [0, -1, True, "500", 0.5])
def test_publish_intervals_that_are_none(value: Any) -> None:
    refused_key("hist1d", "publish_interval_ms", value)
    assert accepted(publish_interval_ms=250.0).publish_interval_ms == 250


def test_an_error_shows_no_more_than_the_beginning_of_what_was_sent() -> None:
    for key in ("num_bins", "type", "input_schema", "topic"):
        assert len(refused_key("hist1d", key, "x" * 100_000).message) < 1000
