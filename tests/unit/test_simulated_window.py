"""Start, stop and interval on virtual logs, from the brokers' answers to the counts; numpy is the oracle."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from fakes import BROKERS, NOW_MS, FakeClock
from unit.simulated_bench import NOW, Simulated, spec_of

from histsvc.clock import Deadline
from histsvc.commands.context import Context
from histsvc.commands.starts import Starts, find_starts
from histsvc.model import Partition, Stream
from histsvc.ports import FoundOffset, OffsetAt, TopicFacts
from histsvc.protocol.info import State
from histsvc.sources.simulated_cluster import SimulatedClusters

STREAM: Stream = (BROKERS, "events")
PARTITION = Partition(*STREAM, 0)
DAY_MS = 24 * 3600 * 1000
TIMES_MS = np.arange(NOW - 30_000, NOW + 30_000) * 20


def starts(start_ms: int | None, now_ms: int = NOW_MS) -> Starts:
    clock = FakeClock(now_ms)
    clusters = SimulatedClusters(clock)
    context = cast(Context, SimpleNamespace(clusters=clusters, data=clusters))
    steps = find_starts({STREAM: TopicFacts(1)}, start_ms, now_ms, context, Deadline(clock, 4))
    try:
        next(steps)
    except StopIteration as finished:
        return cast(Starts, finished.value)
    raise AssertionError("it is answered at once")


def first(start_ms: int | None) -> dict[tuple[str, int], int]:
    found = starts(start_ms)
    assert found.errors == {}
    return {("events", 0): found.offsets[PARTITION]}


def asked(at: OffsetAt | int, now_ms: int = NOW_MS) -> FoundOffset:
    cluster = SimulatedClusters(FakeClock(now_ms)).of(BROKERS)
    return cluster.offsets([PARTITION], at).result(0)[PARTITION]


@pytest.mark.parametrize(
    ("start_ms", "stop_ms"),
    [
        (NOW_MS - 5000, NOW_MS - 3000),
        (NOW_MS - 4999, NOW_MS - 4961),
        (NOW_MS - 4999, NOW_MS - 4960),
        (NOW_MS - 4980, NOW_MS - 4980),
        (NOW_MS - 400_013, NOW_MS - 390_001),
        (NOW_MS - 2000, NOW_MS - 100),
        (NOW_MS - 2000, NOW_MS + 1234),
        (NOW_MS + 300, NOW_MS + 500),
    ],
)
def test_start_and_stop_select_the_messages_that_numpy_says(start_ms: int, stop_ms: int) -> None:
    worker = Simulated(spec_of("hist1d"), starts=first(start_ms), start_ms=start_ms, stop_ms=stop_ms)
    for _ in range(100):
        worker.clock.advance(0.05)
        worker.step(1)
    inside = TIMES_MS[(start_ms <= TIMES_MS) & (stop_ms >= TIMES_MS)]
    (info,) = worker.infos()
    assert (info.sum, info.state) == (200 * inside.size, State.FINISHED)
    assert info.last_pulse_time == inside[-1] * 1_000_000


def test_a_window_without_a_message_finishes_empty() -> None:
    start_ms, stop_ms = NOW_MS - 4999, NOW_MS - 4981
    worker = Simulated(spec_of("hist1d"), starts=first(start_ms), start_ms=start_ms, stop_ms=stop_ms)
    worker.step(3)
    (info,) = worker.infos()
    assert (info.sum, info.state) == (0, State.FINISHED)


def test_without_a_start_what_comes_from_now_on_counts() -> None:
    worker = Simulated(spec_of("hist1d"), starts=first(None))
    worker.step(2)
    assert worker.infos()[0].sum == 0
    worker.clock.advance(1.0)
    worker.step(2)
    (info,) = worker.infos()
    assert (info.sum, info.state, info.lag) == (50 * 200, State.COUNTING, 0)


def test_an_interval_counts_from_now_for_that_long() -> None:
    stop_ms = NOW_MS + 2000
    worker = Simulated(spec_of("hist1d"), starts=first(None), start_ms=NOW_MS, stop_ms=stop_ms)
    for _ in range(20):
        worker.clock.advance(0.2)
        worker.step(1)
    (info,) = worker.infos()
    assert (info.sum, info.state) == (100 * 200, State.FINISHED)
    assert info.last_pulse_time == stop_ms * 1_000_000


def test_the_answers_of_a_cluster() -> None:
    assert asked(OffsetAt.LATEST) == FoundOffset(NOW, -1)
    assert asked(OffsetAt.EARLIEST) == FoundOffset(NOW - 1 - DAY_MS // 20, -1)
    assert asked(NOW_MS - 19) == asked(NOW_MS) == FoundOffset(NOW - 1, NOW_MS)
    assert asked(NOW_MS + 1) == FoundOffset(-1, -1)
    assert asked(NOW_MS - 20) == FoundOffset(NOW - 2, NOW_MS - 20)
    cluster = SimulatedClusters(FakeClock()).of(BROKERS)
    assert cluster.describe(["a", "b"]).result(0) == {"a": TopicFacts(1), "b": TopicFacts(1)}
    assert cluster.addresses().result(0) == set(BROKERS)
    assert cluster.largest_messages(["a"]).result(0)["a"] > 10**6
    assert cluster.trouble == ""


def test_a_message_is_there_at_its_time_and_not_before() -> None:
    ends = [asked(OffsetAt.LATEST, NOW_MS + ms).offset - NOW for ms in (-1, 0, 19, 20, 21)]
    assert ends == [-1, 0, 0, 1, 1]


def test_a_log_of_less_than_a_day_has_its_beginning() -> None:
    assert asked(OffsetAt.EARLIEST, DAY_MS - 1).offset == asked(OffsetAt.EARLIEST, DAY_MS).offset == 0
    assert asked(OffsetAt.EARLIEST, 1000).offset == 0
    assert asked(OffsetAt.EARLIEST, DAY_MS + 1).offset == 1
    assert starts(1, DAY_MS).errors == {}


def test_a_start_before_the_last_24_hours_is_an_error() -> None:
    found = starts(NOW_MS - DAY_MS - 1)
    assert "Cannot find start time in the data" in found.errors[STREAM]
    assert str(NOW_MS - DAY_MS) in found.errors[STREAM]
    assert starts(NOW_MS - DAY_MS).errors == {}
    assert starts(NOW_MS - DAY_MS).offsets[PARTITION] == NOW - 1 - DAY_MS // 20
