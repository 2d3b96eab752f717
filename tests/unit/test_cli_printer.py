"""What histsvc watch prints of what comes: news as text, everything as JSON."""

from __future__ import annotations

import argparse
import io
import json
from typing import Any

import numpy as np
import pytest
from fakes import FakeClock
from unit.beats import NASTY, widest
from unit.followed import Terminal
from unit.shown import NOW_MS, of_type, shown, tof

from histsvc.cli.watch import Printer
from histsvc.client import Histogram, State


def printer(stream: io.StringIO, *, as_json: bool = False, no_counts: bool = False) -> Printer:
    options = argparse.Namespace(json=as_json, no_counts=no_counts)
    return Printer(options, stream, FakeClock())


def printed(*histograms: Histogram, as_json: bool = False) -> list[list[str]]:
    """The words of each line of what is shown one after the other."""
    stream = io.StringIO()
    tested = printer(stream, as_json=as_json, no_counts=True)
    for histogram in histograms:
        tested.show([histogram])
    return [line.split() for line in stream.getvalue().splitlines()]


def later(seconds: float, **keys: Any) -> Histogram:
    return of_type(**{"kind": "hist1d", "published_ms": NOW_MS + round(1000 * seconds), **keys})


def test_what_has_not_changed_is_not_shown_again() -> None:
    quiet = {"offsets": {"data": {0: 7}}, "messages": 7, "data_age_ms": 12, "last_pulse_time": 5, "diff": 0}
    assert len(printed(later(0), later(1), later(2, **quiet))) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"state": State.FINISHED},
        {"lag": 1},
        {"rate": 0.5},
        {"overflow": 1},
        {"error_message": "too large"},
        {"warning": "late"},
    ],
)
def test_what_has_changed_is_shown(changed: dict[str, Any]) -> None:
    assert len(printed(later(0), later(1, **changed))) == 2


def test_another_shape_is_news() -> None:
    numbers = (np.zeros(10), np.zeros(11))
    assert len(printed(*(shown(counts, (tof(counts.size),)) for counts in numbers))) == 2


def test_what_does_not_change_is_shown_again_after_10_s() -> None:
    seconds = [0, 9.9, 10, 19.9, 20]
    assert len(printed(*map(later, seconds))) == 3


def test_each_id_has_news_of_its_own() -> None:
    lines = printed(later(0, name="a"), later(0, name="b"), later(1, name="a"))
    assert [line[1] for line in lines] == ["a", "b"]


def test_json_is_printed_of_everything_that_comes() -> None:
    assert len(printed(later(0), later(1), as_json=True)) == 2


def test_json_has_nothing_that_a_terminal_acts_on() -> None:
    stream = io.StringIO()
    printer(stream, as_json=True).show([later(0, name=NASTY)])
    (line,) = stream.getvalue().splitlines()
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["id"] == NASTY


def test_a_terminal_gets_titles_once_and_again_where_columns_move(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    stream = Terminal()
    tested = printer(stream)
    tested.show([])
    assert stream.getvalue() == ""
    tested.show([later(0, name="a")])
    tested.show([later(0, name="b")])
    tested.show([later(0, name="more-letters")])
    tested.show([])
    monkeypatch.setenv("COLUMNS", "60")
    tested.show([])
    tested.show([later(0, name="c")])
    words = [line.split() for line in stream.getvalue().splitlines()]
    assert [line[1] for line in words] == ["ID", "a", "b", "ID", "more-letters", "ID", "c"]
    assert widest(stream.getvalue().splitlines()[-2:]) <= 60


def test_titles_go_to_terminals_only() -> None:
    assert [line[1] for line in printed(later(0))] == ["hist1d"]
