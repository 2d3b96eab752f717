"""The shapes in which event messages come: as large as their events, or of a fixed size.

An encoder belongs to one source and numbers its messages from 0.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import flatbuffers.table
import numpy as np
import numpy.typing as npt

from histsvc.errors import SettingsError
from histsvc.model import EventLayout, Int64Array
from histsvc.wire import ev42, ev44

EFU_EVENTS = 12_400
"""So many events fit into one fixed-size message."""

EFU_BYTES = 99_340
"""Size of a fixed-size message: 12,400 events of 8 bytes, and a table whose source name has up to 43."""

_Serialise = Callable[[str, int, int, npt.ArrayLike, npt.ArrayLike], bytes]
_SCHEMAS: dict[str, tuple[EventLayout, _Serialise]] = {
    ev42.SCHEMA: (ev42.LAYOUT, ev42.serialise),
    ev44.SCHEMA: (ev44.LAYOUT, ev44.serialise),
}
_MESSAGE_ID = 6  # vtable offset, the same in both schemas


class Message(NamedTuple):
    """A payload and the number of its events."""

    payload: bytes
    events: int


class Encoder(Protocol):
    """Makes the messages of a pulse; one per source."""

    def encode(self, reference_time_ns: int, tof_ns: Int64Array, pixel_id: Int64Array) -> Iterator[Message]:
        """Yield the messages of one pulse of events, int64 (events,): at least one.

        Raises SettingsError for numbers that do not fit the schema, instead of wrapping them.
        """
        ...


def allowed(schema: str) -> tuple[int, int]:
    """Say which is the smallest and the largest time of flight (ns) and pixel id of an event schema."""
    layout, _ = _SCHEMAS[schema]
    return (0, 2**32 - 1) if layout.unsigned else (-(2**31), 2**31 - 1)


def encoder(shape: str, schema: str, source: str) -> Encoder:
    """Make the encoder of a shape: `efu`; `compact` and `isis` differ only in how many events are usual."""
    return Efu(schema, source) if shape == "efu" else Compact(schema, source)


class Compact:
    """One message a pulse, made by the field's usual serialiser."""

    def __init__(self, schema: str, source: str) -> None:
        self._schema = schema
        self._source = source
        self._message_id = itertools.count()

    def encode(self, reference_time_ns: int, tof_ns: Int64Array, pixel_id: Int64Array) -> Iterator[Message]:
        """Yield the one message of the pulse; raises SettingsError for numbers that do not fit."""
        _check(self._schema, tof_ns, pixel_id)
        _, serialise = _SCHEMAS[self._schema]
        payload = serialise(self._source, next(self._message_id), reference_time_ns, tof_ns, pixel_id)
        yield Message(payload, tof_ns.size)


class Efu:
    """Messages as event formation units send them: one buffer that is patched and sent again and again.

    Every message has `EFU_BYTES` bytes; behind its events lie those of earlier messages, and random bytes
    where there were none yet. A pulse of more than `EFU_EVENTS` events takes several messages.
    Raises SettingsError for a source name that leaves no room for so many events.
    """

    def __init__(self, schema: str, source: str) -> None:
        self._schema = schema
        self._message_id = itertools.count()
        self._buffer = _template(schema, source)
        layout, _ = _SCHEMAS[schema]
        sign = "u" if layout.unsigned else "i"
        table = flatbuffers.table.Table(self._buffer, int.from_bytes(self._buffer[:4], "little"))
        time_at = table.Offset(layout.reference_time)
        time_at = table.Vector(time_at) if layout.reference_time_is_vector else table.Pos + time_at
        self._time = self._view(f"<{sign}8", time_at, 1)
        self._id = self._view(f"<{sign}8", table.Pos + table.Offset(_MESSAGE_ID), 1)
        vectors = [table.Vector(table.Offset(slot)) for slot in (layout.tof, layout.pixel)]
        self._lengths = [self._view("<u4", start - 4, 1) for start in vectors]
        self._tof, self._pixel = (self._view(f"<{sign}4", start, EFU_EVENTS) for start in vectors)

    def _view(self, dtype: str, at: int, count: int) -> npt.NDArray[Any]:
        return np.frombuffer(self._buffer, np.dtype(dtype), count, at)

    def encode(self, reference_time_ns: int, tof_ns: Int64Array, pixel_id: Int64Array) -> Iterator[Message]:
        """Yield the messages of the pulse; raises SettingsError for numbers that do not fit."""
        _check(self._schema, tof_ns, pixel_id)
        for begin in range(0, max(1, tof_ns.size), EFU_EVENTS):
            part = slice(begin, begin + EFU_EVENTS)
            events = tof_ns[part].size
            self._tof[:events] = tof_ns[part]
            self._pixel[:events] = pixel_id[part]
            for length in self._lengths:
                length[0] = events
            self._time[0] = reference_time_ns
            self._id[0] = next(self._message_id)
            yield Message(bytes(self._buffer), events)


def _template(schema: str, source: str) -> bytearray:
    # Never zero: a reader that looks behind the vectors must see that it does.
    garbage = np.random.default_rng(0).integers(1, 256, (2, EFU_EVENTS, 4), np.uint8)
    tof_ns, pixel_id = garbage.view("<u4" if schema == ev42.SCHEMA else "<i4")[..., 0]
    _, serialise = _SCHEMAS[schema]
    made = bytearray(serialise(source, 0, 0, tof_ns, pixel_id))
    if len(made) > EFU_BYTES:
        raise SettingsError(f"the source name {source!r} is too long for fixed-size messages")
    return made + bytes(garbage.flat[: EFU_BYTES - len(made)])


def _check(schema: str, tof_ns: Int64Array, pixel_id: Int64Array) -> None:
    if tof_ns.size != pixel_id.size:
        raise SettingsError(f"{tof_ns.size} times of flight, but {pixel_id.size} pixel ids")
    smallest, largest = allowed(schema)
    for what, numbers in (("times of flight", tof_ns), ("pixel ids", pixel_id)):
        if numbers.size and not smallest <= numbers.min() <= numbers.max() <= largest:
            raise SettingsError(
                f"{what} {numbers.min()} to {numbers.max()} do not fit {schema} ({smallest} to {largest})"
            )
