"""From what a reader brings to a parsed batch, in place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from histsvc.histograms.base import BLANKS
from histsvc.model import (
    Batch,
    Column,
    EventBatch,
    EventLayout,
    Fault,
    Frame,
    FrameBatch,
    Int64Array,
    RawMessages,
    addresses,
)

Rows = Int64Array | slice
"""Which of the messages that were read a batch consists of."""


class Decoder:
    """Parses messages and recognises the source names `sources`.

    `layouts` are the schemas of events, `frames` says how to read those that are histograms already (raising
    ValueError); `schemas` names all of them in the order in which batches number them.
    """

    def __init__(
        self,
        layouts: Sequence[EventLayout],
        sources: Sequence[str],
        frames: Mapping[str, Callable[[bytes], Frame]],
    ) -> None:
        from histsvc.kernels import parse  # loads numba: only where events are filled

        self.schemas = [*(layout.schema for layout in layouts), *frames]
        self._sources = list(sources)
        self._read_frame = {schema.encode(): read for schema, read in frames.items()}
        self._parse = parse.parse
        self._layouts = parse.layout_table(layouts)
        self._names, self._ends = parse.name_table(sources)

    def decode(self, raw: RawMessages) -> list[tuple[Batch, Rows]]:
        """Parse all messages: a batch for each kind of input, and which of the messages are in it.

        None is left out or in two batches.
        """
        events = self.events(raw)
        frames = self._frames(raw, events)
        if frames.size == 0:
            return [(events, slice(None))]
        others = np.setdiff1d(np.arange(raw.offset.size), frames)
        rest = EventBatch(
            raw.slot[others],
            raw.offset[others],
            raw.timestamp_ms[others],
            np.take(events.table, others, axis=1),
            events.memory,
        )
        return [(rest, others), (self._frame_batch(raw, frames), frames)]

    def _frames(self, raw: RawMessages, events: EventBatch) -> Int64Array:
        """Which messages are histograms of a schema that is to be read, int64."""
        if not self._read_frame:
            return np.empty(0, np.int64)
        other = np.flatnonzero(events.fault == Fault.OTHER_SCHEMA).tolist()
        return np.array([i for i in other if raw.payload[i][4:8] in self._read_frame], np.int64)

    def _frame_batch(self, raw: RawMessages, rows: Int64Array) -> FrameBatch:
        fault = np.zeros(rows.size, np.int64)
        source = np.full(rows.size, -1)
        frames: list[Frame | None] = []
        payloads = [raw.payload[row] for row in rows.tolist()]
        for i, payload in enumerate(payloads):
            try:
                frame = self._read_frame[payload[4:8]](payload)
            except ValueError:
                fault[i] = Fault.NOT_COUNTS
                frames.append(None)
                continue
            frames.append(frame)
            name = frame.source.strip(BLANKS)
            source[i] = self._sources.index(name) if name in self._sources else -1
        schema = np.array([self.schemas.index(payload[4:8].decode()) for payload in payloads])
        return FrameBatch(
            raw.slot[rows], raw.offset[rows], raw.timestamp_ms[rows], fault, schema, source, tuple(frames)
        )

    def events(self, raw: RawMessages) -> EventBatch:
        """Parse all messages as events; what is of another schema is told as such."""
        address = addresses(raw.payload)
        table = np.empty((len(Column), raw.size.size), np.int64)
        self._parse(address, raw.size, self._layouts, self._names, self._ends, table)
        return EventBatch(raw.slot, raw.offset, raw.timestamp_ms, table, raw.payload)
