"""What is drawn with the mouse becomes the histogram that counts just that, and is found again by it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fakes import config_of, raw_config

from histsvc.protocol.config import config_request
from histsvc.view.dashboard.regions import (
    Range,
    Rectangle,
    found,
    free_name,
    hist1d,
    rectangle,
    roihist,
    row_starts,
)

IMAGE: dict[str, Any] = config_of("dethist", det_range=[100, 111], width=4, height=3).told() or {}
ROWS: dict[str, Any] = config_of("roihist", left_edges=[10, 30, 50], width=5).told() or {}
SPECTRUM: dict[str, Any] = config_of("hist1d", source="monitor", det_range=[3, 9]).told() or {}


def accepted(histogram: dict[str, Any]) -> Any:
    """The configuration that the service makes of it."""
    (request,) = config_request({"cmd": "add", "histograms": [histogram]}).histograms
    return request.config


@pytest.mark.parametrize(
    ("corners", "expected"),
    [
        ((1.2, 0.0, 2.9, 1.0), Rectangle(1, 0, 2, 1)),
        ((2.9, 1.0, 1.2, 0.0), Rectangle(1, 0, 2, 1)),
        ((-5, -5, 99, 99), Rectangle(0, 0, 4, 3)),
        ((3.5, 2.5, 3.6, 2.6), Rectangle(3, 2, 1, 1)),
        ((5, 0, 9, 3), None),
        ((2, 1, 2, 1), None),
    ],
)
def test_a_rectangle_is_the_whole_pixels_that_it_touches(
    corners: tuple[float, ...], expected: Rectangle | None
) -> None:
    assert rectangle(corners, (4, 3)) == expected


def test_a_region_of_a_detector_counts_the_pixels_that_lie_in_it() -> None:
    config = accepted(roihist(IMAGE, Rectangle(1, 1, 2, 2), "region"))
    assert (config.type, config.left_edges, config.width) == ("roihist", (105, 109), 2)
    ids = np.arange(100, 112).reshape(3, 4)  # [y][x]
    inside = {first + i for first in config.left_edges for i in range(config.width)}
    assert inside == set(ids[1:3, 1:3].ravel().tolist())
    assert (config.id, config.topic, config.data_topics) == ("region", IMAGE["topic"], ("events",))


def test_a_region_of_a_region_counts_what_lies_in_both() -> None:
    made = roihist(ROWS, Rectangle(2, 1, 3, 2), "inner")
    assert (made["left_edges"], made["width"]) == ([32, 52], 3)
    assert found(ROWS, made) == Rectangle(2, 1, 3, 2)


@pytest.mark.parametrize(
    "region",
    [Rectangle(-1, 0, 2, 2), Rectangle(0, 0, 5, 1), Rectangle(0, 2, 1, 2), Rectangle(0, 0, 0, 1)],
)
def test_what_does_not_lie_inside_is_refused(region: Rectangle) -> None:
    with pytest.raises(ValueError, match="must lie inside of the image of 4 by 3 pixels"):
        roihist(IMAGE, region, "r")


def test_regions_are_of_images_and_ranges_of_spectra() -> None:
    with pytest.raises(ValueError, match="a hist1d is none"):
        roihist(SPECTRUM, Rectangle(0, 0, 1, 1), "r")
    with pytest.raises(ValueError, match="a dethist is none"):
        hist1d(IMAGE, Range(0, 1), 10, "r")
    with pytest.raises(ValueError, match="end behind its begin"):
        hist1d(SPECTRUM, Range(5, 5), 10, "r")


def test_a_range_of_a_spectrum_counts_the_same_events_more_closely() -> None:
    config = accepted(hist1d(SPECTRUM, Range(10.5, 20.0), 40, "range"))
    assert (config.tof_range, config.num_bins, config.det_range) == ((10.5, 20.0), 40, (3, 9))
    assert (config.source, config.id) == ("monitor", "range")


def test_where_a_region_lies_is_told_by_what_it_counts() -> None:
    region = Rectangle(1, 0, 3, 2)
    made = roihist(IMAGE, region, "region")
    assert found(IMAGE, made) == region
    assert row_starts(IMAGE) == [100, 104, 108]


@pytest.mark.parametrize(
    "change",
    [
        {"left_edges": [101, 106]},  # no rectangle
        {"left_edges": [99, 103]},
        {"width": 4},  # over the edge
        {"left_edges": [109, 113]},  # below the last row
        {"data_topics": ["other"]},
        {"source": "other"},
        {"type": "dethist"},
        {"left_edges": []},
    ],
)
def test_what_is_no_rectangle_of_the_image_is_not_drawn_in_it(change: dict[str, Any]) -> None:
    made = roihist(IMAGE, Rectangle(1, 0, 3, 2), "region")
    assert found(IMAGE, made) is not None
    assert found(IMAGE, {**made, **change}) is None
    assert found(SPECTRUM, made) is None


def test_names_are_those_that_nobody_has() -> None:
    assert free_name("a", []) == "a-1"
    assert free_name("a", ["a-1", "a-3", "a-2"]) == "a-4"


def test_what_was_asked_for_is_told_without_the_keys_of_other_types() -> None:
    assert raw_config("dethist").keys() > IMAGE.keys() >= {"type", "det_range", "width", "height"}
    assert "left_edges" not in IMAGE
