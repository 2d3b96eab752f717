"""Whenever some histograms of a worker are stopped: each counts exactly what comes before its own end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from fakes import NOW_MS, Row, event_message, histogram_spec
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.worker_bench import Worker

from histsvc.protocol.info import State

PROFILE = settings(deadline=None, max_examples=150, derandomize=True)
PLACES = (("x", 0), ("x", 1), ("y", 0))
TOPICS = (("x",), ("y",), ("x", "y"), ("x",), ("y", "x"))
LEEWAY_MS = 1000
# How many messages there are, in which order the partitions come, and when they are from.
MESSAGES = st.lists(st.tuples(st.integers(0, len(PLACES) - 1), st.integers(0, 4000)), min_size=8, max_size=40)


@dataclass(frozen=True)
class Stop:
    """Some histograms are told to end: `waiting` messages are in Kafka that have not been read yet.

    With `patience` the reader may reach them, else it ends where it is; after `reads` more reads it is over.
    """

    chosen: frozenset[int]
    patience: bool
    waiting: int
    reads: int


STOPS = st.builds(
    Stop,
    st.frozensets(st.integers(0, len(TOPICS) - 1), min_size=1, max_size=3),
    st.booleans(),
    st.integers(0, 8),
    st.integers(0, 5),
)


@dataclass
class Run:
    """A worker that is fed one batch after the other, and for each histogram where it was told to end."""

    worker: Worker
    rows: list[Row]
    sizes: list[int]
    read: int = 0
    ends: dict[int, int] = field(default_factory=dict)
    last: dict[int, tuple[list[int], dict[str, dict[int, int]]]] = field(default_factory=dict)

    def feed(self) -> None:
        """One read; what the reader was told to drop does not come any more."""
        size = self.sizes[self.read % len(self.sizes)]
        came = self.rows[self.read : self.read + size]
        self.worker.read(*(row for row in came if row[0] not in self.worker.reader.dropped))
        self.read = min(self.read + size, len(self.rows))

    def stop(self, stop: Stop) -> None:
        alive = {info.index for info in self.worker.infos()}
        chosen = sorted(stop.chosen & alive)
        if not chosen:
            return
        pipeline, end = self.worker.pipeline, self.read
        if stop.patience:
            end = min(self.read + stop.waiting, len(self.rows))
            for slot, place in enumerate(PLACES):
                self.worker.cluster.end_offsets[place] = sum(row[0] == slot for row in self.rows[:end])
            pipeline.drain(1.0, chosen)
            self.worker.step(2)
            for _ in range(stop.reads):
                self.feed()
            self.worker.clock.advance(1.01)
            self.worker.step()
            end = min(end, self.read)
        else:
            pipeline.drain(0.0, chosen)
        for publication in pipeline.chosen(chosen):
            assert publication.filling.state is State.FINISHED
            self.ends[publication.filling.spec.index] = end
        self.note()
        pipeline.forget(chosen)

    def note(self) -> None:
        """Remember what each histogram has counted, and where it is."""
        for publication in self.worker.pipeline.publisher.publications:
            filling = publication.filling
            data = filling.accumulator.snapshot().counts.data.tolist()
            self.last[filling.spec.index] = data, self.worker.pipeline.where.of(filling).offsets


def rows_of(messages: Sequence[tuple[int, int]]) -> list[Row]:
    """Messages whose two times of flight tell which they are; some of them lie above the last edge."""
    following = [0] * len(PLACES)
    rows = []
    for i, (slot, time_ms) in enumerate(messages):
        payload = event_message("ev44", [3 * i, 3 * i + 1], [1, 1])
        rows.append((slot, following[slot], NOW_MS + time_ms, payload))
        following[slot] += 1
    return rows


def wanted(rows: Sequence[Row], index: int, end: int, stop_ms: int | None) -> tuple[list[int], list[int]]:
    """What numpy counts of the messages before the end of a histogram, and the offsets behind them."""
    tof: list[int] = []
    done: set[int] = set()
    offsets = [0] * len(PLACES)
    for i, (slot, offset, time_ms, _) in enumerate(rows[:end]):
        if stop_ms is not None and time_ms > stop_ms + LEEWAY_MS:
            done.add(slot)
        if PLACES[slot][0] not in TOPICS[index] or slot in done:
            continue
        offsets[slot] = offset + 1
        if stop_ms is None or time_ms <= stop_ms:
            tof += [3 * i, 3 * i + 1]
    return np.histogram(tof, bins=10, range=(0, 100))[0].tolist(), offsets


@PROFILE
@given(
    messages=MESSAGES,
    sizes=st.lists(st.integers(1, 5), min_size=1, max_size=5),
    stops=st.lists(st.tuples(st.integers(0, 2), STOPS), min_size=1, max_size=4),
    stop_ms=st.one_of(st.none(), st.integers(0, 3000).map(lambda ms: NOW_MS + ms)),
)
def test_each_counts_what_comes_before_its_end_and_the_others_lose_nothing(
    messages: list[tuple[int, int]], sizes: list[int], stops: list[tuple[int, Stop]], stop_ms: int | None
) -> None:
    specs = [histogram_spec("hist1d", i, data_topics=list(each)) for i, each in enumerate(TOPICS)]
    rows = rows_of(messages)
    worker = Worker(*specs, starts=dict.fromkeys(PLACES, 0), stop_ms=stop_ms)
    worker.cluster.topics.update(x=2, y=1)
    run = Run(worker, rows, sizes)
    for reads, stop in stops:
        for _ in range(reads):
            run.feed()
        run.stop(stop)
    while run.read < len(rows):
        run.feed()
    run.note()
    for index in range(len(TOPICS)):
        data, offsets = run.last[index]
        counts, positions = wanted(rows, index, run.ends.get(index, len(rows)), stop_ms)
        assert data == counts
        mine = {place: n for place, n in zip(PLACES, positions, strict=True) if place[0] in TOPICS[index]}
        assert {(topic, n): at for topic, each in offsets.items() for n, at in each.items()} == mine
