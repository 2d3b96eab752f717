"""The values that flow through the service. All are frozen; none does I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Int64Array = npt.NDArray[np.int64]


class Partition(NamedTuple):
    """One partition of a stream: where the unit of reading begins and ends."""

    brokers: tuple[str, ...]
    topic: str
    number: int


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
    MISALIGNED = 4
    LENGTHS_DIFFER = 5


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
    """What one read brought: columns of equal length, one entry per message, in reading order.

    `slot` numbers the partitions of the reader, `offset` and `timestamp_ms` are Kafka's, `payload` may be
    empty (a message without a value). `ends` maps slots whose end was reached to the offset of that end,
    `failures` maps slots that cannot be read any more to the reason.
    """

    slot: Int64Array
    offset: Int64Array
    timestamp_ms: Int64Array
    payload: list[bytes]
    ends: Mapping[int, int] = field(default_factory=dict)
    failures: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class EventBatch:
    """Parsed messages: a table with one column of `table` per message over segments of bytes.

    `table` is int64 (len(Column), messages): what the parser found out about each message; addresses point
    into `segments` (or other memory that `segments` keeps alive), to vectors of 32-bit integers, which are
    signed where MASK is -1 and unsigned where it is 0xffffffff. SCHEMA and SOURCE are indices into the
    parser's lists, -1 for none of them.
    """

    slot: Int64Array
    offset: Int64Array
    timestamp_ms: Int64Array
    table: Int64Array
    segments: tuple[object, ...]

    def column(self, which: Column) -> Int64Array:
        """One column of the table, int64 (messages,), a view."""
        column: Int64Array = self.table[which]
        return column

    @property
    def events(self) -> Int64Array:
        """Number of events of each message, int64 (messages,)."""
        return np.maximum(self.column(Column.TOF_LENGTH), self.column(Column.PIXEL_LENGTH))


class Role(StrEnum):
    """What a variable of a snapshot is."""

    COUNTS = "counts"
    EDGES = "edges"
    ERRORS = "errors"


@dataclass(frozen=True, eq=False)
class Variable:
    """A named array: `data` has one axis per entry of `dims`; edges are one longer than their dimension."""

    name: str
    role: Role
    dims: tuple[str, ...]
    data: npt.NDArray[Any]
    unit: str
    label: str = ""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A histogram at one moment, independent of any wire schema and of the accumulator it came from."""

    variables: tuple[Variable, ...]

    @property
    def counts(self) -> Variable:
        """The counts; raises LookupError where there are none."""
        return self._one(Role.COUNTS, None)

    def edges(self, dim: str) -> Variable:
        """The bin edges of a dimension; raises LookupError where there are none."""
        return self._one(Role.EDGES, dim)

    def _one(self, role: Role, dim: str | None) -> Variable:
        for variable in self.variables:
            if variable.role is role and (dim is None or variable.dims == (dim,)):
                return variable
        raise LookupError(f"the snapshot has no {role} of dimension {dim}")

    def merge(self, other: Snapshot) -> Snapshot:
        """Add the counts of another snapshot of the same histogram, exactly; raises ValueError otherwise."""
        if len(self.variables) != len(other.variables):
            raise ValueError("the snapshots are of different histograms: they differ in their variables")
        return Snapshot(tuple(_merged(a, b) for a, b in zip(self.variables, other.variables, strict=True)))


def _merged(a: Variable, b: Variable) -> Variable:
    if (a.name, a.role, a.dims, a.unit, a.data.shape) != (b.name, b.role, b.dims, b.unit, b.data.shape):
        raise ValueError(f"the snapshots are of different histograms: they differ in {a.name!r}")
    if a.role is Role.COUNTS:
        return Variable(a.name, a.role, a.dims, a.data + b.data, a.unit, a.label)
    if not np.array_equal(a.data, b.data):
        raise ValueError(f"the snapshots are of different histograms: their {a.name!r} differ")
    return a


@dataclass(frozen=True)
class Start:
    """Where reading of a partition begins."""

    partition: Partition
    offset: int


@dataclass(frozen=True)
class HistogramSpec:
    """One histogram of a job: its configuration (as it came, checked) and its identity.

    `error` is set for a histogram that can only say why it does not count.
    """

    index: int
    config: Mapping[str, Any]
    input_schemas: tuple[str, ...]
    output_schema: str
    config_hash: str
    error: str | None = None


@dataclass(frozen=True)
class WorkerSpec:
    """What one worker does: the histograms of a job that share streams, and where their reading begins.

    `stands_in`: for how many workers that died; all that is left to do is to publish the error.
    """

    job: str
    histograms: tuple[HistogramSpec, ...]
    starts: tuple[Start, ...]
    start_ms: int | None
    stop_ms: int | None
    stands_in: int = 0
