"""Which worker counts what."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from histsvc.jobs.plan import Wish, plan
from histsvc.model import HistogramSpec, Partition, Stream, WorkerSpec

# The topics of a detector with nine banks, and five monitors on one topic: protocol's scenario loki.json.
LOKI = [f"bank{i}" for i in range(9)] + ["monitor"] * 5
A, B = ("a:1",), ("b:1",)


def wish(index: int, *streams: Stream, error: str | None = None) -> Wish:
    return Wish(HistogramSpec(index, {}, ("ev44",), "hs00", "hash", error), streams)


def starts_of(wishes: Sequence[Wish], partitions: int = 1) -> dict[Partition, int]:
    streams = {stream for wish in wishes for stream in wish.streams}
    return {Partition(*stream, number): 7 + number for stream in streams for number in range(partitions)}


def planned(wishes: Sequence[Wish], workers: int, partitions: int = 1) -> tuple[WorkerSpec, ...]:
    return plan("job", wishes, starts_of(wishes, partitions), (5, 9), workers)


def indices(specs: Sequence[WorkerSpec]) -> list[list[int]]:
    return sorted([histogram.index for histogram in spec.histograms] for spec in specs)


def topics(spec: WorkerSpec) -> set[str]:
    return {start.partition.topic for start in spec.starts}


def test_loki_on_two_workers_is_two_readers_of_ten_topics() -> None:
    specs = planned([wish(i, (A, topic)) for i, topic in enumerate(LOKI)], 2)
    assert len(specs) == 2
    assert sorted(itertools.chain(*indices(specs))) == list(range(14))
    assert sum(len(topics(spec)) for spec in specs) == len(topics(specs[0]) | topics(specs[1])) == 10
    assert abs(len(specs[0].histograms) - len(specs[1].histograms)) <= 5


def test_the_scenario_is_what_this_test_takes_it_for() -> None:
    file = Path(__file__).parents[3] / "shared" / "scenarios" / "loki.json"
    if not file.exists():
        pytest.skip("the scenarios are not part of the project")
    histograms = json.loads(file.read_text())["histograms"]
    names = [histogram["data_topics"][0] for histogram in histograms]
    assert [names.count(name) for name in names] == [LOKI.count(name) for name in LOKI]


def test_odin_two_histograms_of_one_stream_are_one_reader() -> None:
    assert indices(planned([wish(0, (A, "x")), wish(1, (A, "x"))], 8)) == [[0, 1]]


def test_streams_shared_through_others_come_together_in_whatever_order() -> None:
    wishes = [wish(0, (A, "x")), wish(1, (A, "y")), wish(2, (A, "z")), wish(3, (A, "z"), (A, "x"))]
    for order in itertools.permutations(wishes):
        assert indices(planned(order, 4)) == [[0, 2, 3], [1]]


def test_equal_topics_of_different_brokers_are_different_streams() -> None:
    specs = planned([wish(0, (A, "x")), wish(1, (B, "x"))], 4)
    assert indices(specs) == [[0], [1]]
    assert [{start.partition.brokers for start in spec.starts} for spec in specs] in ([{A}, {B}], [{B}, {A}])


def test_a_worker_gets_every_partition_of_its_streams_and_the_times() -> None:
    (spec,) = planned([wish(0, (A, "x"), (A, "y"))], 4, partitions=3)
    assert [(s.partition.topic, s.partition.number, s.offset) for s in spec.starts] == [
        (topic, number, 7 + number) for topic in "xy" for number in range(3)
    ]
    assert (spec.job, spec.start_ms, spec.stop_ms) == ("job", 5, 9)


def test_a_histogram_in_error_reads_nothing_but_is_published() -> None:
    specs = planned([wish(0, (A, "x"), error="no data"), wish(1, (A, "y"))], 1)
    assert indices(specs) == [[0, 1]]
    assert topics(specs[0]) == {"y"}
    shared = planned([wish(0, (A, "x"), error="no data"), wish(1, (A, "x"))], 1)
    assert topics(shared[0]) == {"x"}


def test_a_topic_that_nobody_wants_is_not_read() -> None:
    wishes = [wish(0, (A, "x"))]
    specs = plan("job", wishes, {**starts_of(wishes), Partition(A, "other", 0): 1}, (None, None), 2)
    assert topics(specs[0]) == {"x"}


streams = st.tuples(st.sampled_from([A, B]), st.sampled_from("uvwxyz"))
wish_lists = st.lists(st.lists(streams, min_size=1, max_size=3, unique=True), min_size=1, max_size=12)


@settings(deadline=None, max_examples=200, derandomize=True)
@given(wanted=wish_lists, workers=st.integers(1, 5))
def test_any_plan(wanted: list[list[Stream]], workers: int) -> None:
    wishes = [wish(i, *streams) for i, streams in enumerate(wanted)]
    specs = planned(wishes, workers, partitions=2)
    assert 1 <= len(specs) <= workers
    assert sorted(itertools.chain(*indices(specs))) == list(range(len(wishes)))
    reading = [{start.partition for start in spec.starts} for spec in specs]
    assert set().union(*reading) == set(starts_of(wishes, 2))
    assert sum(map(len, reading)) == len(set().union(*reading))  # no stream is read twice
    for spec, mine in zip(specs, reading, strict=True):
        assert list(spec.histograms) == sorted(spec.histograms, key=lambda histogram: histogram.index)
        for histogram in spec.histograms:
            assert {(p.brokers, p.topic) for p in mine} >= set(wishes[histogram.index].streams)


def test_a_plan_does_not_change_what_it_was_given() -> None:
    wishes = [wish(0, (A, "x")), wish(1, (A, "x"))]
    before = [replace(wish) for wish in wishes]
    planned(wishes, 2)
    assert wishes == before
