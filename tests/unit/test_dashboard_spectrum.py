"""A spectrum as it is drawn: its columns are what numpy makes of the counts, on either scale."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from bokeh.models import Quad, Step, Whisker
from unit.dashboards import histogram_of, sized, source

from histsvc.client import Axis
from histsvc.view.dashboard.choice import Choice
from histsvc.view.dashboard.look import DARK, LIGHT
from histsvc.view.dashboard.reference import Reference
from histsvc.view.dashboard.shown import Shown
from histsvc.view.dashboard.spectrum import Spectrum

COUNTS = np.array([0.0, 4.0, 100.0, 9.0, 1.0])
MANY = np.random.default_rng(2).poisson(50, 1200).astype(np.float64)


class Drawn:
    """Counts in bins of 1 ms, drawn 600 pixels wide."""

    def __init__(self, counts: npt.NDArray[np.float64], choice: Choice | None = None, **shown: Any) -> None:
        self.axis = Axis(np.arange(counts.size + 1.0), "ms", "time")
        self.choice = choice or Choice()
        self.histogram = histogram_of(counts, (self.axis,))
        self.spectrum = Spectrum(self.histogram, LIGHT, self.choice)
        self.figure = sized(self.spectrum.figure, 600, 200)
        self.draw(counts, **shown)

    def draw(self, counts: npt.NDArray[np.float64], reference: Reference | None = None, **shown: Any) -> None:
        values: dict[str, Any] = {"before": None, "seconds": 0.0, "scale": 1.0, **shown}
        self.spectrum.update(Shown(counts, **values), self.choice, reference)

    @property
    def bars(self) -> dict[str, npt.NDArray[np.float64]]:
        return {name: np.asarray(column) for name, column in source(self.figure, Quad).data.items()}

    def steps(self, number: int = 0) -> dict[str, Any]:
        found: dict[str, Any] = source(self.figure, Step, number).data
        return found

    def up(self) -> tuple[float, float]:
        return self.figure.y_range.start, self.figure.y_range.end

    @property
    def whisker(self) -> Any:
        return self.figure.select_one({"type": Whisker})


def test_bars_and_steps_are_the_counts() -> None:
    drawn = Drawn(COUNTS)
    bars = drawn.bars
    np.testing.assert_array_equal(bars["value"], COUNTS)
    np.testing.assert_array_equal(bars["y"], COUNTS)
    np.testing.assert_array_equal(bars["bin"], np.arange(5))
    np.testing.assert_array_equal(bars["left"], np.arange(5))
    np.testing.assert_array_equal(bars["right"], np.arange(1, 6))
    np.testing.assert_array_equal(bars["middle"], np.arange(5) + 0.5)
    np.testing.assert_array_equal(bars["floor"], np.zeros(5))
    np.testing.assert_array_equal(drawn.steps()["x"], np.arange(6))
    np.testing.assert_array_equal(drawn.steps()["y"], [*COUNTS, COUNTS[-1]])
    assert len(drawn.steps(1)["x"]) == 0
    assert "ms" in drawn.figure.xaxis.axis_label
    assert drawn.figure.yaxis.axis_label == "counts per 1 ms"
    assert (drawn.figure.x_range.start, drawn.figure.x_range.end) == (0, 5)


@pytest.mark.parametrize("scale", [1.0, 0.25])
def test_errors_are_those_of_what_came(scale: float) -> None:
    before = np.array([0.0, 1.0, 19.0, 9.0, 0.0])
    bars = Drawn(COUNTS, Choice(per_s=True, window_s=10), before=before, scale=scale).bars
    gained = COUNTS - before
    np.testing.assert_allclose(bars["value"], gained * scale)
    np.testing.assert_allclose(bars["error"], np.sqrt(gained) * scale)
    np.testing.assert_allclose(bars["upper"], (gained + np.sqrt(gained)) * scale)
    np.testing.assert_allclose(bars["lower"], (gained - np.sqrt(gained)) * scale)


def test_on_a_log_scale_what_is_zero_lies_below_the_picture_and_is_told_as_it_is() -> None:
    drawn = Drawn(COUNTS, Choice(scale="log"))
    bars, (low, high) = drawn.bars, drawn.up()
    assert (low, high) == (0.5, 200)
    for name in ("y", "floor", "upper", "lower"):
        assert (bars[name] > 0).all(), name
    assert 0 < bars["y"][0] < low
    assert (bars["floor"] < low).all()
    np.testing.assert_array_equal(bars["y"][1:], COUNTS[1:])
    np.testing.assert_array_equal(bars["value"], COUNTS)
    assert 0 < bars["lower"][4] < low  # 1 ± 1
    assert (np.asarray(drawn.steps()["y"]) > 0).all()
    rate = Drawn(COUNTS, Choice(scale="log", per_s=True), scale=1e-3)
    assert rate.up() == pytest.approx((0.5e-3, 0.2))


def test_on_a_log_scale_a_lowest_limit_of_zero_does_no_harm() -> None:
    drawn = Drawn(COUNTS, Choice(scale="log", limits=(0.0, 50.0)))
    assert 0 < drawn.up()[0] < drawn.up()[1] == 50
    for name in ("y", "floor", "upper", "lower"):
        assert (drawn.bars[name] > 0).all(), name


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_limits_follow_the_values_or_are_those_given(scale: str) -> None:
    drawn = Drawn(COUNTS, Choice(scale=scale))
    assert drawn.up()[1] > 100
    drawn.draw(COUNTS * 10)
    assert drawn.up()[1] > 1000
    drawn.choice = replace(drawn.choice, limits=(2.0, 7.0))
    drawn.draw(COUNTS)
    assert drawn.up() == (2, 7)
    empty = Drawn(np.zeros(3), Choice(scale=scale))
    assert empty.up()[0] < empty.up()[1]
    no_time = Drawn(COUNTS, Choice(scale=scale, per_s=True), scale=0.0)
    assert no_time.up()[0] < no_time.up()[1]


def test_whoever_has_zoomed_stays_there_until_the_reset() -> None:
    drawn = Drawn(COUNTS)
    drawn.figure.y_range.update(start=3, end=4)
    drawn.draw(COUNTS * 10)
    assert drawn.up() == (3, 4)
    reset = drawn.figure.y_range.reset_start, drawn.figure.y_range.reset_end
    assert reset == (0, pytest.approx(1060))
    drawn.figure.y_range.update(start=reset[0], end=reset[1])
    drawn.draw(COUNTS * 20)
    assert drawn.up()[1] == pytest.approx(2120)


def test_more_bins_than_pixels_are_drawn_as_means() -> None:
    drawn = Drawn(np.repeat(MANY, 2))
    bars = drawn.bars
    assert bars["value"].size == 600
    np.testing.assert_allclose(bars["value"], np.repeat(MANY, 2).reshape(600, 4).mean(axis=1))
    np.testing.assert_allclose(bars["left"], np.arange(0, 2400, 4))
    np.testing.assert_allclose(bars["right"], np.arange(4, 2404, 4))
    np.testing.assert_array_equal(bars["bin"], np.arange(0, 2400, 4))
    np.testing.assert_allclose(drawn.steps()["x"], np.arange(0, 2404, 4))


def test_the_error_of_a_mean_is_that_of_all_its_counts() -> None:
    bars = Drawn(MANY).bars
    sums = MANY.reshape(600, 2).sum(axis=1)
    np.testing.assert_allclose(bars["value"], sums / 2)
    np.testing.assert_allclose(bars["error"], np.sqrt(sums) / 2)


def test_what_is_looked_at_closely_is_drawn_bin_by_bin() -> None:
    drawn = Drawn(MANY)
    drawn.figure.x_range.update(start=100.5, end=200)
    drawn.draw(MANY)
    np.testing.assert_array_equal(drawn.bars["value"], MANY[100:200])
    np.testing.assert_array_equal(drawn.bars["bin"], np.arange(100, 200))
    np.testing.assert_allclose(drawn.steps()["x"], np.arange(100, 201))
    assert drawn.whisker.visible


def test_errors_are_drawn_where_they_can_be_told_from_the_line() -> None:
    for bins, visible in ((600, True), (601, False)):
        drawn = Drawn(MANY[:bins])
        sized(drawn.figure, 2000, 200)
        drawn.draw(MANY[:bins])
        assert drawn.whisker.visible == visible


def test_a_reference_is_drawn_beside_them_as_fine() -> None:
    drawn = Drawn(MANY)
    drawn.draw(MANY, Reference(MANY[::-1], 4.0, ""))
    means = MANY[::-1].reshape(600, 2).mean(axis=1)
    np.testing.assert_allclose(drawn.steps(1)["y"], [*means, means[-1]])
    np.testing.assert_array_equal(drawn.steps(1)["x"], drawn.steps()["x"])
    drawn.choice = Choice(per_s=True)
    drawn.draw(MANY, Reference(MANY[::-1], 4.0, ""), scale=0.1)
    np.testing.assert_allclose(drawn.steps(1)["y"][:-1], means / 4)
    drawn.draw(MANY)
    assert len(drawn.steps(1)["x"]) == len(drawn.steps(1)["y"]) == 0


def test_a_reference_that_is_higher_lies_in_the_picture() -> None:
    drawn = Drawn(COUNTS)
    drawn.draw(COUNTS, Reference(COUNTS * 10, 4.0, ""))
    assert drawn.up()[1] >= 1000


def test_bins_of_different_widths_lie_where_they_are() -> None:
    edges = np.array([0.0, 1e6, 3e6, 10e6])
    histogram = histogram_of(np.array([1.0, 2.0, 3.0]), (Axis(edges, "ns", "time of flight"),))
    made = Spectrum(histogram, LIGHT, Choice())
    made.update(Shown(histogram.counts, None, 0.0, 1.0), Choice(), None)
    bars = source(made.figure, Quad).data
    np.testing.assert_allclose(bars["left"], edges[:-1] / 1e6)
    np.testing.assert_allclose(bars["right"], edges[1:] / 1e6)
    assert made.figure.yaxis.axis_label == "counts per bin"


def test_what_it_can_show_without_being_made_anew() -> None:
    drawn = Drawn(COUNTS)
    for choice, fits in ((Choice(per_s=True), True), (Choice(scale="log"), False)):
        assert drawn.spectrum.fits(drawn.histogram, choice) == fits
    same = drawn.axis.edges
    for edges, fits in ((same.copy(), True), (same * 2, False), (np.arange(7.0), False)):
        other = histogram_of(np.zeros(edges.size - 1), (Axis(edges, "ms", "time"),))
        assert drawn.spectrum.fits(other, Choice()) == fits
    image = histogram_of(np.zeros((5, 5)), (drawn.axis, drawn.axis))
    assert not drawn.spectrum.fits(image, Choice())


def test_it_has_the_colours_of_the_page() -> None:
    drawn = Drawn(COUNTS)
    drawn.spectrum.paint(DARK)
    assert drawn.figure.background_fill_color == DARK.ground
    assert drawn.whisker.line_color == DARK.error
