"""What counts does not depend on how messages were cut into batches, nor on other partitions."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from histsvc.kernels.judge import judge_numpy
from histsvc.window import Verdict, Window
from histsvc.worker.progress import Progress

PROFILE = settings(deadline=None, max_examples=300, derandomize=True)
SLOTS = 3
Row = tuple[int, int, int]


@st.composite
def streams(draw: st.DrawFn) -> list[Row]:
    """(slot, offset, timestamp) in reading order: per partition offsets ascend, with gaps; times do not."""
    following = [0] * SLOTS
    rows = []
    for slot in draw(st.lists(st.integers(0, SLOTS - 1), max_size=40)):
        following[slot] += draw(st.integers(1, 3))
        rows.append((slot, following[slot] - 1, draw(st.integers(0, 30))))
    return rows


windows = st.builds(
    Window,
    st.one_of(st.none(), st.integers(0, 15)),
    st.one_of(st.none(), st.integers(10, 25)),
    st.integers(0, 5),
)
limits = st.dictionaries(st.integers(0, SLOTS - 1), st.integers(0, 40), max_size=SLOTS)


def progress(window: Window, limited: dict[int, int], *, twin: bool = False) -> Progress:
    made = Progress(window, [0] * SLOTS)
    if twin:
        vars(made)["_judge"] = judge_numpy
    for slot, offset in limited.items():
        made.limit(slot, offset)
    return made


def take(made: Progress, rows: list[Row]) -> list[int]:
    slot, offset, time = np.array(rows, np.int64).reshape(len(rows), 3).T.copy()
    return [int(verdict) for verdict in made.take(slot, offset, time)]


def one_by_one(window: Window, limited: dict[int, int], rows: list[Row]) -> list[Verdict]:
    """Section 3 of the protocol, as plainly as it can be said."""
    ended: set[int] = {slot for slot, limit in limited.items() if limit <= 0}
    position = [0] * SLOTS
    verdicts = []
    for slot, offset, time in rows:
        late = window.stop_ms is not None and time > window.stop_ms + window.leeway_ms
        if slot in ended or offset < position[slot] or offset >= limited.get(slot, 1000):
            verdicts.append(Verdict.SKIPPED)
        elif late:
            ended.add(slot)
            verdicts.append(Verdict.SKIPPED)
        else:
            position[slot] = offset + 1
            inside = window.start_ms is None or time >= window.start_ms
            inside &= window.stop_ms is None or time <= window.stop_ms
            verdicts.append(Verdict.COUNTS if inside else Verdict.OUT_OF_WINDOW)
    return verdicts


@PROFILE
@given(rows=streams(), window=windows, limited=limits, cuts=st.lists(st.integers(0, 40), max_size=8))
def test_any_batching_gives_the_same(
    rows: list[Row], window: Window, limited: dict[int, int], cuts: list[int]
) -> None:
    wanted = one_by_one(window, limited, rows)
    bounds = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    cut, whole, twin = (progress(window, limited, twin=twin) for twin in (False, False, True))
    got = [v for begin, end in itertools.pairwise(bounds) for v in take(cut, rows[begin:end])]
    assert got == take(whole, rows) == take(twin, rows) == wanted
    assert cut.done.tolist() == whole.done.tolist() == twin.done.tolist()
    assert cut.position.tolist() == whole.position.tolist() == twin.position.tolist()


@PROFILE
@given(rows=streams(), window=windows, again=st.integers(0, 40))
def test_what_comes_twice_counts_once_in_whatever_batch(rows: list[Row], window: Window, again: int) -> None:
    repeated = rows + rows[again:]
    once, twice = progress(window, {}), progress(window, {})
    first = take(once, rows)
    assert take(twice, repeated) == first + [Verdict.SKIPPED] * len(rows[again:])
    assert twice.position.tolist() == once.position.tolist()


@PROFILE
@given(rows=streams(), window=windows, mine=st.integers(0, SLOTS - 1))
def test_a_partition_is_judged_as_if_it_were_alone(rows: list[Row], window: Window, mine: int) -> None:
    beside = take(progress(window, {}), rows)
    alone = take(progress(window, {}), [row for row in rows if row[0] == mine])
    assert [v for v, row in zip(beside, rows, strict=True) if row[0] == mine] == alone


@PROFILE
@given(
    rows=streams(),
    window=windows,
    later=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 30)), max_size=9),
)
def test_done_is_final(rows: list[Row], window: Window, later: list[tuple[int, int]]) -> None:
    made = progress(window, {})
    take(made, rows)
    done, position = made.done.copy(), made.position.copy()
    more = [(slot, 1000 + i, time) for i, (slot, time) in enumerate(later)]
    verdicts = take(made, more)
    made.reached_end(0, 5000)
    made.limit(1, 5000)
    assert not any(
        done[slot] and v != Verdict.SKIPPED for v, (slot, _, _) in zip(verdicts, more, strict=True)
    )
    assert (made.position == position)[done].all()
    assert made.done[done].all()
