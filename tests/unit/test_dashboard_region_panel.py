"""What was drawn with the mouse: its numbers, what lies inside of it, and what is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from bokeh.models import Button
from fakes import config_of
from unit.dashboards import Asked, histogram_of, image_of, named, press, seen_of, tof, told, with_info

from histsvc.client import Histogram
from histsvc.protocol.config import config_request
from histsvc.view.dashboard.cell import Cell
from histsvc.view.dashboard.choice import Choice
from histsvc.view.dashboard.look import LIGHT
from histsvc.view.dashboard.region_panel import RegionPanel
from histsvc.view.dashboard.regions import Rectangle

COUNTS = np.random.default_rng(4).integers(0, 50, (4, 3)).astype(float)
DETECTOR = config_of("dethist", id="det", det_range=[100, 111], width=4, height=3).told() or {}
SPECTRUM = config_of("hist1d", id="tof", tof_range=[0, 71_000_000], num_bins=10).told() or {}


def detector(counts: Any = COUNTS, name: str = "det") -> Histogram:
    return with_info(image_of(counts, name), config=DETECTOR)


def spectrum() -> Histogram:
    return with_info(histogram_of(np.arange(10.0), (tof(10),), name="tof"), config=SPECTRUM)


class Panel:
    """A panel, and what it asks for."""

    def __init__(self, *taken: str, may: bool = True) -> None:
        self.send = Asked()
        self.configs = {name: SPECTRUM if name == "tof" else DETECTOR for name in taken}
        self.panel = RegionPanel(self.send, lambda: self.configs, may=may)
        self.root = self.panel.root

    def draw(self, histogram: Histogram, corners: Sequence[float]) -> Cell:
        cell = Cell(seen_of(histogram), LIGHT, Choice(), self.panel.propose)
        self.panel.propose(cell, corners)
        return cell

    def numbers(self, *titles: str) -> list[float]:
        return [named(self.root, f"region {title}").value for title in titles]

    @property
    def rectangle(self) -> list[float]:
        return self.numbers("First x", "First y", "Width", "Height")

    @property
    def answer(self) -> str:
        return told(self.root, "answer")

    @property
    def inside(self) -> str:
        return told(self.root, "inside")

    def draft(self) -> Any:
        """On which image something is drawn, and where."""
        return self.panel.draft

    def is_open(self) -> bool:
        """Whether the numbers of what was drawn are there."""
        name = named(self.root, "region name")
        return all(each.visible for each in self.root.select({}) if name in each.references())

    def count(self, kind: str = "spectrum", name: str | None = None) -> Any:
        """Have it counted; returns what the service makes of it."""
        if name is not None:
            named(self.root, "region name").value = name
        press(self.root, f"region {kind}")
        (request,) = config_request(self.send.commands[-1]).histograms
        return request.config


def test_a_region_of_an_image_is_told_and_its_image_counted() -> None:
    panel = Panel("det", "det-region-1")
    assert not panel.is_open()
    panel.draw(detector(), (0.6, 1.2, 2.9, 2.4))
    assert panel.is_open()
    assert panel.rectangle == [0, 1, 3, 2]
    assert panel.draft() == ("det", Rectangle(0, 1, 3, 2))
    inside = COUNTS[0:3, 1:3].sum()
    assert f"<b>{inside:,.0f}</b> \u00b1 {np.sqrt(inside):.0f} counts in 6 bins" in panel.inside
    assert f"{100 * inside / COUNTS.sum():.3g} %" in panel.inside
    config = panel.count("image")
    assert (config.type, config.id) == ("roihist", "det-region-2")
    assert (config.left_edges, config.width) == ((104, 108), 3)


def test_its_spectrum_is_counted_over_the_times_of_others() -> None:
    for taken, times, bins in ((("det",), (0, 1e8), 200), (("det", "tof"), (0, 71e6), 10)):
        panel = Panel(*taken)
        panel.draw(detector(), (0, 1, 3, 3))
        config = panel.count()
        assert (config.type, config.id, config.num_bins) == ("hist1d", "det-region-1", bins)
        assert config.tof_range == pytest.approx(times)
        assert (config.region.left_edges, config.region.width) == ((104, 108), 3)
        named(panel.root, "region From").value = 10  # ms
        named(panel.root, "region Bins").value = 7
        config = panel.count()
        assert (config.tof_range[0], config.num_bins) == (10e6, 7)


def test_numbers_can_be_changed_until_it_is_counted() -> None:
    panel = Panel()
    panel.draw(detector(), (0, 0, 1, 1))
    for title, value in (("First x", 2), ("Width", 2), ("Height", 3)):
        named(panel.root, f"region {title}").value = value
    assert panel.draft() == ("det", Rectangle(2, 0, 2, 3))
    assert f"<b>{COUNTS[2:].sum():,.0f}</b>" in panel.inside
    config = panel.count("image", "mine-1")
    assert (config.id, config.left_edges, config.width) == ("mine-1", (102, 106, 110), 2)
    panel.send.answer("ERR", "no such <b>topic</b>")
    assert "ERR" in panel.answer
    assert "no such &lt;b&gt;topic" in panel.answer
    assert panel.draft() is not None
    panel.send.answer("ACK")
    assert "ACK" in panel.answer
    # It is drawn from now on where the histogram says that it lies; the next one has a name of its own.
    assert panel.draft() is None
    assert panel.is_open()
    assert panel.count().id == "mine-2"


def test_what_lies_inside_is_that_of_the_moment() -> None:
    panel = Panel()
    cell = panel.draw(detector(), (0, 0, 4, 3))
    assert f"<b>{COUNTS.sum():,.0f}</b>" in panel.inside
    cell.seen.histogram = detector(COUNTS * 1000)
    panel.panel.tell()
    assert f"<b>{1000 * COUNTS.sum():,.0f}</b>" in panel.inside
    assert "100 % of all" in panel.inside
    cell.seen.histogram = detector(COUNTS * 0)
    panel.panel.tell()
    assert "<b>0</b>" in panel.inside
    assert "%" not in panel.inside


def test_a_range_of_a_spectrum_is_told_in_its_unit_and_counted_in_ns() -> None:
    panel = Panel()
    panel.draw(spectrum(), (35.5, -9.0, 7.1, 1e9))  # bins are 7.1 ms wide
    assert panel.numbers("From", "To") == [7.1, 35.5]
    assert "ms" in named(panel.root, "region From").title
    assert "<b>10</b>" in panel.inside  # 1 + 2 + 3 + 4
    assert "in 4 bins" in panel.inside
    assert panel.draft() is None
    named(panel.root, "region Bins").value = 40
    config = panel.count()
    assert (config.type, config.id, config.num_bins) == ("hist1d", "tof-range-1", 40)
    assert config.tof_range == pytest.approx((7_100_000, 35_500_000))


def test_bins_that_lie_in_a_range_only_partly_are_not_told() -> None:
    panel = Panel()
    panel.draw(spectrum(), (7.2, 0, 28.4, 0))
    assert "<b>5</b>" in panel.inside
    assert "in 2 bins" in panel.inside


@pytest.mark.parametrize(
    ("corners", "expected"),
    [((-5, 0, 10, 0), [0, 10]), ((60, 0, 1e4, 0), [60, 71]), ((-9, 0, 1e4, 0), [0, 71])],
)
def test_a_range_ends_where_the_axis_ends(corners: tuple[float, ...], expected: list[float]) -> None:
    panel = Panel()
    panel.draw(spectrum(), corners)
    assert panel.numbers("From", "To") == expected
    assert panel.count().tof_range == pytest.approx((expected[0] * 1e6, expected[1] * 1e6))


@pytest.mark.parametrize(
    ("made", "corners"), [(spectrum, (80, 0, 90, 0)), (spectrum, (5, 0, 5, 0)), (detector, (9, 9, 12, 12))]
)
def test_what_lies_outside_is_nothing(made: Any, corners: tuple[float, ...]) -> None:
    panel = Panel()
    panel.draw(made(), corners)
    assert not panel.is_open()
    assert panel.draft() is None
    for kind in ("image", "spectrum"):
        press(panel.root, f"region {kind}")
    assert panel.send.commands == []


def test_what_the_service_would_refuse_is_not_sent() -> None:
    panel = Panel()
    panel.draw(detector(), (0, 0, 2, 2))
    named(panel.root, "region Width").value = 400
    for kind in ("image", "spectrum"):
        press(panel.root, f"region {kind}")
        assert "must lie inside" in panel.answer
    for title in ("Width", "To"):
        named(panel.root, f"region {title}").value = None
        press(panel.root, "region spectrum")
        assert "number" in panel.answer
    assert panel.inside == ""
    panel.draw(histogram_of(COUNTS, (tof(4), tof(3)), name="other"), (0, 0, 2, 2))
    press(panel.root, "region image")
    assert "images of pixels" in panel.answer
    assert panel.send.commands == []


def test_what_is_drawn_beside_a_picture_leaves_the_last_as_it_is_or_nothing() -> None:
    panel = Panel()
    panel.draw(detector(), (0, 0, 2, 2))
    panel.draw(detector(), (9, 9, 12, 12))
    press(panel.root, "region image")
    assert panel.send.commands or not panel.is_open()


def test_the_next_one_takes_the_place_of_the_last() -> None:
    panel = Panel()
    panel.draw(spectrum(), (10, 0, 20, 0))
    panel.count()
    panel.send.answer("ERR", "bad")
    panel.draw(detector(name="<i>det</i>"), (0, 0, 2, 2))
    assert panel.answer == ""
    assert "&lt;i&gt;det" in told(panel.root, "heading")
    assert panel.rectangle == [0, 0, 2, 2]
    press(panel.root, "region close")
    assert not panel.is_open()
    assert panel.draft() is None


def test_without_leave_it_tells_and_counts_nothing() -> None:
    panel = Panel(may=False)
    panel.draw(detector(), (0, 0, 4, 3))
    assert f"<b>{COUNTS.sum():,.0f}</b>" in panel.inside
    assert "--allow-commands" in panel.answer
    hidden = [each.name for each in panel.root.select({"type": Button}) if not each.visible]
    assert sorted(hidden) == ["region image", "region spectrum"]
