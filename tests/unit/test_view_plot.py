"""A histogram in its Axes: what is drawn is what was counted, where it was counted."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib import colormaps
from unit.shown import AXES, Drawn, of_type, pixel_ids, pixels, shown, tof

from histsvc.client import Axis, Histogram

IMAGES = ["hist2d", "dethist", "roihist"]
COLOURS = colormaps["viridis"]


def rgb(level: float) -> tuple[int, ...]:
    return tuple(map(int, COLOURS(level, bytes=True)[:3]))


@pytest.mark.parametrize("log", [False, True])
def test_steps_are_the_counts_over_readable_edges(log: bool) -> None:
    histogram = of_type("hist1d")
    drawn = Drawn(histogram, log=log)
    values, edges, _ = drawn.steps
    np.testing.assert_array_equal(values, histogram.counts)
    np.testing.assert_allclose(edges, np.linspace(0, 71, 11))
    assert drawn.axes.get_xlabel() == "time of flight (ms)"
    assert drawn.axes.get_ylabel() == "counts per 7.1 ms"
    assert drawn.axes.get_xlim() == (0, 71)
    assert drawn.axes.get_yscale() == ("log" if log else "linear")
    low, high = drawn.axes.get_ylim()
    assert low == 0 if not log else 0 < low < 1
    assert high > histogram.counts.max()


def test_bins_that_are_not_equal_have_no_width() -> None:
    uneven = Axis(np.array([0.0, 1e6, 4e6]), "ns", "time of flight")
    assert Drawn(shown(np.array([1.0, 2.0]), (uneven,))).axes.get_ylabel() == "counts per bin"


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("kind", IMAGES)
def test_images_are_the_counts_over_their_edges(kind: str, log: bool) -> None:
    histogram = of_type(kind)
    drawn = Drawn(histogram, log=log)
    np.testing.assert_array_equal(drawn.image, histogram.counts)
    (bar,) = drawn.axes.child_axes
    assert bar.get_ylabel() == "counts"
    low, high = drawn.colours.get_clim()
    assert (low, high) == (0.5 if log else 0, histogram.counts.max())
    width, height = histogram.counts.shape
    expected = (0, 71, 1, 4097) if kind == "hist2d" else (0, width, 0, height)
    assert drawn.colours.get_extent() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("kind", "x", "y", "labels"),
    [
        ("hist2d", 5.5 / 7 * 71, 1 + 0.5 * 1024, ("time of flight (ms)", "pixel id")),
        ("dethist", 5.5, 0.5, ("x (pixel)", "y (pixel)")),
        ("roihist", 5.5, 0.5, ("x (pixel)", "row (pixel)")),
    ],
)
@pytest.mark.parametrize("log", [False, True])
def test_a_hot_bin_is_seen_where_it_is(
    kind: str, x: float, y: float, labels: tuple[str, str], log: bool
) -> None:
    histogram = of_type(kind)
    histogram.counts[...] = 0
    histogram.counts[5, 0] = 1000
    drawn = Drawn(histogram, log=log)
    assert drawn.colour_at(x, y) == rgb(1.0)
    bins = [axis.edges[-1] - axis.edges[0] for axis in histogram.axes]
    across, up = (width / size for width, size in zip(bins, histogram.counts.shape, strict=True))
    across /= 1e6 if kind == "hist2d" else 1
    for there in ((x - across, y), (x, y + up), (x - across, y + up)):
        assert drawn.colour_at(*there) == rgb(0.0)
    assert (drawn.axes.get_xlabel(), drawn.axes.get_ylabel()) == labels


def test_a_log_scale_tells_one_count_from_none() -> None:
    drawn = Drawn(shown(np.array([[0.0, 1], [10, 100]]), (pixels(2), pixels(2))), log=True)
    none, one, more = (drawn.colour_at(*at) for at in ((0.5, 0.5), (0.5, 1.5), (1.5, 0.5)))
    assert none == rgb(0.0)
    assert len({none, one, more}) == 3


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("kind", AXES)
@pytest.mark.parametrize("count", [0, 7])
def test_all_counts_alike(kind: str, log: bool, count: int) -> None:
    """Warnings are errors: scales that have no extent would give some."""
    histogram = of_type(kind)
    histogram.counts[...] = count
    drawn = Drawn(histogram, log=log)
    limits = drawn.axes.get_ylim() if kind == "hist1d" else drawn.colours.get_clim()
    assert limits[0] < limits[1]
    assert limits[0] <= count <= limits[1] or (log and not count)


@pytest.mark.parametrize(
    ("width", "height", "aspect"),
    [(8, 5, 1), (200, 10, 1), (10, 200, 1), (201, 10, "auto"), (9, 200, "auto")],
)
def test_detectors_have_their_true_aspect_unless_too_long(
    width: int, height: int, aspect: float | str
) -> None:
    drawn = Drawn(shown(np.zeros((width, height)), (pixels(width), pixels(height, "y"))))
    assert drawn.axes.get_aspect() == aspect
    if aspect == 1:
        box = drawn.axes.get_window_extent()
        assert box.width / box.height == pytest.approx(width / height)


def test_times_and_pixel_ids_fill_their_place() -> None:
    assert Drawn(of_type("hist2d")).axes.get_aspect() == "auto"


def test_uneven_edges_are_where_they_are() -> None:
    uneven = Axis(np.array([0.0, 1e6, 10e6]), "ns", "time of flight")
    drawn = Drawn(shown(np.array([[1.0, 1], [9, 1]]), (uneven, pixel_ids(2))))
    np.testing.assert_array_equal(drawn.image, [[1, 1], [9, 1]])
    for x, level in ((0.9, 0.0), (1.1, 1.0), (9.9, 1.0)):
        assert drawn.colour_at(x, 1024) == pytest.approx(rgb(level), abs=1)


@pytest.mark.parametrize("kind", AXES)
def test_an_update_changes_what_is_there(kind: str) -> None:
    drawn = Drawn(of_type(kind))
    before = [*drawn.axes.get_children(), *drawn.axes.child_axes]
    newer = of_type(kind, seed=2)
    newer.counts[...] += 3
    drawn.update(newer)
    assert [*drawn.axes.get_children(), *drawn.axes.child_axes] == before
    most = newer.counts.max()
    if kind == "hist1d":
        np.testing.assert_array_equal(drawn.steps[0], newer.counts)
        assert drawn.axes.get_ylim() == (0, pytest.approx(1.05 * most))
    else:
        np.testing.assert_array_equal(drawn.image, newer.counts)
        assert drawn.colours.get_clim() == (3, most)
    assert not drawn.plot.update(newer)


def test_who_has_zoomed_in_stays_there() -> None:
    drawn = Drawn(of_type("hist1d"))
    home = drawn.axes._get_view()  # what the toolbar's home button goes back to
    drawn.axes.set_ylim(2, 3)
    newer = shown(np.full(10, 1e6), AXES["hist1d"], name="hist1d")
    drawn.update(newer)
    assert drawn.axes.get_ylim() == (2, 3)
    drawn.axes._set_view(home)
    drawn.update(shown(np.full(10, 2e6), AXES["hist1d"], name="hist1d"))
    assert drawn.axes.get_ylim() == (0, 2.1e6)


@pytest.mark.parametrize(
    "other",
    [
        shown(np.zeros(20), (tof(20),)),
        shown(np.zeros(10), (tof(10, 5e6),)),
        shown(np.zeros(10), (Axis(tof(10).edges, "us", "time of flight"),)),
        shown(np.zeros((10, 3)), (tof(10), pixel_ids(3))),
        shown(np.zeros(10), AXES["hist1d"], name="another"),
        shown(np.full(10, np.nan), AXES["hist1d"]),
    ],
)
def test_another_shape_does_not_fit(other: Histogram) -> None:
    plot = Drawn(shown(np.ones(10), AXES["hist1d"])).plot
    assert plot.fits(shown(np.zeros(10), AXES["hist1d"]))
    assert not plot.fits(other)


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (shown(np.zeros((2, 2, 2)), (pixels(2),) * 3), "3 dimensions"),
        (shown(np.zeros(()), ()), "0 dimensions"),
        (shown(np.zeros(3), (tof(4),)), "do not fit"),
        (shown(np.zeros(4), (tof(4), tof(4))), "do not fit"),
        (shown(np.zeros(0), (tof(0),)), "do not fit"),
        (shown(np.zeros(2), (Axis(np.array([0.0, 2, 1]), "ns", ""),)), "not ascending"),
        (shown(np.array([1, np.nan]), (tof(2),)), "not finite"),
    ],
)
def test_what_cannot_be_drawn_says_why(other: Histogram, why: str) -> None:
    drawn = Drawn(other)
    assert why in drawn.message.get_text()
    assert drawn.message.get_visible()
