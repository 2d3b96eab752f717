"""Where reading begins in every partition (protocol.md, section 3)."""

from __future__ import annotations

import pytest
from fakes import BROKERS, NOW_MS
from unit.test_check import context, result

from histsvc.clock import Deadline
from histsvc.commands.starts import Starts, find_starts
from histsvc.model import Partition, Stream
from histsvc.ports import OffsetAt, TopicFacts

STREAM = (BROKERS, "events")
LONG_AGO = NOW_MS - 3_600_000
Kept = list[tuple[int, int]]


def found(start_ms: int | None, *partitions: tuple[Kept, int]) -> Starts:
    """Starts in partitions, each given by what is kept of it and its end."""
    made, clusters = context()
    cluster = clusters.of(BROKERS)
    for number, (kept, end) in enumerate(partitions):
        cluster.kept["events", number] = kept
        cluster.end_offsets["events", number] = end
    facts: dict[Stream, TopicFacts] = {STREAM: TopicFacts(len(partitions))}
    return result(find_starts(facts, start_ms, NOW_MS, made, Deadline(made.clock, 4)))


def offsets(starts: Starts) -> list[int]:
    return [starts.offsets[Partition(*STREAM, number)] for number in range(len(starts.offsets))]


FULL: Kept = [(0, LONG_AGO), (1, LONG_AGO + 10), (2, LONG_AGO + 5), (3, LONG_AGO + 20)]
CUT: Kept = FULL[2:]


@pytest.mark.parametrize(("start_ms", "first"), [(LONG_AGO, 0), (LONG_AGO + 6, 1), (LONG_AGO + 11, 3)])
def test_the_first_message_that_is_not_older(start_ms: int, first: int) -> None:
    starts = found(start_ms, (FULL, 4), ([], 0))
    assert (offsets(starts), starts.errors) == ([first, 0], {})


def test_without_a_start_it_is_the_end() -> None:
    starts = found(None, (FULL, 4), (CUT, 5))
    assert (offsets(starts), starts.errors) == ([4, 5], {})


@pytest.mark.parametrize("start_ms", [LONG_AGO + 21, NOW_MS, NOW_MS + 10_000])
def test_a_start_after_all_messages_is_the_end(start_ms: int) -> None:
    starts = found(start_ms, (FULL, 4), (CUT, 6), ([], 7))
    assert (offsets(starts), starts.errors) == ([4, 6, 7], {})


def test_a_start_before_the_oldest_message_is_no_error_where_nothing_was_removed() -> None:
    assert found(1, (FULL, 4), ([], 0)).errors == {}


def test_removed_data_is_an_error_that_names_the_oldest_time_kept() -> None:
    starts = found(LONG_AGO, (FULL, 4), (CUT, 4))
    assert "Cannot find start time in the data" in starts.errors[STREAM]
    assert str(LONG_AGO + 5) in starts.errors[STREAM]


@pytest.mark.parametrize("start_ms", [LONG_AGO + 5, LONG_AGO + 6])
def test_removed_data_that_is_older_than_start_is_no_error(start_ms: int) -> None:
    assert found(start_ms, (CUT, 4)).errors == {}


@pytest.mark.parametrize(("ago_ms", "error"), [(59_999, False), (60_001, True)])
def test_a_start_less_than_a_minute_ago_is_no_error(ago_ms: int, error: bool) -> None:
    kept = [(7, NOW_MS - 1000)]
    assert bool(found(NOW_MS - ago_ms, (kept, 8)).errors) is error


def test_partitions_that_were_emptied_by_the_broker_are_no_error() -> None:
    assert found(LONG_AGO, ([], 9)).errors == {}


def test_the_end_is_asked_for_before_the_start() -> None:
    """What arrives between the two questions would be missed the other way round."""
    made, clusters = context()
    cluster = clusters.of(BROKERS)
    cluster.end_offsets["events", 0] = 4
    result(find_starts({STREAM: TopicFacts(1)}, NOW_MS, NOW_MS, made, Deadline(made.clock, 4)))
    assert [at for _, at in cluster.asked] == [OffsetAt.LATEST, NOW_MS]
