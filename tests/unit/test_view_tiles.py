"""Histograms side by side in a terminal: all that is known of each, in the room that there is."""

from __future__ import annotations

import numpy as np
import pytest
from unit.shown import AXES, NOW_MS, of_type, pixels, shown, tof

from histsvc.client import Histogram, State
from histsvc.view.styles import STATES
from histsvc.view.tiles import Tiles

SIZES = [(80, 24), (200, 60), (60, 12), (40, 10), (20, 5), (8, 2), (3, 1)]


def lines(*histograms: Histogram, columns: int = 80, rows: int | None = 24, log: bool = False) -> list[str]:
    shown_now = Tiles(columns, colour=False, log=log).lines(histograms, rows, NOW_MS + 2000)
    assert max((line.cell_len for line in shown_now), default=0) <= columns
    return [line.plain for line in shown_now]


@pytest.mark.parametrize(("columns", "rows"), SIZES)
@pytest.mark.parametrize("number", [1, 2, 5, 40])
def test_no_size_of_a_terminal_is_too_small(columns: int, rows: int, number: int) -> None:
    made = [of_type(list(AXES)[each % 4], name=f"bank{each}") for each in range(number)]
    found = lines(*made, columns=columns, rows=rows)
    assert 0 < len(found) <= rows


@pytest.mark.parametrize("columns", [20, 80, 300])
def test_without_a_limit_there_are_all_of_them(columns: int) -> None:
    made = [of_type(list(AXES)[each % 4], name=f"bank{each}") for each in range(40)]
    text = "\n".join(lines(*made, columns=columns, rows=None))
    assert all(f"bank{each} " in text for each in range(40))
    assert "left out" not in text
    assert Tiles(80).lines([], None, NOW_MS) == Tiles(80).lines([], 24, NOW_MS) == []


def test_what_has_no_room_is_said_and_what_has_is_the_first_by_id() -> None:
    made = [of_type("hist1d", name=f"bank{each}") for each in (10, 9, 1, 2, 3, 4, 5, 6, 7, 8)]
    found = lines(*made)
    heads = [word for line in found for word in line.split() if word.startswith("bank")]
    assert heads == ["bank1", "bank2", "bank3", "bank4"]
    assert found[-1] == "6 more left out; --id chooses"


def test_id_state_counts_and_age_are_above_the_picture() -> None:
    (found, *_) = lines(of_type("hist1d", name="a\x1b", data_age_ms=1500))
    assert found == "a\\x1b  COUNTING  45 counts  3.5 s old"
    (found, *_) = lines(of_type("hist1d", state=State.FINISHED))
    assert found == "hist1d  FINISHED  45 counts  no data yet"
    (found, *_) = lines(of_type("hist1d", published_ms=NOW_MS - 60_000))
    assert found.startswith("hist1d  COUNTING (stale)  ")


def test_errors_and_warnings_are_told_over_as_many_lines_as_it_takes() -> None:
    message = "Cannot find start time in the data"
    failed = of_type("hist1d", state=State.ERROR, error_message=message, warning="perhaps")
    found = lines(failed, columns=34)
    assert " ".join(line.strip() for line in found[:5]).startswith("hist1d  ERROR  45 counts")
    text = " ".join(line.strip() for line in found[:5])
    assert f"error: {message}" in text
    assert "warning: perhaps" in text
    assert "\u2588" in "\n".join(found), "what was counted is there all the same"


def test_colours_say_how_it_is() -> None:
    for state, style in STATES.items():
        (head, *_) = Tiles(80).lines([of_type("hist1d", state=state)], 24, NOW_MS)
        assert style in {str(span.style) for span in head.spans}


def test_what_cannot_be_drawn_says_so() -> None:
    found = lines(shown(np.array([1.0, np.nan]), (tof(2),)))
    assert found[1] == "cannot be drawn: its counts are not finite"


def test_spectra_have_the_scale_of_their_counts_before_them() -> None:
    found = lines(shown(np.arange(74.0), (tof(74),)), rows=10)
    assert [line[:6] for line in found[1:-1]] == [
        "   73 ", "      ", "      ", " 41.1 ", "      ", "      ", "      ", "    0 ",
    ]  # fmt: skip
    assert found[-1].strip() == "time of flight 0\u201371 ms"


def test_images_have_the_scale_of_their_colours_below_them() -> None:
    found = lines(of_type("dethist"))
    assert found[-2].split() == ["0", "...:::--===", "9.75", "+++**###%%%@", "39"]


@pytest.mark.parametrize(("log", "foot"), [(False, "0"), (True, "0.5")])
def test_a_logarithmic_scale_shows_what_a_linear_one_hides(log: bool, foot: str) -> None:
    made = shown(np.array([1.0, 10, 100, 1000, 0]), (tof(5),))
    found = lines(made, columns=46, rows=10, log=log)[1:-1]
    high = [sum(line.ljust(46)[6 + 8 * each] == "\u2588" for line in found) for each in range(5)]
    assert (high[3], high[4]) == (8, 0)
    assert high[:3] == ([0, 3, 5] if log else [0, 0, 0])
    assert found[-1].split()[0] == foot
    assert found[0].split()[0] == "1k"


def test_a_logarithmic_image_shows_what_another_hides() -> None:
    counts = np.repeat(np.array([0.0, 0, 1e3, 1e6]), 4).reshape(4, 4)
    axes = (pixels(4), pixels(4, "y"))
    seen = {}
    for log in (False, True):
        found = lines(shown(counts, axes), columns=60, rows=9, log=log)
        seen[log] = {letter for line in found[1:-2] for letter in line.strip()}
    assert (len(seen[False]), len(seen[True])) == (1, 2)
