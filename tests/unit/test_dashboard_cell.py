"""A histogram of the page: its title, what is wrong with it, its picture, and what can be changed about it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from bokeh.events import SelectionGeometry
from bokeh.models import Image as ImageGlyph
from bokeh.models import Quad, Rect, Select, Spinner, Step, Toggle
from hypothesis import given
from hypothesis import strategies as st
from unit.dashboards import (
    NOW_MS,
    histogram_of,
    image_of,
    named,
    of_type,
    seen_of,
    source,
    tof,
    told,
    with_info,
)

from histsvc.client import Histogram, State
from histsvc.view.dashboard.cell import Cell
from histsvc.view.dashboard.choice import Choice
from histsvc.view.dashboard.look import DARK, LIGHT
from histsvc.view.dashboard.regions import Rectangle

NOW_NS = NOW_MS * 1_000_000


class Shown:
    """A cell, and what was drawn with the mouse on it."""

    def __init__(self, histogram: Histogram, *before: Histogram, choice: Choice | None = None) -> None:
        self.selected: list[list[float]] = []
        self.seen = seen_of(histogram, *before)
        self.cell = Cell(self.seen, LIGHT, choice or Choice(), self._select)
        self.root = self.cell.root

    def _select(self, cell: Cell, corners: Any) -> None:
        assert cell is self.cell
        self.selected.append(list(corners))

    def publish(self, histogram: Histogram) -> None:
        self.seen.history.add(histogram, histogram.timestamp_ns)
        self.seen.histogram = histogram
        self.seen.version += 1

    def tell(self, after_ms: int = 0) -> str:
        self.cell.tell(NOW_MS + after_ms)
        return told(self.root, "title")

    def draw(self) -> Any:
        """Bring the picture up to date; returns it."""
        self.cell.draw(NOW_NS)
        return self.figure

    @property
    def figure(self) -> Any:
        return named(self.root, f"plot {self.cell.name}")

    @property
    def message(self) -> str:
        """What is wrong, in words."""
        return told(self.root, "message")

    def option(self, kind: type, title: str) -> Any:
        found = [each for each in self.root.select({"type": kind}) if title in (each.title, each.label)]
        assert len(found) == 1
        return found[0]

    def values(self) -> Any:
        return np.asarray(source(self.draw(), Quad).data["value"])


def option(shown: Shown, kind: type, title: str) -> Any:
    """Something to choose, by what is written at it."""
    name = "label" if kind is Toggle else "title"
    (found,) = (each for each in shown.root.select({"type": kind}) if getattr(each, name) == title)
    return found


@pytest.mark.parametrize(
    ("keys", "after_ms", "chip", "in_title", "message"),
    [
        ({"data_age_ms": 400, "sum": 12_345, "rate": 2e6}, 0, "good", ["12.3k counts", "2M/s", "0.4 s"], ""),
        ({"data_age_ms": 400, "rate": 2e6}, 5_000, "late", ["2M/s", "5.4 s"], ""),
        ({"data_age_ms": 400, "rate": 2e6, "warning": "3 lost"}, 0, "good", [], "3 lost"),
        ({"data_age_ms": None}, 0, "waiting", ["no data"], ""),
        ({"data_age_ms": 400, "rate": 2e6}, 60_000, "stale", ["60 s"], "nothing is published"),
        ({"state": State.FINISHED, "rate": 2e6}, 60_000, "stopped", [], ""),
        ({"state": State.ERROR, "error_message": "no topic", "warning": "x"}, 0, "error", [], "no topic"),
    ],
)
def test_its_title_says_how_it_is(
    keys: dict[str, Any], after_ms: int, chip: str, in_title: list[str], message: str
) -> None:
    shown = Shown(of_type("hist1d", **keys))
    title = shown.tell(after_ms)
    assert re.findall(r"chip (\w+)", title) == [chip]
    assert chip in shown.root.css_classes
    assert [words for words in in_title if words not in title] == []
    # The rate of what does not count any more is nobody's.
    assert ("2M/s" in title) == ("2M/s" in in_title or (chip == "good" and "rate" in keys))
    assert message in shown.message
    assert bool(shown.message) == bool(message)
    (element,) = (each for each in shown.root.select({}) if "message" in getattr(each, "css_classes", ()))
    assert element.visible == bool(message)


def test_what_is_well_again_says_nothing() -> None:
    shown = Shown(of_type("hist1d", state=State.ERROR, error_message="no topic"))
    shown.tell()
    shown.publish(of_type("hist1d", data_age_ms=0))
    assert "error" not in shown.tell()
    assert shown.message == ""
    assert "error" not in shown.root.css_classes


NASTY = "<script>alert(1)</script><img src=x onerror='a'>\"'\n\u202e"


@given(text=st.text(max_size=20).map(lambda each: f"{NASTY}{each}<b>") | st.just(NASTY))
def test_what_others_have_written_is_no_html(text: str) -> None:
    # Everything between tags of ours: what would be one of theirs must not be there.
    for keys in ({"error_message": text, "state": State.ERROR}, {"warning": text, "data_age_ms": 0}):
        shown = Shown(of_type("hist1d", name=text, **keys))
        html = shown.tell() + shown.message
        assert set(re.findall(r"<\s*/?\s*([^\s>]*)", html)) <= {"span", "p", "small"}
        for attributes in re.findall(r"<span([^>]*)>", html):
            assert re.fullmatch(r"(\s+\w+='[^'<>]*')*", attributes)
        assert "\n" not in html
        assert "\u202e" not in html
        assert "&lt;script&gt;alert(1)" in html


def test_a_picture_is_made_when_it_is_needed_and_drawn_when_something_is_new() -> None:
    shown = Shown(of_type("dethist"))
    assert not list(shown.root.select({"name": "plot dethist"}))
    assert shown.cell.draw(NOW_NS)
    while shown.cell.draw(NOW_NS):
        pass
    figure, newer = shown.figure, of_type("dethist", seed=2)
    shown.publish(newer)
    assert shown.cell.draw(NOW_NS)
    assert shown.figure is figure
    np.testing.assert_array_equal(source(figure, ImageGlyph).data["image"][0].T, newer.counts)
    assert not shown.cell.draw(NOW_NS)


@pytest.mark.xfail(strict=True, reason="limits that were found while it was drawn make it be drawn again")
@pytest.mark.parametrize("kind", ["hist1d", "dethist"])
def test_what_was_drawn_is_not_drawn_again(kind: str) -> None:
    shown = Shown(of_type(kind))
    shown.draw()
    shown.publish(of_type(kind, seed=2))
    shown.publish(with_info(shown.seen.histogram, sum=1))
    shown.publish(replace(shown.seen.histogram, counts=shown.seen.histogram.counts * 10))
    shown.draw()
    assert not shown.cell.draw(NOW_NS)


def test_it_is_drawn_again_where_somebody_looks_closely_or_makes_it_larger() -> None:
    shown = Shown(of_type("dethist"))
    figure = shown.draw()
    while shown.cell.draw(NOW_NS):
        pass
    figure.x_range.start = 3
    assert shown.cell.draw(NOW_NS)
    assert source(figure, ImageGlyph).data["image"][0].shape[1] == 5
    while shown.cell.draw(NOW_NS):
        pass
    figure.set_from_json("inner_width", 700)
    assert shown.cell.draw(NOW_NS)


def test_other_axes_make_another_picture_and_no_axes_make_none() -> None:
    shown = Shown(histogram_of(np.ones(4), (tof(4),)))
    figure = shown.draw()
    shown.publish(histogram_of(np.ones(5), (tof(5),)))
    assert shown.draw() is not figure
    shown.publish(histogram_of(np.ones((2, 2, 2)), (tof(2), tof(2), tof(2))))
    assert shown.cell.draw(NOW_NS)
    assert not list(shown.root.select({"name": "plot bank0"}))
    shown.tell()
    assert shown.message
    shown.publish(histogram_of(np.ones(5), (tof(5),)))
    assert shown.draw() is not None


def seconds(at_s: float, per_s: float = 10) -> Histogram:
    """Counts that grow evenly since the first pulse, as they are published then."""
    made = histogram_of(np.full(4, at_s * per_s), (tof(4),), published_ms=NOW_MS + round(1000 * at_s))
    return with_info(made, first_pulse_time=NOW_NS, last_pulse_time=NOW_NS + round(at_s * 1e9))


def test_counts_per_second_and_of_the_last_seconds_can_be_chosen() -> None:
    shown = Shown(seconds(100), *(seconds(at_s) for at_s in range(1, 100)))
    np.testing.assert_allclose(shown.values(), 1000)
    option(shown, Select, "Show").value = "rate"
    np.testing.assert_allclose(shown.values(), 10)
    option(shown, Select, "Of").value = "10"
    np.testing.assert_allclose(shown.values(), 10)
    assert "last 10" in shown.tell()
    option(shown, Select, "Show").value = "counts"
    np.testing.assert_allclose(shown.values(), 100)


def test_the_scale_and_its_limits_can_be_chosen() -> None:
    shown = Shown(of_type("hist1d"))
    option(shown, Select, "Scale").value = "log"
    assert shown.draw().y_range.start > 0
    option(shown, Select, "Scale").value = "linear"
    option(shown, Spinner, "Highest").value = 5
    assert (shown.draw().y_range.start, shown.figure.y_range.end) == (0, 5)
    option(shown, Spinner, "Lowest").value = 2
    assert (shown.draw().y_range.start, shown.figure.y_range.end) == (2, 5)
    option(shown, Spinner, "Lowest").value = 6  # they are in no order: found as before
    assert shown.draw().y_range.start == 0


def test_a_choice_for_all_keeps_what_is_chosen_for_one() -> None:
    shown = Shown(of_type("dethist"))
    option(shown, Select, "Turned").value = "1"
    shown.cell.choose(replace(shown.cell.options.choice, per_s=True, scale="log"))
    assert shown.cell.options.choice == Choice(per_s=True, scale="log", turns=1)
    assert option(shown, Select, "Show").value == "rate"
    assert option(shown, Select, "Scale").value == "log"


def test_a_reference_is_what_it_was_when_it_was_frozen() -> None:
    first, second = of_type("hist1d"), of_type("hist1d", seed=2)
    shown = Shown(first)
    option(shown, Toggle, "Freeze as reference").active = True
    shown.publish(second)
    np.testing.assert_array_equal(source(shown.draw(), Step, 1).data["y"][:-1], first.counts)
    np.testing.assert_array_equal(shown.values(), second.counts)
    option(shown, Toggle, "Freeze as reference").active = False
    assert len(source(shown.draw(), Step, 1).data["y"]) == 0


@pytest.mark.xfail(strict=True, reason="counts of then are divided by the seconds of now")
def test_at_a_steady_rate_the_reference_is_what_is_there() -> None:
    shown = Shown(seconds(10), choice=Choice(per_s=True))
    option(shown, Toggle, "Freeze as reference").active = True
    shown.publish(seconds(40))
    np.testing.assert_allclose(shown.values(), 10)
    np.testing.assert_allclose(source(shown.figure, Step, 1).data["y"], 10)


@pytest.mark.parametrize(("turns", "expected"), [(0, [1, 2, 3, 4]), (1, [2, 1, 4, 3]), (2, [1, 2, 3, 4])])
def test_what_is_drawn_with_the_mouse_is_told_in_coordinates_of_the_data(
    turns: int, expected: list[float]
) -> None:
    shown = Shown(of_type("dethist"), choice=Choice(turns=turns))
    figure = shown.draw()
    corners = {"type": "rect", "x0": 1, "y0": 2, "x1": 3, "y1": 4}
    for final, geometry in ((False, corners), (True, {**corners, "type": "poly"}), (True, corners)):
        figure._trigger_event(SelectionGeometry(figure, geometry, final))
    assert shown.selected == [expected]


def test_regions_are_marked_on_images_also_on_those_made_later() -> None:
    shown = Shown(image_of(np.ones((8, 5))))
    shown.cell.mark({"r": Rectangle(1, 1, 2, 3)})
    assert source(shown.draw(), Rect).data["name"] == ["r"]
    option(shown, Select, "Turned").value = "1"
    assert source(shown.draw(), Rect).data["name"] == ["r"]


def test_it_is_drawn_in_the_colours_of_the_page() -> None:
    shown = Shown(of_type("hist1d"))
    shown.cell.paint(DARK)
    assert shown.draw().background_fill_color == DARK.ground
    shown.cell.paint(LIGHT)
    assert shown.figure.background_fill_color == LIGHT.ground
