"""A histogram of the page: its title, what is wrong with it, and when its picture is made."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from bokeh.document import Document
from bokeh.events import SelectionGeometry
from bokeh.models import Image as ImageGlyph
from bokeh.models import Rect, Select
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.cells import NOW_NS, ShownCell
from unit.dashboards import histogram_of, image_of, of_type, source, tof

from histsvc.client import State
from histsvc.view.dashboard.choice import Choice
from histsvc.view.dashboard.look import DARK, LIGHT
from histsvc.view.dashboard.regions import Rectangle


@pytest.mark.parametrize(
    ("keys", "after_ms", "chip", "in_title", "message"),
    [
        ({"data_age_ms": 400, "rate": 2e6}, 0, "good", ["45 counts", "2M/s", "0.4 s"], ""),
        ({"data_age_ms": 400, "rate": 2e6}, 5_000, "late", ["2M/s", "5.4 s"], ""),
        ({"data_age_ms": 400, "rate": 2e6, "warning": "3 lost"}, 0, "good", ["2M/s"], "3 lost"),
        ({"data_age_ms": None}, 0, "waiting", ["no data"], ""),
        ({"data_age_ms": 400, "rate": 2e6}, 60_000, "stale", ["60 s"], "nothing is published"),
        ({"state": State.FINISHED, "rate": 2e6}, 60_000, "stopped", [], ""),
        ({"state": State.ERROR, "error_message": "no topic", "warning": "x"}, 0, "error", [], "no topic"),
    ],
)
def test_its_title_says_how_it_is(
    keys: dict[str, Any], after_ms: int, chip: str, in_title: list[str], message: str
) -> None:
    shown = ShownCell(of_type("hist1d", **keys))
    title = shown.tell(after_ms)
    assert re.findall(r"chip (\w+)", title) == [chip]
    assert chip in shown.root.css_classes
    assert [words for words in in_title if words not in title] == []
    # The rate of what does not count any more is nobody's.
    assert ("2M/s" in title) == ("2M/s" in in_title)
    assert message in shown.message
    assert bool(shown.message) == bool(message)
    (element,) = (each for each in shown.root.select({}) if "message" in getattr(each, "css_classes", ()))
    assert element.visible == bool(message)


def test_what_is_well_again_says_nothing() -> None:
    shown = ShownCell(of_type("hist1d", state=State.ERROR, error_message="no topic"))
    shown.tell()
    shown.publish(of_type("hist1d", data_age_ms=0))
    assert "error" not in shown.tell()
    assert shown.message == ""
    assert "error" not in shown.root.css_classes


NASTY = "<script>alert(1)</script><img src=x onerror='a'>\"'\n\u202e"


@settings(max_examples=20, deadline=None)
@given(text=st.text(max_size=20).map(lambda each: f"{NASTY}{each}<b>") | st.just(NASTY))
def test_what_others_have_written_is_no_html(text: str) -> None:
    # Everything between tags of ours: what would be one of theirs must not be there.
    for keys in ({"error_message": text, "state": State.ERROR}, {"warning": text, "data_age_ms": 0}):
        shown = ShownCell(of_type("hist1d", name=text, **keys))
        html = shown.tell() + shown.message
        assert set(re.findall(r"<\s*/?\s*([^\s>]*)", html)) <= {"span", "p", "small"}
        for attributes in re.findall(r"<span([^>]*)>", html):
            assert re.fullmatch(r"(\s+\w+='[^'<>]*')*", attributes)
        assert "\n" not in shown.message
        assert "\u202e" not in shown.message
        assert "&lt;script&gt;alert(1)" in html


def test_a_picture_is_made_when_it_is_needed_and_drawn_when_something_is_new() -> None:
    shown = ShownCell(of_type("dethist"))
    assert not list(shown.root.select({"name": "plot dethist"}))
    assert shown.cell.draw(NOW_NS)
    assert not shown.cell.draw(NOW_NS)
    figure, newer = shown.figure, of_type("dethist", seed=2)
    shown.publish(newer)
    assert shown.cell.draw(NOW_NS)
    assert shown.figure is figure
    np.testing.assert_array_equal(source(figure, ImageGlyph).data["image"][0].T, newer.counts)
    assert not shown.cell.draw(NOW_NS)


@pytest.mark.parametrize("kind", ["hist1d", "dethist"])
def test_what_was_drawn_is_not_drawn_again(kind: str) -> None:
    shown, document = ShownCell(of_type(kind)), Document()
    document.add_root(shown.root)
    for factor in (1, 10):
        shown.publish(replace(shown.seen.histogram, counts=shown.seen.histogram.counts * factor))
        # As a page does it: what has changed is told afterwards.
        document.hold("combine")
        assert shown.cell.draw(NOW_NS)
        document.unhold()
        assert not shown.cell.draw(NOW_NS)


def test_it_is_drawn_again_where_somebody_looks_closely_or_makes_it_larger() -> None:
    shown = ShownCell(of_type("dethist"))
    figure = shown.draw()
    assert not shown.cell.draw(NOW_NS)
    figure.x_range.start = 3
    assert shown.cell.draw(NOW_NS)
    assert source(figure, ImageGlyph).data["image"][0].shape[1] == 5
    assert not shown.cell.draw(NOW_NS)
    for side in ("inner_width", "inner_height"):
        figure.set_from_json(side, 700)
    assert shown.cell.draw(NOW_NS)


def test_other_axes_make_another_picture_and_no_axes_make_none() -> None:
    shown = ShownCell(histogram_of(np.ones(4), (tof(4),)))
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


@pytest.mark.parametrize(("turns", "expected"), [(0, [1, 2, 3, 4]), (1, [2, 1, 4, 3]), (2, [1, 2, 3, 4])])
def test_what_is_drawn_with_the_mouse_is_told_in_coordinates_of_the_data(
    turns: int, expected: list[float]
) -> None:
    shown = ShownCell(of_type("dethist"), choice=Choice(turns=turns))
    figure = shown.draw()
    corners = {"type": "rect", "x0": 1, "y0": 2, "x1": 3, "y1": 4}
    for final, geometry in ((False, corners), (True, {**corners, "type": "poly"}), (True, corners)):
        figure._trigger_event(SelectionGeometry(figure, geometry, final))
    assert shown.selected == [expected]


def test_regions_are_marked_on_images_also_on_those_made_later() -> None:
    shown = ShownCell(image_of(np.ones((8, 5))))
    shown.cell.mark({"r": Rectangle(1, 1, 2, 3)})
    assert source(shown.draw(), Rect).data["name"] == ["r"]
    shown.option(Select, "Turned").value = "1"
    assert source(shown.draw(), Rect).data["name"] == ["r"]


def test_it_is_drawn_in_the_colours_of_the_page() -> None:
    shown = ShownCell(of_type("hist1d"))
    shown.cell.paint(DARK)
    assert shown.draw().background_fill_color == DARK.ground
    shown.cell.paint(LIGHT)
    assert shown.figure.background_fill_color == LIGHT.ground
