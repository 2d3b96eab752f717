"""What a verdict of the parser must be: inside the message, and what the schema's own code reads."""

from __future__ import annotations

import contextlib
import struct
from typing import Any

import numpy as np
from streaming_data_types.fbschemas.eventdata_ev42.EventMessage import EventMessage
from streaming_data_types.fbschemas.eventdata_ev44.Event44Message import Event44Message

from histsvc.histograms.base import BLANKS
from histsvc.model import Column, Fault, Int64Array
from histsvc.wire import EVENT_LAYOUTS

# What the generated code raises on bytes that are no message.
_TROUBLE = (struct.error, ValueError, IndexError, TypeError, OverflowError, AssertionError)


def check(address: int, payload: bytes, row: Int64Array, names: tuple[str, ...] = ("a",)) -> Fault:
    """Assert that the verdict `row`, int64 (len(Column),), about a payload holds; returns its fault."""
    fault = Fault(int(row[Column.FAULT]))
    if fault is not Fault.NONE:
        assert not row[
            [Column.TOF_LENGTH, Column.PIXEL_LENGTH, Column.TOF_ADDRESS, Column.PIXEL_ADDRESS]
        ].any()
        return fault
    schema = EVENT_LAYOUTS[int(row[Column.SCHEMA])].schema
    assert payload[4:8] == schema.encode()
    read = stock_fields(schema, payload)
    for vector, start, length in (
        ("tof", Column.TOF_ADDRESS, Column.TOF_LENGTH),
        ("pixel", Column.PIXEL_ADDRESS, Column.PIXEL_LENGTH),
    ):
        at, count = int(row[start]) - address, int(row[length])
        assert 0 <= at <= at + 4 * count <= len(payload)
        mine = np.frombuffer(payload, "<u4" if schema == "ev42" else "<i4", count, at if count else 0)
        theirs = read[vector]()
        np.testing.assert_array_equal(mine, theirs if isinstance(theirs, np.ndarray) else [], strict=False)
    _check_time(schema, int(row[Column.REFERENCE_TIME_NS]), read)
    _check_source(int(row[Column.SOURCE]), read, names)
    return fault


def stock_fields(schema: str, payload: bytes) -> dict[str, Any]:
    """Reads the fields that matter with the schema's own code: tof, pixel, time, source."""
    if schema == "ev42":
        ev42 = EventMessage.GetRootAsEventMessage(payload, 0)
        return {
            "tof": ev42.TimeOfFlightAsNumpy,
            "pixel": ev42.DetectorIdAsNumpy,
            "time": ev42.PulseTime,
            "source": ev42.SourceName,
        }
    ev44 = Event44Message.GetRootAs(payload, 0)
    return {
        "tof": ev44.TimeOfFlightAsNumpy,
        "pixel": ev44.PixelIdAsNumpy,
        "time": ev44.ReferenceTimeAsNumpy,
        "source": ev44.SourceName,
    }


def _check_time(schema: str, mine: int, read: dict[str, Any]) -> None:
    theirs = read["time"]()
    if schema == "ev42":
        assert mine % (1 << 64) == theirs
    elif isinstance(theirs, np.ndarray) and theirs.size:
        assert mine == theirs.max()
    else:
        assert mine == 0


def _check_source(mine: int, read: dict[str, Any], names: tuple[str, ...]) -> None:
    with contextlib.suppress(*_TROUBLE):
        theirs = (read["source"]() or b"").strip(BLANKS.encode())
        encoded = [name.encode() for name in names]
        assert mine == (encoded.index(theirs) if theirs in encoded else -1)
