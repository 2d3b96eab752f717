"""The list of all histograms: what is shown can be chosen, and what is many can be filtered."""

from __future__ import annotations

import re

from bokeh.model import Model
from bokeh.models import CheckboxGroup, Div, FlexBox, TextInput
from unit.dashboards import NOW_MS, of_type, seen_of

from histsvc.client import State
from histsvc.view.dashboard.catalogue import Catalogue
from histsvc.view.dashboard.feed import Seen


class Listed:
    """A list, what it was given, and what somebody chose in it."""

    def __init__(self, *names: str) -> None:
        self.chosen: list[tuple[str, bool]] = []
        self.catalogue = Catalogue(self._choose)
        self.seen: dict[str, Seen] = {name: seen_of(of_type("hist1d", name=name)) for name in names}
        self.shown: set[str] = set()

    def _choose(self, name: str, active: bool) -> None:
        """As a page does: what is asked for is shown from then on."""
        self.chosen.append((name, active))
        (self.shown.add if active else self.shown.discard)(name)

    def tell(self, wanted: str | None = None) -> None:
        if wanted is not None:
            self.catalogue.root.select_one({"type": TextInput}).value = wanted
        self.catalogue.tell(self.seen, dict.fromkeys(self.shown), NOW_MS)

    @property
    def boxes(self) -> dict[str, CheckboxGroup]:
        """The boxes as they are on the page, by their labels."""
        found = [each for each in _leaves(self.catalogue.root) if isinstance(each, CheckboxGroup)]
        return {box.labels[0]: box for box in found}

    @property
    def html(self) -> str:
        return "".join(each.text for each in _leaves(self.catalogue.root) if isinstance(each, Div))

    @property
    def ticked(self) -> list[str]:
        return [name for name, box in self.boxes.items() if box.active]


def _leaves(root: Model) -> list[Model]:
    """What a part of the page is made of, from top to bottom."""
    return [leaf for each in root.children for leaf in _leaves(each)] if isinstance(root, FlexBox) else [root]


def test_each_has_a_line_in_their_order_and_what_is_shown_is_ticked() -> None:
    listed = Listed("b", "a", "c")
    listed.shown = {"a"}
    listed.tell()
    assert list(listed.boxes) == ["b", "a", "c"]
    assert listed.ticked == ["a"]
    listed.shown = {"b", "c"}
    listed.tell()
    assert listed.ticked == ["b", "c"]


def test_what_somebody_ticks_is_told() -> None:
    listed = Listed("a", "b")
    listed.tell()
    listed.boxes["b"].active = [0]
    listed.tell()
    listed.boxes["b"].active = []
    listed.tell()
    assert listed.chosen == [("b", True), ("b", False)]


def test_the_filter_finds_parts_of_ids_in_small_or_large_letters() -> None:
    listed = Listed("Bank1", "monitor", "bank2")
    listed.tell("BANK")
    assert list(listed.boxes) == ["Bank1", "bank2"]
    listed.tell("zzz")
    assert list(listed.boxes) == []
    listed.tell("")
    assert list(listed.boxes) == ["Bank1", "monitor", "bank2"]


def test_of_more_than_a_hundred_the_filter_finds_the_others() -> None:
    listed = Listed(*(f"h{number:03}" for number in range(130)))
    listed.shown = {"h129"}
    listed.tell()
    assert list(listed.boxes) == [f"h{number:03}" for number in range(100)]
    assert "30 more" in listed.html
    listed.tell("h12")
    assert list(listed.boxes) == [f"h{number}" for number in range(120, 130)]
    assert listed.ticked == ["h129"]
    assert "more" not in listed.html
    # What was ticked while it was not listed is so when it is listed again.
    listed.shown.add("h050")
    listed.tell("")
    assert listed.ticked == ["h050"]
    assert listed.chosen in ([], [("h050", True)])


def test_lines_stay_the_same_while_nothing_comes_or_goes() -> None:
    listed = Listed("a", "b")
    listed.tell()
    before = listed.boxes
    listed.seen["a"].histogram = of_type("hist1d", name="a", rate=12_300.0)
    listed.tell()
    assert listed.boxes == before
    assert "12.3k/s" in listed.html
    del listed.seen["a"]
    listed.tell()
    assert list(listed.boxes) == ["b"]
    assert listed.boxes["b"] is before["b"]


def test_each_tells_how_it_is() -> None:
    listed = Listed()
    for name, state, age_ms in (
        ("a", State.COUNTING, 100),
        ("b", State.COUNTING, 9000),
        ("c", State.FINISHED, 0),
        ("d", State.ERROR, 0),
    ):
        listed.seen[name] = seen_of(of_type("hist1d", name=name, state=state, data_age_ms=age_ms))
    listed.tell()
    assert re.findall(r"dot (\w+)", listed.html) == ["good", "late", "stopped", "error"]


def test_where_there_is_nothing_it_says_so() -> None:
    listed = Listed()
    listed.tell()
    assert "published yet" in listed.html


def test_how_many_are_not_listed_is_that_of_the_moment() -> None:
    listed = Listed(*(f"h{number:03}" for number in range(130)))
    listed.tell()
    del listed.seen["h129"]
    listed.tell()
    assert "29 more" in listed.html


def test_a_name_cannot_break_the_page() -> None:
    listed = Listed("<script>1</script>", "a\nb\u202e")
    listed.tell()
    assert list(listed.boxes) == ["<script>1</script>", "a\\nb\\u202e"]  # labels are texts, not HTML
    assert "<script" not in listed.html
