"""Made-up events fall into bins, every one of them, in a schema that carries them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from fakes import config_of
from streaming_data_types import DESERIALISERS
from unit.simulated_bench import ALL, EVENTS, counted, spec_of, wish

from histsvc.protocol.info import HistogramInfo
from histsvc.sources.simulated_log import TopicLog
from histsvc.wire import INPUT_SERIALISERS, ev42, ev44

KINDS = ("hist1d", "hist2d", "dethist", "roihist")
LOSSES = ("underflow", "overflow", "filtered", "out_of_window", "undecodable", "other_schema")
FAR = {"tof_range": [3e9, 4e9], "det_range": [3_000_000_000, 3_000_000_011], "left_edges": [3_000_000_000]}
BELOW = {"tof_range": [-90, -10], "det_range": [-12, -1], "left_edges": [-12, -8, -4]}
CASES: list[tuple[str, dict[str, Any], Sequence[str]]] = [
    *((kind, {}, schemas) for kind in KINDS for schemas in (["ev42"], ["ev44"], EVENTS)),
    *((kind, {"source": " bank\t"}, EVENTS) for kind in KINDS),
    *((kind, FAR, schemas) for kind in KINDS for schemas in (["ev42"], EVENTS)),
    *((kind, BELOW, schemas) for kind in KINDS for schemas in (["ev44"], EVENTS)),
    ("hist1d", {}, ALL),
    ("hist1d", {}, ["da00"]),
    ("hist1d", {"tof_range": [1e10, 2e10]}, ALL),
    ("hist1d", {"tof_range": [0.2, 0.8]}, ALL),
    ("hist1d", {"tof_range": [0.1, 1e15], "det_range": [5, 5], "num_bins": 1000}, EVENTS),
    ("hist1d", {"tof_range": [-1e15, 1e15], "det_range": [-1e300, 1e300]}, ["ev42"]),
    ("hist1d", {"tof_range": [7, 7], "num_bins": 1}, EVENTS),
    ("hist1d", {"tof_range": [7.25, 7.25], "num_bins": 1}, EVENTS),
    ("hist1d", {"tof_range": [2**31 - 0.5] * 2, "num_bins": 1}, ["ev44"]),
    ("hist2d", {"tof_range": [-0.5] * 2, "det_range": [2.5] * 2, "num_bins": 1}, ["ev42"]),
    ("hist1d", {"det_range": [1.2, 1.8]}, EVENTS),
    ("hist1d", {"tof_range": [-5, -1], "det_range": [2**31, 2**32]}, EVENTS),
    ("hist1d", {"tof_range": [2**32 - 1.5, 1e10]}, EVENTS),
    ("hist1d", {"region": {"left_edges": [-3, 2**32 - 2, -100], "width": 5}}, ["ev42"]),
    ("hist1d", {"region": {"left_edges": [70, -9, 70], "width": 2**32}}, EVENTS),
    ("hist1d", {"region": {"left_edges": [2**31], "width": 4}}, ["ev44"]),
    ("hist1d", {"region": {"left_edges": [5], "width": 3}}, ["da00"]),
    ("hist2d", {"tof_range": [0.9, 1.1], "det_range": [3, 3], "num_bins": [1, 2]}, ["ev42"]),
    ("hist2d", {"tof_range": [-1e12, 1e12], "det_range": [-3, 2**40]}, ["ev42"]),
    ("dethist", {"det_range": [2**31 - 1, 2**33], "width": 1, "height": 1}, EVENTS),
    ("dethist", {"det_range": [-7, -7], "width": 5, "height": 3}, ["ev42"]),
    ("dethist", {"det_range": [2**32 - 4, 2**33], "width": 5, "height": 3}, ["ev42"]),
    ("roihist", {"left_edges": [-3, 2**32 - 2, -100], "width": 5}, ["ev42"]),
    ("roihist", {"left_edges": [2**31 - 1], "width": 1}, EVENTS),
    ("roihist", {"left_edges": [2**32 - 1], "width": 9}, EVENTS),
]


def lost(info: HistogramInfo) -> dict[str, int]:
    return {name: value for name in LOSSES if (value := getattr(info, name))}


@pytest.mark.parametrize(("kind", "changes", "schemas"), CASES)
def test_every_event_is_counted(kind: str, changes: dict[str, Any], schemas: Sequence[str]) -> None:
    (info,) = counted(spec_of(kind, schemas, **changes))
    assert (info.sum, info.messages, lost(info)) == (12 * 200, 12, {})
    assert not info.warning


@pytest.mark.parametrize(
    ("kind", "changes", "schemas", "schema"),
    [
        *((kind, {}, EVENTS, "ev44") for kind in KINDS),
        *((kind, {}, ["ev42"], "ev42") for kind in KINDS),
        *((kind, FAR, EVENTS, "ev42") for kind in KINDS),
        *((kind, BELOW, ALL, "ev44") for kind in KINDS),
        ("hist1d", {}, ALL, "ev44"),
        ("hist1d", {}, ["da00"], "da00"),
        ("hist1d", {}, ["da00", "ev42"], "ev42"),
        ("hist1d", {"tof_range": [1e10, 2e10]}, ALL, "da00"),
        ("hist1d", {"tof_range": [0.2, 0.8]}, ALL, "da00"),
        ("hist1d", BELOW, ["da00", "ev42"], "da00"),
        ("hist2d", {}, ALL, "ev44"),
    ],
)
def test_the_first_schema_that_carries_the_numbers(
    kind: str, changes: dict[str, Any], schemas: Sequence[str], schema: str
) -> None:
    log = TopicLog("events", [wish(kind, schemas, **changes)], INPUT_SERIALISERS)
    assert {log.message(number)[4:8] for number in range(20)} == {schema.encode()}


@pytest.mark.parametrize(
    ("kind", "changes", "schemas", "where"),
    [
        ("hist1d", {"tof_range": [1e10, 2e10]}, EVENTS, "underflow"),
        ("hist1d", {"tof_range": [-2e10, -1e10]}, EVENTS, "overflow"),
        ("hist1d", {"tof_range": [-20, -10]}, ["ev42"], "overflow"),
        ("hist1d", FAR, ["ev44"], "underflow"),
        ("hist2d", {"tof_range": [-20, -10], "det_range": [3e9, 4e9]}, EVENTS, "underflow"),
        ("dethist", BELOW, ["ev42"], "filtered"),
    ],
)
def test_what_cannot_be_carried_comes_as_near_as_may_be(
    kind: str, changes: dict[str, Any], schemas: Sequence[str], where: str
) -> None:
    (info,) = counted(spec_of(kind, schemas, **changes))
    assert lost(info) == {where: 12 * 200}


def test_the_nearest_numbers_are_those_at_the_ends_of_the_schema() -> None:
    wanted = wish("hist2d", ["ev42"], tof_range=[-20, -10], det_range=[-5, -3])
    pulse = ev42.deserialise(TopicLog("events", [wanted], INPUT_SERIALISERS).message(1))
    assert set(pulse.tof_ns.tolist()) == set(pulse.pixel_id.tolist()) == {0}
    wanted = wish("hist2d", ["ev44"], tof_range=[3e9, 4e9], det_range=[2.9e9, 1e300])
    pulse = ev44.deserialise(TopicLog("events", [wanted], INPUT_SERIALISERS).message(1))
    assert set(pulse.tof_ns.tolist()) == set(pulse.pixel_id.tolist()) == {2**31 - 1}


def test_a_detector_that_is_not_carried_as_a_whole_is_filled_where_it_is() -> None:
    _, pixel_id = config_of("dethist", det_range=[-7, 0], width=5, height=3).simulated(
        np.random.default_rng(1), 5000
    )
    assert np.unique(pixel_id).tolist() == list(range(8))


def test_a_histogram_that_no_schema_fits_is_refused() -> None:
    for kind, schemas in (("hist2d", ["da00"]), ("hist1d", []), ("hist1d", ["f144"])):
        with pytest.raises(ValueError, match="no events can be made up"):
            TopicLog("events", [wish(kind, schemas)], INPUT_SERIALISERS)


def test_a_message_says_whose_it_is_and_when() -> None:
    histograms = [wish("dethist", ["ev44"], source=" bank "), wish("hist1d", ["ev42"])]
    log = TopicLog("events", histograms, INPUT_SERIALISERS)
    first, second = ev44.deserialise(log.message(1000)), ev42.deserialise(log.message(1001))
    assert (first.source, first.reference_time_ns) == ("bank", 20_000 * 1_000_000)
    assert (second.source, second.reference_time_ns) == ("simulation", 20_020 * 1_000_000)
    assert first.tof_ns.size == first.pixel_id.size == second.tof_ns.size == 200
    assert 0 <= first.tof_ns.min() <= first.tof_ns.max() <= 71_428_570


def test_a_frame_has_the_edges_of_the_histogram() -> None:
    wanted = wish("hist1d", ["da00"], tof_range=[0.1, 71.3], num_bins=77, source="monitor")
    read = DESERIALISERS["da00"](TopicLog("events", [wanted], INPUT_SERIALISERS).message(50))
    assert (read.source_name, read.timestamp_ns) == ("monitor", 1_000_000_000)
    (edges,) = (variable.data for variable in read.data if variable.name != "signal")
    np.testing.assert_array_equal(edges, np.histogram_bin_edges([], 77, (0.1, 71.3)))


def test_histograms_of_a_topic_have_their_turns() -> None:
    infos = counted(
        spec_of("hist1d", source="a"),
        spec_of("dethist", index=1, source="b"),
        spec_of("roihist", index=2, source="c"),
    )
    assert [(info.sum, info.messages, info.filtered) for info in infos] == [(800, 12, 1600)] * 3


def test_overlapping_rows_count_twice() -> None:
    (info,) = counted(spec_of("roihist", left_edges=[1, 1], width=4))
    assert (info.sum, lost(info)) == (2 * 2400, {})


@pytest.mark.parametrize("kind", KINDS)
def test_every_bin_of_some_width_has_a_share(kind: str) -> None:
    config = config_of(kind, tof_range=[0, 9], num_bins=10 if kind == "hist1d" else [10, 12])
    tof_ns, pixel_id = config.simulated(np.random.default_rng(1), 20_000)
    if config.needs_tof:
        shares = np.bincount(tof_ns, minlength=10)
        assert shares.min() > 0
        assert shares[3:7].sum() > shares[:3].sum() + shares[7:].sum()
    if config.needs_pixel:
        assert np.unique(pixel_id).tolist() == list(range(1, 13))
