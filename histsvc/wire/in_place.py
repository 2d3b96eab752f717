"""Builds messages in the memory that is sent, so that large arrays are written once and copied nowhere.

See docs/adr/0016-histogram-messages-are-built-in-place.md.
"""

from __future__ import annotations

import ctypes
import math
import struct
from collections.abc import Sequence
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt

_from_string_and_size = ctypes.pythonapi.PyBytes_FromStringAndSize
_from_string_and_size.restype = ctypes.py_object
_from_string_and_size.argtypes = (ctypes.c_void_p, ctypes.c_ssize_t)
# More than all tables, units and labels take.
_MARGIN_BYTES = 4096


def begin(size: int) -> tuple[bytes, flatbuffers.Builder]:
    """Make the message, with room for arrays and long texts of `size` bytes, and what writes into it.

    Nobody may read the message before `finish`.
    """
    made, room = _empty(size + _MARGIN_BYTES)
    builder = flatbuffers.Builder(0)
    builder.Bytes, builder.head = room, len(room)
    builder.ForceDefaults(True)
    return made, builder


def finish(builder: flatbuffers.Builder, schema: str, table: int) -> None:
    """End the message: `table` is its root."""
    room = builder.Bytes
    # The begin of a message says where its table is: what is between them is of no use, and of no harm.
    room[: builder.Head()] = bytes(builder.Head())
    struct.pack_into("<I4s", room, 0, len(room) - table, schema.encode())


def place(
    builder: flatbuffers.Builder, shape: Sequence[int], dtype: np.dtype[Any], *, as_bytes: bool = False
) -> npt.NDArray[Any]:
    """Begin a vector of numbers, or of the bytes of numbers, and give its place in the message to write to.

    `builder.EndVector()` ends it.
    """
    size = math.prod(shape)
    item, items = (1, size * dtype.itemsize) if as_bytes else (dtype.itemsize, size)
    builder.StartVector(item, items, dtype.itemsize)
    builder.head -= size * dtype.itemsize
    found: npt.NDArray[Any] = np.frombuffer(builder.Bytes, dtype, size, builder.head)
    return found.reshape(shape)


def offsets(builder: flatbuffers.Builder, places: Sequence[int]) -> int:
    """Write a vector of tables, or of strings."""
    builder.StartVector(4, len(places), 4)
    for each in reversed(places):
        builder.PrependUOffsetTRelative(each)
    at: int = builder.EndVector()
    return at


def _empty(size: int) -> tuple[bytes, memoryview]:
    """Make bytes, at least so many and a multiple of 8, and a view to write them before anybody reads them.

    The Python/C API has this for the purpose: https://docs.python.org/3/c-api/bytes.html.
    """
    made: bytes = _from_string_and_size(None, -(-size // 8) * 8)
    begin_at = id(made) + bytes.__basicsize__ - 1
    return made, memoryview((ctypes.c_uint8 * len(made)).from_address(begin_at)).cast("B")
