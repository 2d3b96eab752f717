"""An image as it is drawn: what is at a place of the screen is the right pixel, however it is turned."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from bokeh.models import Image as ImageGlyph
from bokeh.models import Rect, Text
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.dashboards import histogram_of, image_of, of_type, pixels, sized, source, tof, with_info

from histsvc.client import Axis, Histogram
from histsvc.view.dashboard.choice import Choice
from histsvc.view.dashboard.image import Image
from histsvc.view.dashboard.look import DARK, LIGHT
from histsvc.view.dashboard.reference import Reference
from histsvc.view.dashboard.regions import Rectangle
from histsvc.view.dashboard.shown import Shown

TURNS = [Choice(turns=turns, mirrored=mirrored) for turns in range(4) for mirrored in (False, True)]
IDS = [f"{choice.turns}{'m' if choice.mirrored else ''}" for choice in TURNS]
COUNTS = np.random.default_rng(1).permutation(8 * 5).reshape(8, 5)
# Where to look at a pixel of the screen: at no edge of what is drawn.
INSIDE = 0.37
Counts = npt.NDArray[Any]


class Drawn:
    """An image on a screen of some pixels: columns from the left, rows from the top."""

    def __init__(
        self, histogram: Histogram, choice: Choice | None = None, *, width: int = 60, height: int = 40
    ) -> None:
        self.histogram, self.choice = histogram, choice or Choice()
        self.image = Image(histogram, LIGHT, self.choice)
        self.width, self.height = width, height
        self.figure = sized(self.image.figure, width, height)
        self.draw()

    def draw(self, reference: Reference | None = None, **keys: Any) -> None:
        shown: dict[str, Any] = {"before": None, "seconds": 0.0, "scale": 1.0, **keys}
        self.image.update(Shown(self.histogram.counts, **shown), self.choice, reference)

    @property
    def picture(self) -> dict[str, Any]:
        """The rows that are drawn, from `y` upwards, and where they are drawn."""
        data = source(self.figure, ImageGlyph).data
        return {name: column[0] for name, column in data.items()}

    def place(self, column: float, row: float) -> tuple[float, float]:
        """The coordinates of what is at a place of the screen."""
        across, up = self.figure.x_range, self.figure.y_range
        return (
            across.start + column / self.width * (across.end - across.start),
            up.end + row / self.height * (up.start - up.end),
        )

    def at(self, column: float, row: float) -> float:
        """The value that is seen at a place of the screen; NaN beside the picture."""
        x, y = self.place(column, row)
        there = self.picture
        rows = there["image"]
        i = int(np.floor((y - there["y"]) / there["dh"] * rows.shape[0]))
        j = int(np.floor((x - there["x"]) / there["dw"] * rows.shape[1]))
        inside = 0 <= i < rows.shape[0] and 0 <= j < rows.shape[1]
        return float(rows[i, j]) if inside else np.nan

    def screen(self) -> Counts:
        """What is seen in each pixel of the screen."""
        rows, columns = np.arange(self.height) + INSIDE, np.arange(self.width) + INSIDE
        return np.array([[self.at(column, row) for column in columns] for row in rows])


def turned(counts: Counts, choice: Choice) -> Counts:
    """What is to be seen of counts [x][y], rows from the top: numpy turns it."""
    upright = counts.T[::-1]
    return np.rot90(upright[:, ::-1] if choice.mirrored else upright, choice.turns)


def expected(counts: Counts, choice: Choice, width: int, height: int) -> Counts:
    """Pixels as squares, as large as they fit, in the middle of the screen."""
    rows = turned(counts, choice)
    each = min(width / rows.shape[1], height / rows.shape[0])
    i = np.floor((np.arange(height) + INSIDE - height / 2) / each + rows.shape[0] / 2).astype(int)
    j = np.floor((np.arange(width) + INSIDE - width / 2) / each + rows.shape[1] / 2).astype(int)
    framed = np.pad(rows.astype(float), 1, constant_values=np.nan)
    return framed[np.ix_(np.clip(i + 1, 0, rows.shape[0] + 1), np.clip(j + 1, 0, rows.shape[1] + 1))]


@pytest.mark.parametrize("choice", TURNS, ids=IDS)
def test_at_each_place_of_the_screen_is_the_right_pixel(choice: Choice) -> None:
    for width, height in ((60, 40), (31, 83)):
        drawn = Drawn(image_of(COUNTS), choice, width=width, height=height)
        np.testing.assert_array_equal(drawn.screen(), expected(COUNTS, choice, width, height))


@pytest.mark.parametrize("choice", TURNS, ids=IDS)
def test_what_has_units_fills_the_screen_and_its_axes_are_turned_with_it(choice: Choice) -> None:
    histogram = of_type("hist2d")  # 7 times of flight, 4 groups of pixel ids
    drawn = Drawn(histogram, choice, width=84, height=56)
    rows = turned(histogram.counts, choice)
    whole = np.kron(rows, np.ones((56 // rows.shape[0], 84 // rows.shape[1])))
    np.testing.assert_array_equal(drawn.screen(), whole)
    labels = drawn.figure.xaxis.axis_label, drawn.figure.yaxis.axis_label
    assert ("time of flight" in labels[choice.swaps], "pixel id" in labels[not choice.swaps]) == (True, True)


@pytest.mark.parametrize("choice", TURNS, ids=IDS)
def test_a_region_is_marked_around_its_pixels_with_its_name_at_the_top_left(choice: Choice) -> None:
    region = Rectangle(1, 2, 4, 2)
    inside = np.zeros((8, 5))
    inside[1:5, 2:4] = 1
    drawn = Drawn(image_of(inside), choice)
    drawn.image.mark({"r": region})
    box, label = source(drawn.figure, Rect).data, source(drawn.figure, Text).data
    assert label["name"] == ["r"]
    x, y, width, height = (box[name][0] for name in ("x", "y", "width", "height"))
    places = [[drawn.place(j + INSIDE, i + INSIDE) for j in range(drawn.width)] for i in range(drawn.height)]
    found = [[abs(a - x) < width / 2 and abs(b - y) < height / 2 for a, b in row] for row in places]
    np.testing.assert_array_equal(found, drawn.screen() == 1)
    rows, columns = np.nonzero(found)
    corner = drawn.place(columns.min(), rows.min())
    assert (label["left"][0], label["top"][0]) == pytest.approx(corner, abs=0.2)  # a pixel
    drawn.image.mark({})
    assert source(drawn.figure, Rect).data["name"] == []


@settings(max_examples=40, deadline=None)
@given(
    corners=st.tuples(st.floats(-20, 90), st.floats(-20, 90), st.floats(-20, 70), st.floats(-20, 70)),
    choice=st.sampled_from(TURNS),
)
def test_a_part_that_is_looked_at_has_the_means_of_its_bins(
    corners: tuple[float, ...], choice: Choice
) -> None:
    counts = np.random.default_rng(3).integers(0, 100, (80, 60)).astype(float)
    drawn = Drawn(image_of(counts), choice, width=16, height=12)
    x, y = sorted(corners[:2]), sorted(corners[2:])
    across, up = (y, x) if choice.swaps else (x, y)
    drawn.figure.x_range.update(start=across[0], end=across[1] + 0.5)
    drawn.figure.y_range.update(start=up[1] + 0.5, end=up[0])
    drawn.draw()
    there = drawn.picture
    low = [there["x"], there["y"]][:: -1 if choice.swaps else 1]
    high = [there["x"] + there["dw"], there["y"] + there["dh"]][:: -1 if choice.swaps else 1]
    values = there["image"] if choice.swaps else there["image"].T
    steps = [round((b - a) / n) for a, b, n in zip(low, high, values.shape, strict=True)]
    # The last block is drawn as long as all others; it has only what can be seen.
    ends = [int(np.clip(np.ceil(b + 0.5), 1, n)) for (_, b), n in zip((x, y), counts.shape, strict=True)]
    for (i, j), value in np.ndenumerate(values):
        a, b = round(low[0]) + i * steps[0], round(low[1]) + j * steps[1]
        block = counts[a : min(a + steps[0], max(ends[0], a + 1)), b : min(b + steps[1], max(ends[1], b + 1))]
        assert value == pytest.approx(block.mean(), rel=1e-6)


def test_what_is_looked_at_closely_is_drawn_pixel_by_pixel_and_no_more_of_it() -> None:
    counts = np.arange(1_000_000.0).reshape(1000, 1000)
    drawn = Drawn(image_of(counts), width=500, height=250)
    assert drawn.picture["image"].shape == (250, 500)  # all of it, as fine as the screen
    drawn.figure.x_range.update(start=100.5, end=120)
    drawn.figure.y_range.update(start=900, end=1200)
    drawn.draw()
    np.testing.assert_array_equal(drawn.picture["image"], counts[100:120, 900:1000].T)
    assert [drawn.picture[name] for name in ("x", "y", "dw", "dh")] == [100, 900, 20, 100]


@pytest.mark.parametrize("choice", TURNS, ids=IDS)
def test_it_is_as_fine_as_the_screen_is_wide_and_high(choice: Choice) -> None:
    counts = np.arange(1600.0).reshape(40, 40)
    drawn = Drawn(histogram_of(counts, (tof(40), tof(40))), choice, width=10, height=20)
    assert drawn.picture["image"].shape == (20, 10)


def test_whoever_has_zoomed_stays_there_when_the_picture_changes_its_size() -> None:
    drawn = Drawn(image_of(COUNTS))
    sized(drawn.figure, 80, 40)
    drawn.draw()
    assert (drawn.figure.x_range.start, drawn.figure.x_range.end) == (-1, 9)  # pixels stay squares
    drawn.figure.x_range.update(start=2, end=3)
    sized(drawn.figure, 60, 40)
    drawn.draw()
    assert (drawn.figure.x_range.start, drawn.figure.x_range.end) == (2, 3)


def test_values_are_of_the_last_seconds_per_second_and_less_a_reference() -> None:
    before = np.minimum(COUNTS, 7)
    reference = Reference(np.full(COUNTS.shape, 6.0), 3.0, "")
    drawn = Drawn(image_of(COUNTS), Choice(per_s=True, reference=True))
    drawn.draw(before=before, scale=0.5)
    np.testing.assert_allclose(drawn.picture["image"].T, (COUNTS - before) * 0.5)
    drawn.draw(reference, before=before, scale=0.5)
    np.testing.assert_allclose(drawn.picture["image"].T, (COUNTS - before) * 0.5 - 2)
    mapper = drawn.image.colours.mapper
    assert mapper.low == -mapper.high
    drawn.choice = Choice(reference=True)
    drawn.draw(reference)
    np.testing.assert_array_equal(drawn.picture["image"].T, COUNTS - 6)
    np.testing.assert_array_equal(drawn.histogram.counts, COUNTS)


@pytest.mark.parametrize(("most", "dtype"), [(2**24 - 1, np.float32), (2**24 + 1, np.float64)])
def test_counts_are_exact_in_as_few_bytes_as_they_need(most: int, dtype: type) -> None:
    image = Drawn(image_of([[0, most], [1, 2]])).picture["image"]
    assert image.dtype == dtype
    assert image[1, 0] == most


def test_bins_of_different_widths_are_drawn_where_they_lie() -> None:
    axes = (Axis(np.array([0.0, 1.0, 2.0, 4.0]), "K", "a"), Axis(np.array([0.0, 1.0]), "", "b"))
    drawn = Drawn(histogram_of(np.array([[5.0], [6.0], [7.0]]), axes), width=12, height=1)
    seen = drawn.screen()[0]
    assert {seen[1], seen[4], seen[7], seen[11]} == {5, 7}
    assert (seen[6:] == 7).all()


def test_what_it_can_show_without_being_made_anew() -> None:
    image = Drawn(image_of(COUNTS)).image
    same = image_of(COUNTS * 2)
    assert image.fits(same, Choice(per_s=True, window_s=10, limits=(0, 1), quantile=1.0))
    for change in (Choice(scale="log"), Choice(turns=1), Choice(mirrored=True), Choice(reference=True)):
        assert not image.fits(same, change)
    assert not image.fits(image_of(COUNTS.T), Choice())
    assert not image.fits(histogram_of(COUNTS, (pixels(8), tof(5))), Choice())
    assert not image.fits(of_type("hist1d"), Choice())
    assert image.fits(with_info(same, generation=2), Choice())


def test_it_has_the_colours_of_the_page() -> None:
    drawn = Drawn(image_of(COUNTS))
    drawn.image.paint(DARK)
    assert drawn.figure.background_fill_color == drawn.image.colours.bar.background_fill_color == DARK.ground
