"""A histogram as a line of text: what is on it, and that it fits."""

from __future__ import annotations

from typing import Any

import pytest
from rich.cells import cell_len
from unit.beats import ESCAPED, NASTY, widest
from unit.shown import NOW_MS, of_type

from histsvc.client import Histogram, State
from histsvc.view.line import Lines
from histsvc.view.text import clock_time

NOW_NS = NOW_MS * 1_000_000
NOW = clock_time(NOW_NS, NOW_NS)
LONG = "a histogram that was filled with all pulses of a weekend"
WIDTHS = (60, 80, 160)


def text(histogram: Histogram, width: int | None = None) -> str:
    (made,) = Lines().texts([histogram], NOW_NS, width)
    return made


def test_a_line_tells_everything() -> None:
    histogram = of_type("dethist", rate=1234.5, lag=1_200_000, data_age_ms=400, overflow=12, filtered=1234)
    numbers = "COUNTING           780  1.23k/s  1.2M  0.4 s  8\u00d75"
    assert text(histogram) == f"{NOW}  dethist   {numbers}  overflow=12 filtered=1.23k"


def test_what_is_wrong_follows_on_the_line() -> None:
    histogram = of_type("hist1d", state=State.ERROR, error_message="too large", warning="late", undecodable=3)
    assert text(histogram).endswith("  10  undecodable=3  error: too large  warning: late")


def test_without_data_there_is_no_age() -> None:
    assert text(of_type("hist1d")).split()[-2:] == ["-", "10"]
    assert "12 s" in text(of_type("hist1d", data_age_ms=2000, published_ms=NOW_MS - 10_000))


def test_without_an_id_it_is_called_by_its_job() -> None:
    assert "  job7/3  " in text(of_type("hist1d", name="", job="job7", index=3))


def test_columns_grow_with_what_is_in_them_and_never_shrink() -> None:
    lines, wide = Lines(), of_type("hist1d", name="detector-of-the-left")
    before = lines.header(None)
    (first,) = lines.texts([of_type("hist1d", name="a")], NOW_NS, None)
    assert first.index("COUNTING") == before.index("STATE")
    pair = lines.texts([of_type("hist1d", name="a"), wide], NOW_NS, None)
    (after,) = lines.texts([of_type("hist1d", name="a")], NOW_NS, None)
    at = {line.index("COUNTING") for line in (*pair, after)}
    assert at == {lines.header(None).index("STATE")}
    assert at == {before.index("STATE") + 12}


def test_one_strange_id_does_not_spread_the_lines_of_others() -> None:
    lines = Lines()
    strange, other = lines.texts([of_type("hist1d", name=LONG), of_type("hist1d", name="a")], NOW_NS, None)
    assert f"  {LONG}  COUNTING  " in strange
    assert other.index("COUNTING") == Lines().header(None).index("STATE")


HISTOGRAMS: dict[str, dict[str, Any]] = {
    "usual": {"data_age_ms": 3, "rate": 9990.0, "overflow": 1005},
    "long id": {"name": LONG},
    "one long word": {"name": "x" * 100},
    "letters of two columns": {"name": "日本" * 20, "state": State.ERROR, "error_message": "漢字" * 50},
    "error": {"state": State.ERROR, "error_message": "the topic takes no message of this size: " * 5},
    "warning": {"warning": "w" * 200, "overflow": 12, "filtered": 34},
    "old": {"published_ms": NOW_MS - 100 * 86_400_000, "data_age_ms": 3},
    "everything": {
        "underflow": 999_999,
        "overflow": 999_999,
        "filtered": 999_999,
        "out_of_window": 999_999,
        "undecodable": 999_999,
        "lag": 999_999,
    },
}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("what", HISTOGRAMS)
def test_no_line_is_longer_than_the_terminal_is_wide_and_nothing_is_lost(what: str, width: int) -> None:
    keys = HISTOGRAMS[what]
    told = text(of_type("hist2d", **keys), width)
    assert widest(told.splitlines()) <= width
    packed = "".join(told.split())
    for key in ("name", "error_message", "warning"):
        assert "".join(str(keys.get(key, "")).split()) in packed
    for key in ("underflow", "overflow", "filtered", "out_of_window", "undecodable"):
        assert (f"{key}=" in told) == (key in keys)
    assert "378" in told.split()


@pytest.mark.parametrize("width", WIDTHS)
def test_large_counts_fit_with_all_others(width: int) -> None:
    lines = Lines()
    histograms = [of_type("hist2d", **keys) for keys in HISTOGRAMS.values()]
    large = of_type("hist2d", name="bank0")
    object.__setattr__(large, "info", large.info.model_copy(update={"sum": (1 << 53) - 1, "lag": 123_456}))
    told = lines.texts([*histograms, large], NOW_NS, width)
    rows = [row for each in told for row in each.splitlines()]
    assert widest([*rows, lines.header(width)]) <= width
    assert "9,007,199,254,740,991" in told[-1].split()


def test_columns_give_way_where_there_is_no_room() -> None:
    titles = ["PUBLISHED", "ID", "STATE", "COUNTS", "RATE", "LAG", "AGE", "SHAPE"]
    for width in (None, 160, 80, 74):
        assert Lines().header(width).split() == titles
    assert Lines().header(73).split() == titles[:-1]
    assert Lines().header(60).split() == titles[:-3]
    assert Lines().header(66).index("STATE") == Lines().header(None).index("STATE"), "short ids stay"


def test_a_long_id_does_not_take_the_room_of_other_columns() -> None:
    lines = Lines()
    told = lines.texts(
        [of_type("hist1d", name="detector-of-the-left-hand-side"), of_type("hist1d")], NOW_NS, 80
    )
    assert lines.header(80).split()[-2:] == ["LAG", "AGE"]
    assert told[0].splitlines()[0] == "detector-of-the-left-hand-side"


def test_columns_are_right_behind_letters_of_two_columns() -> None:
    lines = Lines()
    told = lines.texts([of_type("hist1d", name="日本"), of_type("hist1d", name="abcd")], NOW_NS, 80)
    assert len({cell_len(line.partition("COUNTING")[0]) for line in told}) == 1


def test_what_does_not_fit_has_lines_of_its_own() -> None:
    told = text(of_type("hist1d", name=LONG, filtered=123_456, warning="late"), 80).splitlines()
    assert told[0] == LONG
    assert told[1].split() == [NOW, "COUNTING", "45", "0/s", "0", "-", "10"]
    assert told[2:] == ["    filtered=123k", "    warning: late"]
    assert text(of_type("hist1d", warning="late"), 86).endswith("  10  warning: late")


@pytest.mark.parametrize("width", [None, *WIDTHS])
def test_texts_of_others_do_nothing_to_a_terminal(width: int | None) -> None:
    told = text(of_type("hist1d", name=NASTY, error_message=NASTY, warning=NASTY), width)
    assert told.replace("\n", "").isprintable()
    assert told.count(ESCAPED) == 3
