"""Stand-ins for clock, reader, clusters and outbox; and short ways to make messages and histograms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from histsvc.histograms.base import HistogramConfig
from histsvc.histograms.registry import histogram_types
from histsvc.model import HistogramSpec, InPlace, Partition, Place, RawMessages, Start, Tally, WorkerSpec
from histsvc.ports import Waitable
from histsvc.protocol.info import State
from histsvc.wire import EVENT_LAYOUTS, ev42, ev44
from histsvc.worker.fill import Filling
from histsvc.worker.publication import Draft
from histsvc.worker.read import Decoder

NOW_MS = 1_700_000_000_000
BROKERS = ("broker:9092",)
SCHEMAS = tuple(layout.schema for layout in EVENT_LAYOUTS)


class FakeClock:
    """A clock that stands still until it is told to go on."""

    def __init__(self, now_ms: int = NOW_MS) -> None:
        self._begin_ns = now_ms * 1_000_000
        self._passed_ns = 0

    def advance(self, seconds: float) -> None:
        self._passed_ns += round(seconds * 1e9)

    def now_ns(self) -> int:
        return self._begin_ns + self._passed_ns

    def monotonic_s(self) -> float:
        return self._passed_ns / 1e9


class FakeReader:
    """Gives what was put in, one RawMessages a read; remembers what it was told."""

    def __init__(self) -> None:
        self.starts: tuple[Start, ...] = ()
        self.dropped: list[int] = []
        self.moved: dict[int, int] = {}
        self.known_ends: dict[int, int] = {}
        self.queue: list[RawMessages] = []
        self.reads = 0
        self.reads_ahead = 0
        self.waits_s: list[float] = []

    def assign(self, starts: Sequence[Start]) -> None:
        self.starts = tuple(starts)

    def extend(self, starts: Sequence[Start]) -> None:
        self.starts += tuple(starts)

    def read(self, timeout_s: float) -> RawMessages:
        self.reads += 1
        return self.queue.pop(0) if self.queue else raw([])

    def read_ahead(self) -> None:
        self.reads_ahead += 1

    def wait(self, others: Sequence[Waitable], timeout_s: float) -> None:
        self.waits_s.append(timeout_s)

    def move(self, slot: int, offset: int) -> None:
        self.moved[slot] = offset

    def drop(self, slots: Iterable[int]) -> None:
        for slot in slots:
            self.dropped.append(slot)
            self.known_ends.pop(slot, None)

    def ends(self) -> Mapping[int, int]:
        return self.known_ends

    def release(self) -> None:
        self.starts = ()


class FakeOutbox:
    """Keeps drafts; delivers them at once, or when `deliver` is called, or with `error`."""

    def __init__(self) -> None:
        self.drafts: list[Draft] = []
        self.futures: list[Future[Place]] = []
        self.hold = False
        self.error: Exception | None = None

    def post(self, draft: Draft) -> Future[Place]:
        future: Future[Place] = Future()
        self.drafts.append(draft)
        self.futures.append(future)
        if not self.hold:
            self._end(future)
        return future

    def deliver(self) -> None:
        for future in self.futures:
            if not future.done():
                self._end(future)

    def _end(self, future: Future[Place]) -> None:
        if self.error is None:
            future.set_result(Place(0, self.futures.index(future)))
        else:
            future.set_exception(self.error)

    def states(self, index: int = 0) -> list[State]:
        return [draft.info.state for draft in self.drafts if draft.info.index == index]


Row = tuple[int, int, int, bytes]


def raw(
    rows: Sequence[Row], ends: Mapping[int, int] | None = None, failures: Mapping[int, str] | None = None
) -> RawMessages:
    """Messages from (slot, offset, timestamp in ms, payload)."""
    slot, offset, time_ms = np.array([row[:3] for row in rows], np.int64).reshape(len(rows), 3).T.copy()
    return RawMessages(
        slot, offset, time_ms, [row[3] for row in rows], dict(ends or {}), dict(failures or {})
    )


def payloads(messages: Sequence[bytes], offset: int = 0) -> RawMessages:
    """Messages of one partition, all from now."""
    return raw([(0, offset + i, NOW_MS, payload) for i, payload in enumerate(messages)])


def in_place(messages: Sequence[bytes], shift: int) -> RawMessages:
    """The same in one piece of memory, each `shift` bytes behind a place that is aligned for any type."""
    places = np.cumsum([shift, *(len(message) // 16 * 16 + 32 for message in messages)])
    memory = np.zeros(places[-1] + 16, np.uint8)
    memory = memory[-memory.ctypes.data % 16 :]
    for place, message in zip(places.tolist(), messages, strict=False):
        memory[place : place + len(message)] = np.frombuffer(message, np.uint8)
    sizes = np.array([len(message) for message in messages], np.int64)
    placed = InPlace(memory.ctypes.data + places[:-1], sizes, memory)
    return replace(payloads(messages), payload=placed)


def event_message(
    schema: str, tof_ns: npt.ArrayLike, pixel_id: npt.ArrayLike, source: str = "a", time_ns: int = 1
) -> bytes:
    """A message as the field's usual serialisers make it."""
    serialise = ev42.serialise if schema == "ev42" else ev44.serialise
    return serialise(source, 0, time_ns, np.asarray(tof_ns), np.asarray(pixel_id))


def raw_config(kind: str, **changes: Any) -> dict[str, Any]:
    """A histogram as clients send it, with the keys of every type."""
    common = {
        "type": kind,
        "data_brokers": list(BROKERS),
        "data_topics": ["events"],
        "topic": "histograms",
        "id": "h",
        "source": "",
        "tof_range": [0, 100],
        "det_range": [1, 12],
        "num_bins": 10,
        "width": 4,
        "height": 3,
        "left_edges": [1, 5, 9],
    }
    if kind == "hist1d":
        del common["det_range"]
    return {**common, **changes}


def config_of(kind: str, **changes: Any) -> HistogramConfig:
    """A checked configuration."""
    return histogram_types()[kind].model_validate(raw_config(kind, **changes))


def histogram_spec(kind: str, index: int = 0, **changes: Any) -> HistogramSpec:
    """One histogram of a job that takes every event schema."""
    return HistogramSpec(index, raw_config(kind, **changes), SCHEMAS, "hs00", "hash")


def worker_spec(
    *histograms: HistogramSpec,
    starts: Mapping[tuple[str, int], int] | None = None,
    start_ms: int | None = None,
    stop_ms: int | None = None,
) -> WorkerSpec:
    """What one worker does; `starts` maps (topic, partition) to the first offset."""
    places = {("events", 0): 0} if starts is None else starts
    begins = tuple(Start(Partition(BROKERS, *place), offset) for place, offset in places.items())
    return WorkerSpec("job", histograms, begins, start_ms, stop_ms)


def filling_of(config: HistogramConfig, schemas: Sequence[str] = SCHEMAS) -> Filling:
    """A histogram over one partition, with its configured source as the only one that is known."""
    spec = HistogramSpec(0, {}, tuple(schemas), "hs00", "hash")
    sources = [config.source_name] if config.source_name else []
    return Filling(spec, config, np.array([True]), SCHEMAS, sources)


def decoder_of(*sources: str) -> Decoder:
    """A decoder of every event schema."""
    return Decoder(EVENT_LAYOUTS, sources, {})


def tally_of(filling: Filling) -> dict[str, int]:
    """The accounting, by name, without the zeros."""
    return {
        which.name.lower(): int(n) for which, n in zip(Tally, filling.accumulator.tally, strict=True) if n
    }
