"""What is an event message, said once more and plainly: the rules of docs/guarantees.md, read by Python.

The compiled parser must come to the same verdict on every message, and to the same numbers. Where the field's
usual decoder reads a message, these rules read the same, or name the rule by which it is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from histsvc.model import EventLayout, Fault, Int64Array
from histsvc.wire import EVENT_LAYOUTS

_LAYOUTS = {layout.schema.encode(): layout for layout in EVENT_LAYOUTS}


class Rule(StrEnum):
    """What a message that is not counted has against it."""

    NO_SCHEMA = "does not name its schema"
    OTHER_SCHEMA = "is of another schema"
    ROOT = "has its root table outside, or in its head"
    VTABLE = "has a vtable that lies outside, is odd, or too small for its own head"
    TABLE_SIZE = "has a table that is larger than what there is"
    FIELD = "has a field outside of its table"
    VECTOR = "has a vector or text that does not lie inside"
    LENGTHS = "has two vectors of different lengths"


FAULTS = {
    Rule.NO_SCHEMA: Fault.NO_SCHEMA,
    Rule.OTHER_SCHEMA: Fault.OTHER_SCHEMA,
    Rule.LENGTHS: Fault.LENGTHS_DIFFER,
}
"""What the parser calls it; all others are OUT_OF_BOUNDS."""

OURS = (Rule.ROOT, Rule.VTABLE, Rule.TABLE_SIZE, Rule.FIELD, Rule.LENGTHS)
"""By these alone is refused what the usual decoder reads: it does not look whether tables are sound."""


@dataclass(frozen=True, eq=False)
class Events:
    """What a message says: `tof` (ns) and `pixel` are int64 (events,), either may be empty."""

    schema: str
    source: bytes
    time_ns: int
    tof: Int64Array
    pixel: Int64Array

    @property
    def size(self) -> int:
        """How many events it has."""
        return max(self.tof.size, self.pixel.size)


class _Refused(Exception):  # noqa: N818 - it is no error, but a verdict
    def __init__(self, rule: Rule) -> None:
        self.rule = rule


def read(payload: bytes) -> Events | Rule:
    """The events of a message, or the rule by which it is refused."""
    if len(payload) < 8:
        return Rule.NO_SCHEMA
    layout = _LAYOUTS.get(payload[4:8])
    if layout is None:
        letters = payload[4:8].isalnum() and payload[4:8].isascii()
        return Rule.OTHER_SCHEMA if letters else Rule.NO_SCHEMA
    try:
        return _Message(payload, layout).events()
    except _Refused as refused:
        return refused.rule


class _Message:
    """A message of events, whose tables have been found."""

    def __init__(self, payload: bytes, layout: EventLayout) -> None:
        self._payload = payload
        self._layout = layout
        self._table = self._number(0, 4)
        if self._table < 8 or self._table + 4 > len(payload):
            raise _Refused(Rule.ROOT)
        back = self._number(self._table, 4)
        self._vtable = self._table - (back - (1 << 32) if back >> 31 else back)
        if self._vtable < 4 or self._vtable % 2 or self._vtable + 4 > len(payload):
            raise _Refused(Rule.VTABLE)
        self._vtable_size = self._number(self._vtable, 2)
        if self._vtable_size < 4 or self._vtable_size % 2:
            raise _Refused(Rule.VTABLE)
        if self._vtable + self._vtable_size > len(payload):
            raise _Refused(Rule.VTABLE)
        self._table_size = self._number(self._vtable + 2, 2)
        if self._table + self._table_size > len(payload):
            raise _Refused(Rule.TABLE_SIZE)

    def _number(self, at: int, width: int) -> int:
        return int.from_bytes(self._payload[at : at + width], "little")

    def _field(self, slot: int, width: int) -> int:
        """Where a field lies; 0 where it was left out."""
        if slot + 2 > self._vtable_size:
            return 0
        relative = self._number(self._vtable + slot, 2)
        if relative and (relative < 4 or relative + width > self._table_size):
            raise _Refused(Rule.FIELD)
        return self._table + relative if relative else 0

    def _vector(self, slot: int, width: int) -> bytes:
        at = self._field(slot, 4)
        if not at:
            return b""
        start = at + self._number(at, 4)
        if start + 4 > len(self._payload):
            raise _Refused(Rule.VECTOR)
        end = start + 4 + width * self._number(start, 4)
        if end > len(self._payload):
            raise _Refused(Rule.VECTOR)
        return self._payload[start + 4 : end]

    def _times(self, slot: int) -> Int64Array:
        if self._layout.reference_time_is_vector:
            return _integers(self._vector(slot, 8), "<i8")
        at = self._field(slot, 8)
        return _integers(self._payload[at : at + 8] if at else b"", "<i8")

    def events(self) -> Events:
        """All that the message says; raises _Refused."""
        layout, kind = self._layout, "<u4" if self._layout.unsigned else "<i4"
        source = self._vector(layout.source, 1)
        times = self._times(layout.reference_time)
        tof = _integers(self._vector(layout.tof, 4), kind)
        pixel = _integers(self._vector(layout.pixel, 4), kind)
        if tof.size and pixel.size and tof.size != pixel.size:
            raise _Refused(Rule.LENGTHS)
        return Events(layout.schema, source, int(times.max()) if times.size else 0, tof, pixel)


def _integers(raw: bytes, kind: str) -> npt.NDArray[np.int64]:
    return np.frombuffer(raw, kind).astype(np.int64)
