"""What is kept of the past: enough for each window, in little memory, and nothing of another measurement."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.dashboards import histogram_of, tof, with_info

from histsvc.client import Histogram
from histsvc.view.dashboard.history import WINDOWS_S, History

BEGIN_MS = 1_700_000_000_000
LARGE = 200_001


def published(at_ms: int, bins: int = 2, counts: float | None = None, **info: int) -> Histogram:
    """Counts that are, but for `counts`, the ms since the begin; its last pulse was 100 ms before."""
    filled = np.full(bins, float(at_ms) if counts is None else counts)
    made = histogram_of(filled, (tof(bins),), published_ms=BEGIN_MS + at_ms)
    return with_info(made, last_pulse_time=(BEGIN_MS + at_ms - 100) * 1_000_000, **info)


def keep(history: History, times_ms: Sequence[int], bins: int = 2, *, wanted: bool = False) -> None:
    for at_ms in times_ms:
        made = published(at_ms, bins)
        if wanted:
            history.want(made.timestamp_ns)
        history.add(made, made.timestamp_ns)


def ages_s(history: History, newest_ms: int) -> list[float]:
    newest_ns = (BEGIN_MS + newest_ms) * 1_000_000
    return [(newest_ns - each.published_ns) / 1e9 for each in history._moments]


@settings(max_examples=30, deadline=None)
@given(gaps_ms=st.lists(st.integers(100, 20_000), min_size=2, max_size=300))
def test_a_window_is_as_long_as_it_says_as_far_as_something_was_published_then(gaps_ms: list[int]) -> None:
    history, times_ms = History(), np.cumsum(gaps_ms).tolist()
    keep(history, times_ms)
    for window_s in WINDOWS_S:
        moment = history.before(window_s)
        assert moment is not None
        at_ms = moment.published_ns // 1_000_000 - BEGIN_MS
        asked_ms = times_ms[-1] - 1000 * window_s
        best_ms = max((each for each in times_ms if each <= asked_ms), default=times_ms[0])
        allowed_ms = max(500, 0.05 * (times_ms[-1] - best_ms)) * 1.06
        assert best_ms - allowed_ms <= at_ms <= max(best_ms, times_ms[0])
        # It is what was published then, not something in between.
        assert at_ms in times_ms
        assert moment.counts.tolist() == [at_ms, at_ms]
        assert moment.last_pulse_ns == moment.published_ns - 100_000_000


@pytest.mark.parametrize(("bins", "apart", "most"), [(2, 0.05, 120), (LARGE, 0.25, 35)])
def test_moments_are_closer_the_younger_they_are(bins: int, apart: float, most: int) -> None:
    history = History()
    newest_ms = 2_000_000
    keep(history, range(0, newest_ms + 1, 2000), bins, wanted=True)
    ages = np.array(ages_s(history, newest_ms))
    assert 900 >= ages[0] > 600
    assert ages[-1] == 0
    assert ages.size <= most
    gaps = -np.diff(ages)
    # What was dropped left no gap that was larger than allowed; two of them at most before the next one came.
    assert (gaps <= np.maximum(2.0, apart * ages[:-1]) + 2.0).all()


def test_one_moment_is_no_past() -> None:
    history = History()
    assert history.before(10) is None
    keep(history, [0])
    assert history.before(10) is None
    keep(history, [1000])
    moment = history.before(10)
    assert moment is not None
    assert moment.counts.tolist() == [0, 0]


@pytest.mark.parametrize("change", [{"generation": 2}, {"epoch": 2}, {"index": 1}, {"job": "other"}])
def test_another_identity_begins_anew_and_the_same_goes_on(change: dict[str, int]) -> None:
    history = History()
    keep(history, [0, 1000, 2000])
    same = published(3000, state="FINISHED", sum=5, config_hash="x")  # type: ignore[arg-type]
    history.add(same, same.timestamp_ns)
    assert history.before(10) is not None
    for at_ms, known in ((4000, False), (5000, True)):
        made = published(at_ms, **change)
        history.add(made, made.timestamp_ns)
        assert (history.before(10) is not None) == known
    moment = history.before(10)
    assert moment is not None
    assert moment.counts.tolist() == [4000, 4000]


def test_another_shape_begins_anew() -> None:
    history = History()
    keep(history, [0, 1000])
    keep(history, [2000], bins=3)
    assert history.before(10) is None


def test_large_ones_are_kept_as_long_as_they_are_wanted_and_half_a_minute_more() -> None:
    history = History()
    keep(history, [0, 1000], LARGE)
    assert history._moments == []
    history.want((BEGIN_MS + 2000) * 1_000_000)
    keep(history, [2000, 12_000, 32_000], LARGE)
    assert len(history._moments) == 3
    keep(history, [32_001], LARGE)
    assert history._moments == []
    # One bin less is a small one: it is kept though nobody wants it.
    small = History()
    keep(small, [0, 1000], LARGE - 1)
    assert len(small._moments) == 2


@pytest.mark.parametrize(
    ("counts", "dtype"),
    [
        ([0.0, 2.0**32 - 1], np.uint32),
        ([0.0, 2.0**32], np.float64),
        ([-1.0, 1.0], np.float64),
        ([0.5, 1.0], np.float64),
        ([float("nan"), 1.0], np.float64),
    ],
)
def test_whole_numbers_take_half_of_the_memory_and_none_is_changed(counts: list[float], dtype: type) -> None:
    history = History()
    for at_ms in (0, 1000):
        made = histogram_of(np.array(counts), (tof(2),), published_ms=BEGIN_MS + at_ms)
        history.add(made, made.timestamp_ns)
    moment = history.before(10)
    assert moment is not None
    assert moment.counts.dtype == dtype
    np.testing.assert_array_equal(moment.counts, counts)
