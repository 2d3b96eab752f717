"""Hostile messages made on purpose, by the rule and not by chance: what is tried first, every time."""

from __future__ import annotations

from collections.abc import Iterator

import flatbuffers
import numpy as np
from hostile import corpus as named
from streaming_data_types.eventdata_ev42 import serialise_ev42
from streaming_data_types.eventdata_ev44 import serialise_ev44

from fuzz.fields import Field
from fuzz.messages import EVENT_SCHEMAS, Good, event_message, frame, large, small
from fuzz.mutate import EVIL

# The numbers of these are set to everything: of every schema one with all there is, and what is odd.
_THOROUGHLY = (
    *(f"{schema}: {events} events of 'bank'" for schema in EVENT_SCHEMAS for events in (0, 1, 5)),
    *(f"{schema}: stale bytes behind" for schema in EVENT_SCHEMAS),
    "ev42: ISIS",
    "da00: the edges of a histogram",
    "da00: microseconds",
)
_WITHOUT_EVENTS = (b"f144", b"hs00", b"ev43", b"EV44", b"44ve", b"ev4", bytes(4), b"\xff" * 4)
_MANY, _HUGE_BYTES = 5_000_000, 50_000_000


def small_ones() -> Iterator[bytes]:
    """Every way in which small messages are cut, set, moved and mistaken for others."""
    yield from named.other_schema().values()
    yield from named.undecodable().values()
    chosen = [good for good in small() if good.name in _THOROUGHLY]
    assert len(chosen) == len(_THOROUGHLY)
    for good in chosen:
        yield from (good.payload[:length] for length in range(len(good.payload)))
        yield from _set(good)
        yield from _set_alike(good)
        yield from _shared(good)
        yield from (good.payload[:4] + name + good.payload[8:] for name in _WITHOUT_EVENTS)
    for good in large():
        yield from _set(good)
    yield from map(_table_in_the_head, EVENT_SCHEMAS)


def giants() -> Iterator[bytes]:
    """Messages of many MB, good and bad; a message that Kafka has without a value is empty."""
    yield b""
    yield bytes(_HUGE_BYTES)
    draw = np.random.default_rng(5)
    for schema in EVENT_SCHEMAS:
        many = event_message(schema, draw, _MANY)
        (length,) = {field.at for field in _lengths(many)[:1]}
        yield many
        yield many[: len(many) // 2]
        yield _put(many, Field(length, 4, _MANY), _MANY + 1)
        yield _put(many, Field(length, 4, _MANY), 0x3FFFFFFF)
        yield many[:8] + bytes(_HUGE_BYTES)
        yield _pulses(schema)
    monitor = frame(np.ones(_MANY, np.uint8), np.arange(_MANY + 1, dtype=np.float32))
    yield monitor
    yield monitor[: len(monitor) // 2]
    yield monitor[:8] + bytes(_HUGE_BYTES)


def _pulses(schema: str) -> bytes:
    """As many reference times as there may be in 40 MB; a source name as long, where there is one time."""
    if schema == "ev44":
        made: bytes = serialise_ev44("bank", 1, np.arange(_MANY), [0], [1], [2])
    else:
        made = serialise_ev42("bank" * (_MANY // 2), 1, 2, [1], [2])
    return made


def _lengths(payload: bytes) -> list[Field]:
    """Where the lengths of the two large vectors stand."""
    table = flatbuffers.table.Table(payload, int.from_bytes(payload[:4], "little"))
    slots = (10, 12) if payload[4:8] == b"ev42" else (12, 14)
    return [Field(table.Vector(table.Offset(slot)) - 4, 4, _MANY) for slot in slots]


def _table_in_the_head(schema: str) -> bytes:
    """A root table that begins in the schema's name, and is good for all else.

    What the name is as an offset, with two bytes more, leads far into a large message: to a vtable.
    """
    payload = bytearray(next(good.payload for good in large() if good.name == f"{schema}: fixed size"))
    table = 6
    name = int.from_bytes(payload[6:8], "little")
    payload[0:4], payload[8:10] = table.to_bytes(4, "little"), b"\xff\xff"
    vtable = table - (name - (1 << 16))
    slots = {4: 6, (10 if schema == "ev42" else 12): 10}
    entries = [16, 30, *(slots.get(slot, 0) for slot in range(4, 16, 2))]
    payload[vtable : vtable + 16] = b"".join(entry.to_bytes(2, "little") for entry in entries)
    source, tof = b"\4\0\0\0bank\0\0\0\0", b"\2\0\0\0" + bytes(8)
    for at, begin, raw in ((table + 6, 40, source), (table + 10, 60, tof)):
        payload[at : at + 4] = (begin - at).to_bytes(4, "little")
        payload[begin : begin + len(raw)] = raw
    return bytes(payload)


def _put(payload: bytes, field: Field, value: int) -> bytes:
    raw = (value % (1 << 8 * field.width)).to_bytes(field.width, "little")
    return payload[: field.at] + raw + payload[field.at + field.width :]


def _set(good: Good) -> Iterator[bytes]:
    """Every number of the structure is every evil one, and what leads just around the end."""
    for field in good.fields:
        end = len(good.payload) - field.at
        for value in (*EVIL, field.value - 1, field.value + 1, 2 * field.value, *range(end - 5, end + 5)):
            yield _put(good.payload, field, value)


def _set_alike(good: Good) -> Iterator[bytes]:
    """Every number that stands there several times, as the length of two vectors, is evil in all places."""
    for value in {field.value for field in good.fields}:
        for evil in (*EVIL, value - 1, value + 1):
            payload = good.payload
            for field in good.fields:
                if field.value == value:
                    payload = _put(payload, field, evil)
            yield payload


def _shared(good: Good) -> Iterator[bytes]:
    """Every offset leads to where another leads: vectors that overlap, tables that are texts."""
    words = [field for field in good.fields if field.width == 4]
    for field in words:
        for other in words:
            for shift in (0, 4) if good.name.startswith("ev") else (0,):
                yield _put(good.payload, field, other.at + other.value - field.at + shift)
