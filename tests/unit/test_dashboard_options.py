"""What can be changed about one picture, and what is drawn then."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from bokeh.models import Select, Spinner, Step
from unit.cells import NOW_NS, ShownCell
from unit.dashboards import NOW_MS, histogram_of, of_type, press, source, tof, with_info

from histsvc.client import Histogram
from histsvc.view.dashboard.choice import Choice


def seconds(at_s: float, per_s: float = 10) -> Histogram:
    """Counts that grow evenly since the first pulse, as they are published then."""
    made = histogram_of(np.full(4, at_s * per_s), (tof(4),), published_ms=NOW_MS + round(1000 * at_s))
    return with_info(made, first_pulse_time=NOW_NS, last_pulse_time=NOW_NS + round(at_s * 1e9))


def test_counts_per_second_and_of_the_last_seconds_can_be_chosen() -> None:
    shown = ShownCell(seconds(100), *(seconds(at_s) for at_s in range(1, 100)))
    np.testing.assert_allclose(shown.values(), 1000)
    shown.option(Select, "Show").value = "rate"
    np.testing.assert_allclose(shown.values(), 10)
    shown.option(Select, "Of").value = "10"
    np.testing.assert_allclose(shown.values(), 10)
    assert "last 10" in shown.tell()
    shown.option(Select, "Show").value = "counts"
    np.testing.assert_allclose(shown.values(), 100)


def test_the_scale_and_its_limits_can_be_chosen() -> None:
    shown = ShownCell(of_type("hist1d"))
    shown.option(Select, "Scale").value = "log"
    assert shown.draw().y_range.start > 0
    shown.option(Select, "Scale").value = "linear"
    shown.option(Spinner, "Highest").value = 5
    assert (shown.draw().y_range.start, shown.figure.y_range.end) == (0, 5)
    shown.option(Spinner, "Lowest").value = 2
    assert (shown.draw().y_range.start, shown.figure.y_range.end) == (2, 5)
    shown.option(Spinner, "Lowest").value = 6  # they are in no order: found as before
    assert shown.draw().y_range.start == 0


def test_a_choice_for_all_keeps_what_is_chosen_for_one() -> None:
    shown = ShownCell(of_type("dethist"))
    shown.option(Select, "Turned").value = "1"
    shown.cell.choose(replace(shown.cell.options.choice, per_s=True, scale="log"))
    assert shown.cell.options.choice == Choice(per_s=True, scale="log", turns=1)
    assert shown.option(Select, "Show").value == "rate"
    assert shown.option(Select, "Scale").value == "log"


def test_a_reference_is_what_it_was_when_it_was_frozen() -> None:
    first, second = of_type("hist1d"), of_type("hist1d", seed=2)
    shown = ShownCell(first)
    press(shown.root, "reference freeze")
    shown.publish(second)
    np.testing.assert_array_equal(source(shown.draw(), Step, 1).data["y"][:-1], first.counts)
    np.testing.assert_array_equal(shown.values(), second.counts)
    press(shown.root, "reference drop")
    assert len(source(shown.draw(), Step, 1).data["y"]) == 0


def test_at_a_steady_rate_the_reference_is_what_is_there() -> None:
    shown = ShownCell(seconds(10), choice=Choice(per_s=True))
    press(shown.root, "reference freeze")
    shown.publish(seconds(40))
    np.testing.assert_allclose(shown.values(), 10)
    np.testing.assert_allclose(source(shown.figure, Step, 1).data["y"], 10)
