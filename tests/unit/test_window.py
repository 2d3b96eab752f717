"""The rules of section 3, one by one."""

from __future__ import annotations

import numpy as np
import pytest

from histsvc.window import Verdict, Window
from histsvc.worker.progress import Progress

OPEN = Window(None, None, 0)
C, O, S = Verdict.COUNTS, Verdict.OUT_OF_WINDOW, Verdict.SKIPPED  # noqa: E741


def take(progress: Progress, *rows: tuple[int, int, int]) -> list[int]:
    slot, offset, time = np.array(rows, np.int64).reshape(len(rows), 3).T.copy()
    return [int(verdict) for verdict in progress.take(slot, offset, time)]


@pytest.mark.parametrize(
    ("start", "stop", "inside"),
    [
        (None, None, [1, 1, 1, 1, 1]),
        (10, None, [0, 1, 1, 1, 1]),
        (None, 20, [1, 1, 1, 1, 0]),
        (10, 20, [0, 1, 1, 1, 0]),
        (15, 15, [0, 0, 1, 0, 0]),
    ],
)
def test_start_and_stop_themselves_belong(start: int | None, stop: int | None, inside: list[int]) -> None:
    times = np.array([9, 10, 15, 20, 21])
    first, last, _ = Window(start, stop, 1000).bounds
    assert ((times >= first) & (times <= last)).astype(int).tolist() == inside


def test_inside_the_leeway_messages_are_judged_by_their_own_time() -> None:
    progress = Progress(Window(None, 100, 10), [0])
    assert take(progress, (0, 0, 99), (0, 1, 105), (0, 2, 100), (0, 3, 110), (0, 4, 90)) == [C, O, C, O, C]
    assert not progress.done[0]


def test_beyond_the_leeway_the_partition_is_done() -> None:
    progress = Progress(Window(None, 100, 10), [0, 0])
    assert take(progress, (0, 0, 99), (0, 1, 111), (0, 2, 50), (1, 0, 50)) == [C, S, S, C]
    assert progress.done.tolist() == [True, False]
    assert progress.position.tolist() == [1, 1]
    assert take(progress, (0, 2, 50), (1, 1, 50)) == [S, C]


def test_without_stop_no_time_ends_a_partition() -> None:
    progress = Progress(Window(100, None, 0), [0])
    assert take(progress, (0, 0, 2**62), (0, 1, 50), (0, 2, 100)) == [C, O, C]
    assert not progress.done[0]


def test_messages_before_the_start_are_skipped_and_those_counted_do_not_count_again() -> None:
    progress = Progress(OPEN, [5])
    assert take(progress, (0, 3, 1), (0, 4, 1), (0, 5, 1)) == [S, S, C]
    assert take(progress, (0, 4, 1), (0, 5, 1), (0, 6, 1)) == [S, S, C]
    assert progress.position.tolist() == [7]


def test_what_comes_twice_in_one_batch_counts_once() -> None:
    progress = Progress(OPEN, [0])
    assert take(progress, (0, 0, 1), (0, 1, 1), (0, 0, 1), (0, 1, 1), (0, 2, 1)) == [C, C, S, S, C]
    assert progress.position.tolist() == [3]


def test_a_limit_ends_a_partition_when_it_is_reached() -> None:
    progress = Progress(OPEN, [0])
    progress.limit(0, 2)
    assert progress.limited.tolist() == [True]
    assert take(progress, (0, 0, 1)) == [C]
    assert not progress.done[0]
    assert take(progress, (0, 1, 1), (0, 2, 1)) == [C, S]
    assert progress.done[0]


@pytest.mark.parametrize("limit", [0, 3, 5])
def test_a_limit_that_is_passed_already_ends_at_once(limit: int) -> None:
    progress = Progress(OPEN, [5])
    progress.limit(0, limit)
    assert progress.done[0]
    assert progress.position.tolist() == [5]


def test_a_later_limit_does_not_move_an_earlier_one() -> None:
    progress = Progress(OPEN, [0])
    progress.limit(0, 2)
    progress.limit(0, 9)
    assert take(progress, (0, 1, 1), (0, 2, 1)) == [C, S]


def test_a_limit_behind_a_control_record_is_reached_by_position() -> None:
    progress = Progress(OPEN, [0])
    progress.limit(0, 3)
    assert take(progress, (0, 0, 1), (0, 1, 1)) == [C, C]
    assert not progress.done[0]
    progress.reached_end(0, 3)
    assert progress.done[0]
    assert progress.position.tolist() == [3]


def test_a_message_behind_the_limit_proves_that_the_limit_is_reached() -> None:
    # Offset 2 is a control record; new messages keep coming, so the reader never stands at the end.
    progress = Progress(OPEN, [0])
    progress.limit(0, 3)
    assert take(progress, (0, 0, 1), (0, 1, 1), (0, 3, 1)) == [C, C, S]
    assert progress.done[0]


def test_an_end_before_the_limit_moves_the_position_only() -> None:
    progress = Progress(OPEN, [0])
    progress.limit(0, 9)
    progress.reached_end(0, 4)
    assert (progress.done[0], progress.position[0]) == (False, 4)
    progress.reached_end(0, 2)
    assert progress.position[0] == 4


def test_an_end_without_a_limit_ends_nothing() -> None:
    progress = Progress(Window(None, 100, 0), [0])
    progress.reached_end(0, 4)
    assert not progress.done[0]
    assert not progress.limited[0]


def test_an_end_does_not_move_what_is_done() -> None:
    progress = Progress(OPEN, [0])
    progress.limit(0, 0)
    progress.reached_end(0, 4)
    assert progress.position.tolist() == [0]
    assert take(progress, (0, 0, 1)) == [S]


def test_the_clock_alone_says_that_nothing_comes_after_stop_and_5_s() -> None:
    assert [Window(None, 100, 0).grace_is_over(now) for now in (100, 5100, 5101)] == [False, False, True]
    assert not OPEN.grace_is_over(2**62)
