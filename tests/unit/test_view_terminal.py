"""Pictures in a terminal: nothing is longer or higher than asked for, and everything is where it belongs."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.style import Style
from unit.shown import AXES, of_type, pixel_ids, pixels, shown, tof

from histsvc.client import Axis
from histsvc.view.terminal import picture

SIZES = [(80, 24), (30, 9), (21, 5), (8, 3), (200, 60)]
HALF = "\u2580"


def image(counts: npt.NDArray[Any], columns: int, rows: int, **keys: Any) -> list[str]:
    axes = (pixels(counts.shape[0]), pixels(counts.shape[1], "y"))
    return picture(shown(counts, axes), columns, rows, **keys).plain.split("\n")


def brightness(counts: npt.NDArray[Any], columns: int, rows: int) -> npt.NDArray[np.int64]:
    """Red, green and blue together of each pixel, as [row from the top][column]; -1 beside the image."""
    axes = (pixels(counts.shape[0]), pixels(counts.shape[1], "y"))
    drawn = picture(shown(counts, axes), columns, rows)
    found = np.full((2 * (rows - 1), columns), -1)
    console = Console(width=columns, color_system="truecolor", force_terminal=True)
    for row, line in enumerate(console.render_lines(drawn, pad=False)[:-1]):
        cells = [(each, part.style or Style()) for part in line for each in part.text]
        for column, (letter, style) in enumerate(cells):
            if letter == HALF:
                for below, colour in enumerate((style.color, style.bgcolor)):
                    assert colour is not None
                    assert colour.triplet is not None
                    found[2 * row + below, column] = sum(colour.triplet)
    return found


@pytest.mark.parametrize(("columns", "rows"), SIZES)
@pytest.mark.parametrize("colour", [True, False])
@pytest.mark.parametrize("kind", AXES)
def test_pictures_fill_what_they_are_given_and_no_more(
    kind: str, columns: int, rows: int, colour: bool
) -> None:
    lines = picture(of_type(kind), columns, rows, colour=colour).plain.split("\n")
    assert len(lines) == rows
    assert max(map(cell_len, lines)) <= columns


def test_an_image_has_x_to_the_right_and_y_upwards() -> None:
    counts = np.zeros((8, 8))
    counts[7, 0] = counts[7, 1] = 100
    found = brightness(counts, 8, 5)
    assert found.shape == (8, 8)
    assert np.argwhere(found == found.max()).tolist() == [[6, 7], [7, 7]]
    assert found[0, 0] == found.min()


def test_pixels_are_square_and_in_the_middle() -> None:
    found = brightness(np.ones((10, 10)), 40, 6)
    seen = np.argwhere(found >= 0)
    assert np.ptp(seen, axis=0).tolist() == [9, 9]
    assert seen[:, 1].min() == 15


def test_large_images_are_made_smaller_by_their_means() -> None:
    counts = np.zeros((80, 80))
    counts[40:, :] = 1
    found = brightness(counts, 8, 5)
    assert (found[:, 4:] > found[:, :4]).all()


def test_a_few_hot_pixels_do_not_darken_the_others() -> None:
    counts = np.full((64, 64), 100.0)
    counts[0, 0] = 1e9
    found = brightness(counts, 64, 33)
    assert np.median(found) == found.max() > 400


def test_without_counts_an_image_is_dark() -> None:
    found = brightness(np.zeros((8, 8)), 8, 5)
    assert set(found.ravel()) == {4}


def test_without_colours_characters_are_dense_where_counts_are() -> None:
    counts = np.zeros((8, 8))
    counts[4:, :] = 9
    for line in image(counts, 8, 5, colour=False)[:-1]:
        assert line == "    @@@@"


def test_a_spectrum_has_columns_as_high_as_its_counts() -> None:
    counts = np.array([0, 1, 2, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    lines = picture(shown(counts, (tof(16),)), 16, 5).plain.split("\n")
    assert lines[:-1] == [
        "   \u2588       max 4",
        "   \u2588            ",
        "  \u2588\u2588            ",
        " \u2588\u2588\u2588            ",
    ]


def test_the_largest_count_gives_way_where_the_spectrum_is_high() -> None:
    lines = picture(shown(np.arange(16.0), (tof(16),)), 16, 5).plain.split("\n")
    assert "max" not in lines[0]


@pytest.mark.parametrize(
    ("axes", "columns", "expected"),
    [
        ((tof(16),), 40, "time of flight 0\u201371 ms"),
        ((tof(16),), 20, "time of flight"),
        ((tof(16),), 8, "time of\u2026"),
        ((tof(16), pixel_ids(4)), 60, "time of flight 0\u201371 ms \u00d7 pixel id 1\u20134097"),
        ((tof(16), pixel_ids(4)), 30, "time of flight \u00d7 pixel id"),
    ],
)
def test_axes_are_told_as_far_as_there_is_room(axes: tuple[Axis, ...], columns: int, expected: str) -> None:
    counts = np.ones([axis.edges.size - 1 for axis in axes])
    lines = picture(shown(counts, axes), columns, 6).plain.split("\n")
    assert lines[-1].strip() == expected
