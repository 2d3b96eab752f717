"""Batches of messages through the worker's own decoder and histograms, held against rules and numpy."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Sequence

import numpy as np
from fakes import payloads as messages_of
from hostile.verdict import stock_fields

from fuzz import frames, rules, stock
from fuzz.histograms import ALL, Expected, Read, histograms
from fuzz.messages import DESERIALISERS, SOURCES
from fuzz.rules import FAULTS, Events, Rule
from fuzz.walls import Side, Walls
from histsvc.histograms.base import BLANKS, HistogramConfig
from histsvc.model import (
    Batch,
    Column,
    EventBatch,
    Fault,
    FrameBatch,
    HistogramSpec,
    Int64Array,
    RawMessages,
    Tally,
)
from histsvc.window import Verdict
from histsvc.wire import EVENT_LAYOUTS, FRAME_DESERIALISERS
from histsvc.worker.fill import Filling
from histsvc.worker.read import Decoder


class Trial:
    """Histograms that count what is tried, beside what must come out."""

    def __init__(self, walls: Walls, seen: Counter[str]) -> None:
        """`seen` counts messages, and what became of them."""
        self._seen = seen
        self._walls = walls
        self._decoder = Decoder(EVENT_LAYOUTS, SOURCES, FRAME_DESERIALISERS)
        self._fillings = [self._filling(config, schemas) for config, schemas in histograms()]
        self._expected = [Expected(config, schemas) for config, schemas in histograms()]

    def _filling(self, config: HistogramConfig, schemas: tuple[str, ...]) -> Filling:
        spec = HistogramSpec(0, {}, schemas, "hs00", "hash")
        return Filling(spec, config, np.array([True]), self._decoder.schemas, SOURCES)

    def run(self, payloads: Sequence[bytes]) -> None:
        """Count messages that touch the front wall, then the same at the back wall.

        Raises AssertionError where anything is not as it must be, and whatever parser and fills raise.
        """
        self._seen["messages"] += len(payloads)
        self._seen["bytes"] += sum(map(len, payloads))
        read = [self._read(payload) for payload in payloads]
        # Every fifth message is out of the window of time.
        inside = [i % 5 != 4 for i in range(len(payloads))]
        verdicts = np.where(inside, Verdict.COUNTS, Verdict.OUT_OF_WINDOW).astype(np.uint8)
        added = [Expected(config, schemas) for config, schemas in histograms()]
        for expected in added:
            expected.add(list(zip(payloads, read, strict=True)), inside)
        for side in Side:
            placed = self._walls.place(payloads, side)
            raw = messages_of(payloads)
            raw = RawMessages(raw.slot, raw.offset, raw.timestamp_ms, placed)
            for batch, rows in self._decoder.decode(raw):
                _check(batch, [read[row] for row in np.arange(len(payloads))[rows].tolist()])
                for filling in self._fillings:
                    filling.take(batch, verdicts[rows])
            for filling, expected, more in zip(self._fillings, self._expected, added, strict=True):
                expected.merge(more)
                _compare(filling, expected)

    def _read(self, payload: bytes) -> Read:
        """What a message is by the rules, which is compared with what the usual decoder makes of it."""
        if payload[4:8] == b"da00":
            return self._read_frame(payload)
        read = rules.read(payload)
        schema = payload[4:8].decode("ascii", "replace")
        theirs = None
        if schema in DESERIALISERS:
            with contextlib.suppress(stock.Unreadable):
                theirs = stock.read(DESERIALISERS[schema], payload)
        if isinstance(read, Rule):
            is_read = theirs is not None and not isinstance(theirs.source_name, stock.CutText)
            assert not is_read or read in rules.OURS
            self._seen[f"refused: {read.name}"] += 1
            self._seen[f"refused though the usual decoder reads it: {read.name}"] += is_read
            return read
        self._seen[f"counted: {schema}"] += 1
        self._seen["counted though the usual decoder does not read it"] += theirs is None
        _same_as_stock(read, payload)
        return read

    def _read_frame(self, payload: bytes) -> Read:
        """A frame; where the usual decoder stumbles, what ours makes of it, if that is a frame."""
        try:
            read = frames.read(payload)
        except stock.Unreadable:
            read = None
            with contextlib.suppress(ValueError):
                ours = FRAME_DESERIALISERS["da00"](payload)
                read = frames.Counts(ours.source, ours.time_ns, ours.edges_ns, ours.counts)
                self._seen["counted though the usual decoder does not read it"] += 1
                frames.assert_sound(read)
        self._seen["refused: no frame" if read is None else "counted: da00"] += 1
        return read


def _check(batch: Batch, reads: Sequence[Read]) -> None:
    """Each message of a batch has the verdict, and the numbers, that it must have."""
    for i, read in enumerate(reads):
        match batch:
            case FrameBatch():
                assert (batch.frames[i] is None) is (read is None)
                assert batch.fault[i] == (Fault.NOT_COUNTS if read is None else Fault.NONE)
            case EventBatch():
                _check_events(batch.table[:, i], read)
            case _:
                raise AssertionError(batch)


def _check_events(column: Int64Array, read: Read) -> None:
    if not isinstance(read, Events):
        assert isinstance(read, Rule)
        assert column[Column.FAULT] == FAULTS.get(read, Fault.OUT_OF_BOUNDS)
        assert not column[[Column.TOF_LENGTH, Column.PIXEL_LENGTH]].any()
        return
    assert column[Column.FAULT] == Fault.NONE
    assert column[Column.SCHEMA] == ALL.index(read.schema)
    assert column[Column.REFERENCE_TIME_NS] == read.time_ns
    name = read.source.strip(BLANKS.encode())
    names = [source.encode() for source in SOURCES]
    assert column[Column.SOURCE] == (names.index(name) if name in names else -1)
    assert column[Column.TOF_LENGTH] == read.tof.size
    assert column[Column.PIXEL_LENGTH] == read.pixel.size


def _same_as_stock(read: Events, payload: bytes) -> None:
    """The schema's own code reads the same, field by field."""
    theirs = stock_fields(read.schema, payload)
    for mine, name in ((read.tof, "tof"), (read.pixel, "pixel")):
        vector = theirs[name]()
        # A vector that was left out is 0.
        np.testing.assert_array_equal(mine, vector if isinstance(vector, np.ndarray) else [])
    times = theirs["time"]()
    newest = (times.max() if times.size else 0) if isinstance(times, np.ndarray) else times
    # What is beyond int64 is negative, which is no time of a pulse.
    assert read.time_ns % (1 << 64) == int(newest) % (1 << 64)
    assert read.source == (theirs["source"]() or b"")


def _compare(filling: Filling, expected: Expected) -> None:
    counts = filling.accumulator.snapshot().counts.data
    np.testing.assert_array_equal(counts, expected.counts)
    tally = zip(Tally, filling.accumulator.tally.tolist(), strict=True)
    assert {which.name.lower(): n for which, n in tally if n} == expected.tally
    assert filling.last_pulse_ns == expected.pulse_ns
