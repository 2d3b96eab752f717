"""Frames (da00) in a hist1d: what is added where, and what becomes of every message."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fakes import config_of, event_message, tally_of
from unit.frame_bench import BAD, EDGES, Path, counts, frame, ones


def test_equal_edges_are_added_bin_by_bin() -> None:
    filling = Path().take(frame(range(10)), frame([2**40] + [0] * 8 + [3]))
    assert counts(filling) == [2**40, 1, 2, 3, 4, 5, 6, 7, 8, 12]
    assert tally_of(filling) == {"counted": 2**40 + 48, "messages": 2}
    assert (filling.warning, filling.last_pulse_ns) == (None, 7)


@pytest.mark.parametrize(
    ("tof_range", "bins", "dtype", "part"),
    [
        ([0, 714_300_000.0], 7143, "f4", 1.0),
        ([0.1, 71_428_571.4], 1000, "f4", 1.0),
        ([0, 1e8], 50, "f8", 1e3),
        ([0.1, 71_428_571.4], 1000, "f4", 1e3),
    ],
)
def test_edges_that_only_the_wire_has_changed_are_equal(
    tof_range: list[float], bins: int, dtype: str, part: float
) -> None:
    config = config_of("hist1d", tof_range=tof_range, num_bins=bins)
    edges = (config.axes()["time_of_flight"] / part).astype(dtype).astype(np.float64) * part
    filling = Path(config).take(frame(range(bins), edges))
    assert (counts(filling), filling.warning) == (list(range(bins)), None)


def test_other_edges_go_whole_to_the_bin_of_their_centre() -> None:
    filling = Path().take(frame([1, 2, 4, 8], [0, 19, 22, 58, 200 / 3]))
    assert counts(filling) == [1, 0, 2, 0, 4, 0, 8, 0, 0, 0]
    assert tally_of(filling) == {"counted": 15, "messages": 1}
    assert "other bin edges" in (filling.warning or "")


def test_finer_bins_come_together() -> None:
    filling = Path().take(frame(range(40), np.linspace(0, 100, 41)))
    assert counts(filling) == [sum(range(4 * b, 4 * b + 4)) for b in range(10)]


def test_centres_on_edges_belong_to_the_bin_above_and_the_last_bin_is_closed() -> None:
    filling = Path().take(frame([1, 2, 4], [-5, 5, 15, 25]), frame([8, 16], [90, 110, 111]))
    assert counts(filling) == [1, 2, 4, 0, 0, 0, 0, 0, 0, 8]
    assert tally_of(filling) == {"counted": 15, "overflow": 16, "messages": 2}


def test_what_lies_below_or_above_is_underflow_or_overflow() -> None:
    filling = Path().take(frame([1, 2, 4, 8, 16], [-30, -20, -0.5, 0.75, 199, 300]))
    assert tally_of(filling) == {"underflow": 3, "counted": 12, "overflow": 16, "messages": 1}
    assert counts(filling) == [4, 0, 0, 0, 0, 0, 0, 0, 0, 8]


def test_as_many_bins_elsewhere_are_not_equal_edges() -> None:
    filling = Path().take(frame(range(10), EDGES + 10))
    assert (counts(filling), tally_of(filling)["overflow"]) == ([0, *range(9)], 9)


def test_a_frame_of_zeros_changes_nothing_but_the_number_of_messages() -> None:
    filling = Path().take(frame([0] * 10), frame([0, 0], [5, 6, 7]))
    assert (tally_of(filling), filling.warning, filling.last_pulse_ns) == ({"messages": 2}, None, 0)


@pytest.mark.parametrize("payload", BAD)
def test_a_frame_that_cannot_be_read_is_undecodable_and_the_next_counts(payload: bytes) -> None:
    filling = Path().take(payload, frame(ones()), payload)
    assert tally_of(filling) == {"counted": 10, "messages": 3, "undecodable": 2}


@pytest.mark.parametrize("source", ["  monitor ", "monitor"])
def test_the_source_is_compared_without_blanks(source: str) -> None:
    filling = Path(config_of("hist1d", source=source)).take(
        frame(ones(), source="\tmonitor\n"), frame(ones(), source="monitor2"), frame(ones(), source="")
    )
    assert tally_of(filling) == {"counted": 10, "filtered": 20, "messages": 3}


def test_a_frame_outside_of_the_window_is_out_of_it_as_a_whole_also_of_another_source() -> None:
    path = Path(config_of("hist1d", source="monitor"))
    filling = path.take(frame(ones()), frame(ones(), source="x"), frame(ones()), outside=[0, 1])
    assert tally_of(filling) == {"counted": 10, "out_of_window": 20, "messages": 3}


@pytest.mark.parametrize("pixels", [{"det_range": [3, 3]}, {"region": {"left_edges": [3], "width": 1}}])
def test_neither_det_range_nor_region_applies(pixels: dict[str, Any]) -> None:
    filling = Path(config_of("hist1d", **pixels)).take(frame(ones()), event_message("ev44", [5, 5], [3, 4]))
    assert tally_of(filling) == {"counted": 11, "filtered": 1, "messages": 2}


@pytest.mark.parametrize(
    ("schemas", "frames"), [(["ev44"], True), (["ev44"], False), (["ev42", "ev44"], False)]
)
def test_where_a_histogram_does_not_want_frames_they_are_of_another_schema(
    schemas: list[str], frames: bool
) -> None:
    path = Path(schemas=schemas, frames=frames)
    filling = path.take(frame(ones()), BAD[0], event_message("ev44", [5], [1]))
    assert tally_of(filling) == {"counted": 1, "messages": 3, "other_schema": 2}


def test_where_a_histogram_wants_frames_only_events_are_of_another_schema() -> None:
    filling = Path(schemas=["da00"]).take(
        frame(ones()), event_message("ev44", [5], [1]), event_message("ev42", [5], [1])
    )
    assert tally_of(filling) == {"counted": 10, "messages": 3, "other_schema": 2}


def test_the_first_with_other_edges_sets_the_warning_and_a_reset_takes_it_back() -> None:
    path = Path()
    warned = [
        bool(path.take(message).warning) for message in (frame(ones()), frame([3], [1, 2]), frame(ones()))
    ]
    assert warned == [False, True, True]
    (filling,) = path.fillings
    filling.reset()
    assert (filling.warning, sum(counts(filling)), tally_of(filling)) == (None, 0, {})
    path.take(frame(ones()))
    assert (filling.warning, sum(counts(filling))) == (None, 10)


def test_frames_merge_exactly_with_the_warning_of_either() -> None:
    first, second = Path(), Path()
    first.take(frame(range(10)), event_message("ev44", [5, 500], [1, 1]))
    second.take(frame([3], [91, 95]), frame(ones()))
    merged = first.fillings[0].accumulator
    merged.merge(second.fillings[0].accumulator)
    assert counts(first.fillings[0]) == [2, 2, 3, 4, 5, 6, 7, 8, 9, 13]
    assert tally_of(first.fillings[0]) == {"counted": 59, "overflow": 1, "messages": 4}
    assert "other bin edges" in merged.warning
