"""Which value gets which colour: the limits are found among the values, or given, and the scale is kept."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from bokeh.models import LinearColorMapper, LogColorMapper
from bokeh.palettes import Viridis256
from hypothesis import given, settings
from hypothesis import strategies as st

from histsvc.view.dashboard.choice import Choice
from histsvc.view.dashboard.colours import Colours
from histsvc.view.dashboard.look import DARK, palette

RANDOM = np.random.default_rng(1)
# A detector with a direct beam: one pixel in a thousand has far more than all others.
BEAM = np.where(np.arange(10_000) % 2_500 == 0, 1e6, RANDOM.integers(1, 100, 10_000)).reshape(100, 100)
GAPS = np.array([[0.0, 0.0, 3.0], [40.0, 0.0, 7.0]])


def limits(
    values: npt.ArrayLike, scale: str = "linear", *, compared: bool = False, **choice: object
) -> tuple[float, float]:
    made = Colours(scale, compared=compared)
    chosen = Choice(scale=scale, **choice)  # type: ignore[arg-type]
    made.limit(np.asarray(values, np.float64), chosen)
    assert made.bar.color_mapper is made.mapper
    return made.mapper.low, made.mapper.high


@pytest.mark.parametrize("quantile", [1.0, 0.999, 0.99, 0.95])
def test_the_highest_colour_is_for_what_all_but_a_part_of_the_bins_stays_below(quantile: float) -> None:
    low, high = limits(BEAM, quantile=quantile)
    assert low == 0
    assert high == pytest.approx(np.quantile(BEAM, quantile))
    assert np.mean(high >= BEAM) >= quantile
    assert (high == 1e6) == (quantile == 1.0)


def test_where_nearly_all_is_empty_what_is_there_is_seen() -> None:
    counts = np.zeros(10_000)
    counts[5] = 8
    assert np.quantile(counts, 0.999) == 0
    for scale in ("linear", "square root"):
        assert limits(counts, scale) == (0, 8)
    assert limits(counts, "log") == (8, 80)


def test_on_a_log_scale_it_begins_with_the_least_that_is_there() -> None:
    assert limits(GAPS, "log", quantile=1.0) == (3, 40)
    assert limits(GAPS / 1e6, "log", quantile=1.0) == pytest.approx((3e-6, 40e-6))


@pytest.mark.parametrize("values", [np.zeros((3, 3)), np.empty((0, 3))])
@pytest.mark.parametrize("scale", ["linear", "log", "square root"])
def test_where_there_is_nothing_there_are_colours_all_the_same(
    values: npt.NDArray[np.float64], scale: str
) -> None:
    for compared in (False, True):
        low, high = limits(values, scale, compared=compared)
        assert low < high
        assert np.isfinite([low, high]).all()
        assert low > 0 or scale != "log" or compared


@settings(deadline=None)
@given(
    values=st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=20),
    scale=st.sampled_from(["linear", "log", "square root"]),
    quantile=st.sampled_from([1.0, 0.999, 0.95]),
    compared=st.booleans(),
)
def test_limits_are_in_order_and_what_a_scale_can_show(
    values: list[float], scale: str, quantile: float, compared: bool
) -> None:
    low, high = limits(values, scale, quantile=quantile, compared=compared)
    assert low < high
    assert low > 0 or scale != "log" or compared


def test_what_falls_short_of_zero_is_seen() -> None:
    assert limits([-4, 0, 10], quantile=1.0) == (-4, 10)


def test_given_limits_are_kept() -> None:
    assert limits(BEAM, limits=(5.0, 17.0)) == (5, 17)
    assert limits(BEAM, compared=True, limits=(5.0, 17.0)) == (5, 17)
    assert limits(BEAM, "log", limits=(5.0, 17.0)) == (5, 17)
    low, high = limits(BEAM, "log", limits=(0.0, 17.0))
    assert 0 < low < high == 17


@pytest.mark.parametrize("sign", [1, -1])
def test_a_difference_is_shown_with_zero_in_the_middle(sign: int) -> None:
    values = sign * np.array([-2.0, 0.0, 30.0])
    assert limits(values, compared=True, quantile=1.0) == (-30, 30)
    noise = RANDOM.normal(0, 10, 10_000)
    noise[7] = 1e9
    low, high = limits(noise, compared=True, quantile=0.99)
    assert high == -low == pytest.approx(np.quantile(np.abs(noise), 0.99))


def test_a_difference_has_colours_of_its_own_on_every_scale() -> None:
    for scale in ("linear", "log", "square root"):
        mapper = Colours(scale, compared=True).mapper
        assert isinstance(mapper, LinearColorMapper)
        less, same, more = (_rgb(mapper.palette[at]) for at in (16, 128, 239))
        assert less[2] > less[0]  # blue
        assert more[0] > more[2]  # red
        assert min(same) > 200


def _rgb(colour: str) -> list[int]:
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]


def test_a_log_scale_is_logarithmic_and_what_is_zero_has_its_lowest_colour() -> None:
    made = Colours("log", compared=False)
    assert isinstance(made.mapper, LogColorMapper)
    assert made.mapper.low_color == made.mapper.nan_color == made.mapper.palette[0] == Viridis256[0]
    for scale in ("linear", "square root"):
        assert isinstance(Colours(scale, compared=False).mapper, LinearColorMapper)


def test_the_square_root_of_a_value_says_its_colour() -> None:
    colours = palette("square root")
    parts = np.linspace(0, 1, 101)
    found = [Viridis256.index(colours[round(part * (len(colours) - 1))]) for part in parts]
    np.testing.assert_allclose(found, np.sqrt(parts) * 255, atol=3)
    assert palette("linear") == palette("log") == tuple(Viridis256)


def test_the_bar_has_the_colours_of_the_page() -> None:
    made = Colours("linear", compared=False)
    made.paint(DARK)
    assert made.bar.background_fill_color == DARK.ground
    assert made.bar.major_label_text_color == DARK.ink
