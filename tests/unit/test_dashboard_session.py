"""The page of one browser: what is shown, what is drawn, and when; without a server, by its timer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import pytest
from bokeh.document.events import DocumentPatchedEvent
from bokeh.models import Rect
from fakes import config_of
from unit.beats import beat, info
from unit.dashboards import image_of, named, of_type, press, source, told, with_info
from unit.pages import Page

from histsvc.client import Code, CommandError
from histsvc.view.dashboard.look import DARK, LIGHT
from histsvc.view.dashboard.regions import Rectangle, roihist

DETECTOR = config_of("dethist", id="det", det_range=[1, 40], width=8, height=5).told() or {}


@pytest.fixture
def page() -> Iterator[Page]:
    made = Page(of_type("hist1d"), of_type("dethist"))
    yield made
    made.steering.close()


def test_what_can_be_seen_is_drawn_and_nothing_else(page: Page) -> None:
    assert page.cells() == ["hist1d", "dethist"]
    page.tick()
    assert page.drawn("hist1d") is page.drawn("dethist") is None
    page.look("dethist")
    assert page.tick()
    np.testing.assert_array_equal(page.drawn("dethist"), of_type("dethist").counts)
    assert page.drawn("hist1d") is None
    page.look("hist1d")
    newer = of_type("dethist", seed=2)
    page.feed.give(newer)
    page.tick()
    np.testing.assert_array_equal(page.drawn("hist1d"), of_type("hist1d").counts)
    np.testing.assert_array_equal(page.drawn("dethist"), of_type("dethist").counts)
    page.look("dethist", "hist1d")
    page.tick()
    np.testing.assert_array_equal(page.drawn("dethist"), newer.counts)


def test_until_the_last_pictures_have_arrived_none_is_made(page: Page) -> None:
    page.look("hist1d")
    assert page.tick(arrives=False)
    # While the browser draws one the next one is sent, and no more.
    page.feed.give(of_type("hist1d", seed=2))
    assert page.tick(arrives=False)
    before = page.drawn("hist1d")
    changes: list[DocumentPatchedEvent] = []
    page.document.on_change(cast(Any, changes.append))
    for seed in (3, 4, 5):
        page.feed.give(of_type("hist1d", seed=seed))
        assert not page.tick(10, arrives=False)
    assert changes == []
    np.testing.assert_array_equal(page.drawn("hist1d"), before)
    page.browser.arrived = page.browser.sent
    assert page.tick()
    # Those between are skipped.
    np.testing.assert_array_equal(page.drawn("hist1d"), of_type("hist1d", seed=5).counts)


def test_where_nothing_is_new_only_titles_are_told_once_a_second(page: Page) -> None:
    page.look("hist1d", "dethist")
    while page.tick(0):
        pass
    assert page.tick(1.0)
    changes: list[DocumentPatchedEvent] = []
    page.document.on_change(cast(Any, changes.append))
    assert [page.tick() for _ in range(4)] == [False] * 4
    assert changes == []
    before = told(page.root, "title")
    page.clock.advance(60)
    assert page.tick()
    assert told(page.root, "title") != before


def test_what_is_hidden_is_neither_there_nor_drawn_until_it_is_wanted_again(page: Page) -> None:
    page.look("hist1d", "dethist")
    page.tick()
    named(page.root, "show hist1d").active = []
    assert page.cells() == ["dethist"]
    page.feed.give(of_type("hist1d", seed=2))
    page.tick(5)
    assert page.cells() == ["dethist"]
    assert page.drawn("hist1d") is None
    named(page.root, "show hist1d").active = [0]
    assert page.cells() == ["hist1d", "dethist"]
    page.look("hist1d")
    page.tick()
    np.testing.assert_array_equal(page.drawn("hist1d"), of_type("hist1d", seed=2).counts)


def test_pictures_are_in_the_order_of_the_list_also_when_that_changes(page: Page) -> None:
    page.feed.order("dethist", "hist1d")
    page.tick(1)
    assert page.cells() == ["dethist", "hist1d"]


def test_new_ones_are_shown_up_to_as_many_as_fit() -> None:
    page = Page(*(of_type("hist1d", name=f"h{number:02}") for number in range(20)))
    assert len(page.cells()) == 20
    page.feed.give(*(of_type("hist1d", name=f"h{number:02}") for number in range(20, 30)))
    page.tick(1)
    assert page.cells() == [f"h{number:02}" for number in range(24)]
    named(page.root, "show h27").active = [0]  # whoever wants more gets it
    page.tick(1)
    assert page.cells() == [*(f"h{number:02}" for number in range(24)), "h27"]


def test_what_begins_is_shown_however_many_have_ended() -> None:
    ended = [f"h{number:02}" for number in range(24)]
    page = Page(*(of_type("hist1d", name=name) for name in ended))
    page.feed.give(of_type("hist1d", name="new"))
    page.tick(1)
    assert page.cells() == ended
    page.feed.order("new", *ended)
    page.tick(1)
    assert page.cells() == ["new", *ended]


def test_what_is_forgotten_is_shown_no_longer(page: Page) -> None:
    page.feed.forget("hist1d")
    page.tick(1)
    assert page.cells() == ["dethist"]
    assert not list(page.root.select({"name": "show hist1d"}))


def test_what_was_forgotten_and_comes_again_is_shown(page: Page) -> None:
    page.feed.forget("hist1d")
    page.tick(1)
    page.feed.give(of_type("hist1d"))
    page.tick(1)
    assert "hist1d" in page.cells()


def test_an_answer_that_comes_just_after_something_was_forgotten_is_told(page: Page) -> None:
    press(page.root, "command stop")
    page.feed.forget("hist1d")
    page.answer()
    assert "ACK" in told(page.root, "history")


def test_a_choice_for_all_is_also_that_of_what_comes_later(page: Page) -> None:
    named(page.root, "all scale").value = "log"
    page.feed.give(of_type("hist1d", name="later"))
    page.tick()
    page.look("later", "hist1d")
    page.tick()
    for name in ("later", "hist1d"):
        assert named(page.root, f"plot {name}").y_range.start > 0


def test_regions_are_marked_on_the_images_that_they_are_of() -> None:
    made = roihist(DETECTOR, Rectangle(2, 1, 3, 2), "roi")
    image = with_info(image_of(np.ones((8, 5)), "det"), config=DETECTOR)
    region = with_info(image_of(np.ones((3, 2)), "roi"), config=made)
    page = Page(image, region)
    page.look("det", "roi")
    page.tick(1)
    marks = {name: source(named(page.root, f"plot {name}"), Rect).data["name"] for name in ("det", "roi")}
    assert marks == {"det": ["roi"], "roi": []}
    page.feed.forget("roi")
    page.tick(1)
    assert source(named(page.root, "plot det"), Rect).data["name"] == []


def test_a_command_is_answered_on_the_page() -> None:
    page = Page(of_type("hist1d"))
    page.feed.beat(beat(info("hist1d")))
    page.client.error = CommandError(Code.NOT_FOUND, "no such <id>")
    press(page.root, "command stop")
    assert page.client.commands == []
    assert "hist1d" in told(page.root, "question")
    press(page.root, "command yes")
    page.answer()
    assert page.client.commands == [{"cmd": "stop"}]
    assert "no such &lt;id&gt;" in told(page.root, "history")


def test_commands_of_others_are_told_too() -> None:
    page = Page(of_type("hist1d"))
    page.steering.send({"cmd": "add", "histograms": [{"id": "other"}]}, lambda _: None)
    page.tick(1)
    assert "add other" in told(page.root, "history")
    page.steering.close()


def test_a_page_is_dark_or_light_as_its_browser_is(page: Page) -> None:
    page.look("hist1d", "dethist")
    page.tick()
    for dark, theme in ((True, DARK), (False, LIGHT)):
        page.browser.dark = dark
        for name in ("hist1d", "dethist"):
            assert named(page.root, f"plot {name}").background_fill_color == theme.ground
    page.browser.dark = True
    page.feed.give(of_type("hist2d"))
    page.tick()
    page.look("hist2d")
    page.tick()
    assert named(page.root, "plot hist2d").background_fill_color == DARK.ground


def test_the_feed_is_watched_as_long_as_the_page_is_open(page: Page) -> None:
    assert page.feed.watchers == 1
    for callback in page.document.session_destroyed_callbacks:
        callback(cast(Any, None))
    assert page.feed.watchers == 0
