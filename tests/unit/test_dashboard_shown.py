"""What is drawn: counts or rates, of all the time or of the last seconds, and however it is turned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from unit.shown import shown as histogram_of
from unit.shown import tof

from histsvc.client import Histogram
from histsvc.view.dashboard.choice import Choice
from histsvc.view.dashboard.history import History
from histsvc.view.dashboard.shown import shown

SECOND = 1_000_000_000
BEGIN = 1_700_000_000 * SECOND


def published(at_s: float, counts: int, bins: int = 4, **info: int) -> Histogram:
    """A histogram of `bins` times `counts`, as it is published and was counted up to a second."""
    now_ns = BEGIN + round(at_s * SECOND)
    made = histogram_of(np.full(bins, float(counts)), (tof(bins),))
    about = {"first_pulse_time": BEGIN, "last_pulse_time": now_ns, "sum": bins * counts, **info}
    return replace(made, timestamp_ns=now_ns, info=made.info.model_copy(update=about))


def kept(history: History, *seconds: float, bins: int = 4) -> Histogram:
    """One published each of these seconds, with as many counts."""
    for at_s in seconds:
        last = published(at_s, round(at_s * 10), bins)
        history.add(last, last.timestamp_ns)
    return last


def test_counts_and_counts_per_second_since_the_start() -> None:
    histogram = published(20.0, 300)
    values = shown(histogram, History(), Choice(), histogram.timestamp_ns)
    np.testing.assert_array_equal(values.values(), [300] * 4)
    values = shown(histogram, History(), Choice(per_s=True), histogram.timestamp_ns)
    np.testing.assert_allclose(values.values(), [15] * 4)


def test_before_the_time_is_known_there_is_no_rate() -> None:
    histogram = published(0.0, 5)
    assert shown(histogram, History(), Choice(per_s=True), BEGIN).values().sum() == 0


def test_of_the_last_seconds_only_what_came_in_them_counts() -> None:
    history = History()
    histogram = kept(history, *np.arange(0, 100.5, 0.5).tolist())
    values = shown(histogram, history, Choice(window_s=10), histogram.timestamp_ns)
    assert values.seconds == pytest.approx(10, abs=1)
    np.testing.assert_allclose(values.values(), np.full(4, 10 * values.seconds))
    rate = shown(histogram, history, Choice(per_s=True, window_s=60), histogram.timestamp_ns)
    assert rate.seconds == pytest.approx(60, abs=5)
    np.testing.assert_allclose(rate.values(), [10] * 4)


def test_where_less_is_known_it_says_so() -> None:
    history = History()
    histogram = kept(history, 0, 1, 2, 3)
    values = shown(histogram, history, Choice(window_s=600), histogram.timestamp_ns)
    assert values.seconds == 3
    first = published(5.0, 7)
    assert shown(first, History(), Choice(window_s=10), first.timestamp_ns).values().sum() == 0


@pytest.mark.parametrize("change", [{"generation": 2}, {"epoch": 2}, {"index": 1}])
def test_counts_that_begin_again_are_not_compared_with_what_was_before(change: dict[str, int]) -> None:
    history = History()
    kept(history, 0, 1, 2, 3)
    reset = published(4.0, 1, **change)
    history.add(reset, reset.timestamp_ns)
    assert history.before(10) is None


def test_of_hours_little_is_kept() -> None:
    history = History()
    kept(history, *range(0, 7200, 1))
    assert 20 < len(history._moments) < 200
    moment = history.before(600)
    assert moment is not None
    assert (BEGIN + 7199 * SECOND - moment.published_ns) / SECOND == pytest.approx(600, rel=0.1)


def test_large_ones_are_kept_only_while_somebody_wants_them() -> None:
    history, bins = History(), 200_001
    kept(history, 0, 1, 2, bins=bins)
    assert history.before(10) is None
    history.want(BEGIN + 3 * SECOND)
    kept(history, 3, 4, 5, bins=bins)
    moment = history.before(10)
    assert moment is not None
    assert moment.counts.dtype == np.uint32
    assert moment.published_ns == BEGIN + 3 * SECOND
    kept(history, 60, bins=bins)
    assert history.before(10) is None


def turned(counts: np.ndarray[tuple[int, int], np.dtype[np.int64]], choice: Choice) -> list[list[int]]:
    """What is seen from the top left, of counts [x][y]: rows of the screen."""
    rows = counts if choice.swaps else counts.T  # what goes across is the last axis, and the first goes up
    across, up = choice.flips
    seen: list[list[int]] = rows[:: 1 if up else -1, :: -1 if across else 1].tolist()
    return seen


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("turns", range(4))
def test_turned_is_as_numpy_turns(turns: int, mirrored: bool) -> None:
    counts = np.arange(6).reshape(2, 3)
    screen = counts.T[::-1]  # x to the right, y upwards
    expected = np.rot90(screen[:, ::-1] if mirrored else screen, turns)
    assert turned(counts, Choice(turns=turns, mirrored=mirrored)) == expected.tolist()
