"""What plots say: state, counts and age, and what is wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_hex
from unit.shown import AXES, NOW_MS, Drawn, of_type, shown

from histsvc.client import Axis, State
from histsvc.view.drawing import Look
from histsvc.view.plot import caption


def titled(state: State = State.COUNTING, ago_ms: int = 0, **info: Any) -> tuple[str, str]:
    histogram = shown(np.full(10, 123_456.0), AXES["hist1d"], state=state, data_age_ms=400, **info)
    return caption(histogram, 1_234_560, NOW_MS + ago_ms)


def test_titles_say_state_counts_and_age() -> None:
    drawn = Drawn(shown(np.full(10, 123_456.0), AXES["hist1d"], name="tof", data_age_ms=400))
    assert drawn.axes.get_title() == "tof\nCOUNTING  1.23M counts  0.4 s old"
    assert not drawn.plot.tell(NOW_MS)
    assert drawn.plot.tell(NOW_MS + 2000)
    assert drawn.axes.get_title() == "tof\nCOUNTING  1.23M counts  2.4 s old"


def test_colours_of_titles() -> None:
    words, normal = titled(ago_ms=15_000)
    assert words == "COUNTING  1.23M counts  15 s old"
    words, stale = titled(ago_ms=15_001)
    assert words == "COUNTING (stale)  1.23M counts  15 s old"
    words, finished = titled(State.FINISHED, ago_ms=7_200_000)
    assert words == "FINISHED  1.23M counts  2 h old"
    words, failed = titled(State.ERROR, ago_ms=20_000)
    assert words == "ERROR (stale)  1.23M counts  20 s old"
    assert len({to_hex(each) for each in (normal, stale, finished, failed)}) == 4
    histogram = shown(np.zeros(10), AXES["hist1d"], state=State.INITIALISED)
    assert caption(histogram, 0, NOW_MS) == ("INITIALISED  0 counts  no data yet", normal)


@pytest.mark.parametrize("kind", AXES)
def test_an_error_is_red_and_wrapped_and_may_end(kind: str) -> None:
    why = "the topic refuses it: " + "too large " * 40
    drawn = Drawn(of_type(kind, state=State.ERROR, error_message=why))
    lines = drawn.message.get_text().splitlines()
    assert lines[0].startswith("the topic refuses it")
    assert 1 < len(lines) <= 6
    assert lines[-1].endswith("\u2026")
    box = drawn.message.get_window_extent()
    assert box.width < drawn.figure.bbox.width
    red = {to_hex(spine.get_edgecolor()) for spine in drawn.axes.spines.values()}
    assert red == {to_hex(drawn.message.get_color())} == {to_hex(drawn.axes.title.get_color())}
    drawn.update(of_type(kind, seed=2))
    assert not drawn.message.get_visible()
    assert {to_hex(spine.get_edgecolor()) for spine in drawn.axes.spines.values()} == {"#000000"}
    assert to_hex(drawn.axes.title.get_color()) == "#000000"


def test_an_error_without_a_message() -> None:
    assert Drawn(of_type("hist1d", state=State.ERROR)).message.get_text() == "ERROR"


def test_names_of_others_are_text_and_nothing_else() -> None:
    """Two dollars would begin a formula, which has a syntax and may be wrong."""
    strange = Axis(np.arange(11.0), "ns", "$\\frac{$")
    name = "$\\nonsense$\x1b[0m\n" + 100 * "x" + "7"
    keys: dict[str, Any] = {"state": State.ERROR, "error_message": "$\\frac{$"}
    drawn = Drawn(shown(np.zeros(10), (strange,), name=name, **keys))
    first, second = drawn.axes.get_title().splitlines()
    assert first.startswith("$\\nonsense$\\x1b[0m\\n")
    assert first.endswith("x7")
    assert len(first) <= Look().columns
    assert second.startswith("ERROR")
