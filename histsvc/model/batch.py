"""What comes in: raw messages, and batches of one kind of input each, parsed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt

from histsvc.model.payloads import InPlace, Int64Array, Payloads, addresses, chosen, emptied, sizes


@dataclass(frozen=True)
class EventLayout:
    """Where an event schema keeps its fields: vtable offsets of its FlatBuffers table."""

    schema: str
    source: int
    reference_time: int
    reference_time_is_vector: bool
    tof: int
    pixel: int
    unsigned: bool


@dataclass(frozen=True, eq=False)
class Pulse:
    """The events of one pulse at one source, as sources make them and single messages carry them.

    `reference_time_ns` is the time of the pulse in ns since the Unix epoch; `tof_ns` (ns after the pulse) and
    `pixel_id` are int64 (events,).
    """

    source: str
    reference_time_ns: int
    tof_ns: Int64Array
    pixel_id: Int64Array

    def shifted(self, by_ns: int) -> Pulse:
        """Give the same events `by_ns` later."""
        return replace(self, reference_time_ns=self.reference_time_ns + by_ns) if by_ns else self


class Fault(IntEnum):
    """Why a payload is not counted; the parser's verdict on one message."""

    NONE = 0
    OTHER_SCHEMA = 1
    NO_SCHEMA = 2
    OUT_OF_BOUNDS = 3
    LENGTHS_DIFFER = 4
    NOT_COUNTS = 5


class Column(IntEnum):
    """The rows of `EventBatch.table`; the parser writes them, the fill kernels read them."""

    FAULT = 0
    SCHEMA = 1
    SOURCE = 2
    REFERENCE_TIME_NS = 3
    MASK = 4
    TOF_ADDRESS = 5
    TOF_LENGTH = 6
    PIXEL_ADDRESS = 7
    PIXEL_LENGTH = 8


class Tally(IntEnum):
    """What became of the events that a histogram saw; accumulators keep one int64 for each."""

    COUNTED = 0
    UNDERFLOW = 1
    OVERFLOW = 2
    FILTERED = 3
    OUT_OF_WINDOW = 4
    MESSAGES = 5
    UNDECODABLE = 6
    OTHER_SCHEMA = 7


@dataclass(frozen=True, eq=False)
class RawMessages:
    """What one read brought: contiguous columns, one entry per message, in reading order.

    `slot` numbers the partitions of the reader, `offset` and `timestamp_ms` are Kafka's, `payload` may be
    empty (a message without a value). `ends` maps slots whose end was reached to the offset of that end,
    `failures` maps slots that cannot be read any more to the reason; of those in `overtaken` the next offset
    is not there, and those in `hindered` are read on once they may be. `waited` says that there was less than
    the reader would have taken at once.
    """

    slot: Int64Array
    offset: Int64Array
    timestamp_ms: Int64Array
    payload: Payloads
    ends: Mapping[int, int] = field(default_factory=dict)
    failures: Mapping[int, str] = field(default_factory=dict)
    overtaken: frozenset[int] = frozenset()
    hindered: frozenset[int] = frozenset()
    waited: bool = False

    @cached_property
    def size(self) -> Int64Array:
        """Bytes of each payload, int64 (messages,)."""
        return sizes(self.payload)

    def rows(self, rows: slice) -> RawMessages:
        """Some of the messages, without what was said beside them."""
        columns = self.slot[rows], self.offset[rows], self.timestamp_ms[rows]
        return RawMessages(*columns, chosen(self.payload, rows))

    def emptied(self, rows: Int64Array) -> RawMessages:
        """The same with nothing in the messages `rows`, int64."""
        return replace(self, payload=emptied(self.payload, rows))


def joined(parts: Sequence[RawMessages]) -> RawMessages:
    """What several readers brought, one after the other: within a partition the order stays."""
    if len(parts) == 1:
        return parts[0]
    empty = np.empty(0, np.int64)
    payloads = [part.payload for part in parts]
    return RawMessages(
        np.concatenate([empty, *(part.slot for part in parts)]),
        np.concatenate([empty, *(part.offset for part in parts)]),
        np.concatenate([empty, *(part.timestamp_ms for part in parts)]),
        InPlace(
            np.concatenate([empty, *map(addresses, payloads)]),
            np.concatenate([empty, *map(sizes, payloads)]),
            payloads,
        ),
        {slot: offset for part in parts for slot, offset in part.ends.items()},
        {slot: reason for part in parts for slot, reason in part.failures.items()},
        frozenset().union(*(part.overtaken for part in parts)),
        frozenset().union(*(part.hindered for part in parts)),
        all(part.waited for part in parts),
    )


class Batch(Protocol):
    """Parsed messages of one kind of input: columns of equal length, one entry per message, in reading order.

    What an accumulator takes of it is its own business; what every message has, whatever its kind, is here.
    """

    @property
    def slot(self) -> Int64Array:
        """The partition that it came from, as the reader numbers them, int64 (messages,)."""
        ...

    @property
    def offset(self) -> Int64Array:
        """Kafka's offset, int64 (messages,)."""
        ...

    @property
    def timestamp_ms(self) -> Int64Array:
        """Kafka's timestamp, int64 (messages,)."""
        ...

    @property
    def fault(self) -> Int64Array:
        """Why it is not counted, int64 (messages,) of Fault."""
        ...

    @property
    def schema(self) -> Int64Array:
        """Index of its schema in the decoder's list, -1 for none of them, int64 (messages,)."""
        ...

    @property
    def source(self) -> Int64Array:
        """Index of its source in the decoder's list of names, -1 for none of them, int64 (messages,)."""
        ...

    @property
    def reference_time_ns(self) -> Int64Array:
        """Its newest pulse, ns since the epoch, 0 where it has none, int64 (messages,)."""
        ...

    @property
    def events(self) -> Int64Array:
        """How many events it stands for, int64 (messages,)."""
        ...

    def lacks(self, *, tof: bool, pixel: bool) -> npt.NDArray[np.bool_]:
        """Which messages have no times of flight or no pixel ids where those are needed, bool (messages,)."""
        ...


@dataclass(frozen=True, eq=False)
class EventBatch:
    """Parsed messages: a table with one column of `table` per message, and addresses of events.

    `table` is int64 (len(Column), messages): what the parser found out about each message; addresses are of
    vectors of 32-bit integers in what `memory` keeps alive, which are
    signed where MASK is -1 and unsigned where it is 0xffffffff. SCHEMA and SOURCE are indices into the
    parser's lists, -1 for none of them.
    """

    slot: Int64Array
    offset: Int64Array
    timestamp_ms: Int64Array
    table: Int64Array
    memory: object

    def column(self, which: Column) -> Int64Array:
        """One column of the table, int64 (messages,), a view."""
        column: Int64Array = self.table[which]
        return column

    @property
    def fault(self) -> Int64Array:
        """See Batch."""
        return self.column(Column.FAULT)

    @property
    def schema(self) -> Int64Array:
        """See Batch."""
        return self.column(Column.SCHEMA)

    @property
    def source(self) -> Int64Array:
        """See Batch."""
        return self.column(Column.SOURCE)

    @property
    def reference_time_ns(self) -> Int64Array:
        """See Batch."""
        return self.column(Column.REFERENCE_TIME_NS)

    @cached_property  # every histogram asks
    def events(self) -> Int64Array:
        """Number of events of each message, int64 (messages,)."""
        return np.maximum(self.column(Column.TOF_LENGTH), self.column(Column.PIXEL_LENGTH))

    def lacks(self, *, tof: bool, pixel: bool) -> npt.NDArray[np.bool_]:
        """See Batch."""
        lacking = np.zeros(self.offset.size, dtype=bool)
        if tof:
            lacking |= self.column(Column.TOF_LENGTH) == 0
        if pixel:
            lacking |= self.column(Column.PIXEL_LENGTH) == 0
        return lacking
