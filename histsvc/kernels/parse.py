"""The parser of event messages: which of them carry events, and where their vectors are.

Nothing is reported that has not been proved to lie inside the message (`kernels/flatbuffer.py`). A message
may begin at any address, and a vector at any of its bytes, as the usual decoders allow as well.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from histsvc.kernels.flatbuffer import field_of, root_of, vector_of, word
from histsvc.kernels.jit import helper, kernel, prefetch, vector
from histsvc.model import Column, EventLayout, Fault, Int64Array

# Messages that are fetched from memory while others are parsed, and bytes of a line of a cache.
_AHEAD, _LINE = 6, 64
_NONE = int(Fault.NONE)
_OTHER_SCHEMA = int(Fault.OTHER_SCHEMA)
_NO_SCHEMA = int(Fault.NO_SCHEMA)
_OUT_OF_BOUNDS = int(Fault.OUT_OF_BOUNDS)
_LENGTHS_DIFFER = int(Fault.LENGTHS_DIFFER)
_FAULT, _SCHEMA, _SOURCE, _TIME, _MASK = (int(c) for c in list(Column)[:5])
_TOF, _TOF_LENGTH, _PIXEL, _PIXEL_LENGTH = (int(c) for c in list(Column)[5:])

# The columns of a layout row, as `layout_table` writes them.
_ID, _L_SOURCE, _L_TIME, _L_TIME_IS_VECTOR, _L_TOF, _L_PIXEL, _L_MASK = range(7)


def layout_table(layouts: Sequence[EventLayout]) -> Int64Array:
    """Make the parser's table of schemas, int64 (schemas, 7), in the order of `layouts`."""
    rows = [
        (
            struct.unpack("<I", layout.schema.encode("ascii"))[0],
            layout.source,
            layout.reference_time,
            int(layout.reference_time_is_vector),
            layout.tof,
            layout.pixel,
            0xFFFFFFFF if layout.unsigned else -1,
        )
        for layout in layouts
    ]
    return np.array(rows, dtype=np.int64).reshape(len(rows), 7)


def name_table(names: Sequence[str]) -> tuple[npt.NDArray[np.uint8], Int64Array]:
    """Make the parser's list of source names: their UTF-8 bytes joined, and the end of each, int64."""
    encoded = [name.encode("utf-8") for name in names]
    ends = np.cumsum([0, *(len(name) for name in encoded)], dtype=np.int64)[1:]
    return np.frombuffer(bytearray(b"".join(encoded)), dtype=np.uint8), ends


@helper
def _blank(byte: int) -> bool:
    return byte == 32 or 9 <= byte <= 13


@helper
def _source(
    data: npt.NDArray[np.uint8], start: int, length: int, names: npt.NDArray[np.uint8], ends: Int64Array
) -> int:
    """Index of the source's name, stripped of blanks at both ends, in `names`; -1 for none of them."""
    end = start + length
    while start < end and _blank(data[start]):
        start += 1
    while end > start and _blank(data[end - 1]):
        end -= 1
    begin = np.int64(0)
    for i in range(ends.size):
        if ends[i] - begin == end - start:
            same = True
            for j in range(end - start):
                if data[start + j] != names[begin + j]:
                    same = False
                    break
            if same:
                return i
        begin = ends[i]
    return -1


@helper
def _schema(data: npt.NDArray[np.uint8], layouts: Int64Array) -> int:
    """Index of the message's schema in `layouts`, -1 for another schema, -2 where it names none."""
    if data.size < 8:
        return -2
    identifier = word(data, 4, 4)
    for i in range(layouts.shape[0]):
        if layouts[i, _ID] == identifier:
            return i
    for i in range(4, 8):
        byte = data[i]
        if not (48 <= byte <= 57 or 65 <= byte <= 90 or 97 <= byte <= 122):
            return -2
    return -1


@helper
def _newest_time(data: npt.NDArray[np.uint8], table: int, slot: int, is_vector: bool) -> tuple[int, int]:
    """The newest reference time and 0, or 0 and -1 where it is out of bounds; absent or empty is 0."""
    if not is_vector:
        field = field_of(data, table, slot, 8)
        if field <= 0:
            return 0, field
        return word(data, field, 8), 0
    start, length = vector_of(data, table, slot, 8)
    if start < 0:
        return 0, -1
    newest = np.int64(0)
    for i in range(length):
        time = word(data, start + 8 * i, 8)
        if i == 0 or time > newest:
            newest = time  # type: ignore[assignment]
    return newest, 0  # type: ignore[return-value]


@helper
def _message(
    data: npt.NDArray[np.uint8],
    address: int,
    layout: Int64Array,
    names: npt.NDArray[np.uint8],
    ends: Int64Array,
    out: Int64Array,
) -> int:
    """Parse one message of a known schema into its column of the table; returns its fault."""
    table = root_of(data)
    if table < 0:
        return _OUT_OF_BOUNDS
    name, name_length = vector_of(data, table, layout[_L_SOURCE], 1)
    time, time_fault = _newest_time(data, table, layout[_L_TIME], layout[_L_TIME_IS_VECTOR] != 0)
    tof, tof_length = vector_of(data, table, layout[_L_TOF], 4)
    pixel, pixel_length = vector_of(data, table, layout[_L_PIXEL], 4)
    if name < 0 or time_fault < 0 or tof < 0 or pixel < 0:
        return _OUT_OF_BOUNDS
    if tof_length > 0 and pixel_length > 0 and tof_length != pixel_length:
        return _LENGTHS_DIFFER
    out[_SOURCE] = _source(data, name, name_length, names, ends)
    out[_TIME] = time
    out[_MASK] = layout[_L_MASK]
    out[_TOF] = address + tof
    out[_TOF_LENGTH] = tof_length
    out[_PIXEL] = address + pixel
    out[_PIXEL_LENGTH] = pixel_length
    return _NONE


@helper
def _expect(address: int, size: int) -> None:
    """Have the lines of a message fetched that are read: tables in front, vectors, names behind."""
    for line in range(3):
        prefetch(address + _LINE * line)
    for line in range(2):
        prefetch(address + size // 2 + _LINE * line)
        prefetch(address + size - 1 - _LINE * line)


@kernel("void(int64[::1], int64[::1], int64[:, ::1], uint8[::1], int64[::1], int64[:, ::1])")
def parse(
    address: Int64Array,
    size: Int64Array,
    layouts: Int64Array,
    names: npt.NDArray[np.uint8],
    ends: Int64Array,
    table: Int64Array,
) -> None:
    """Fill the table of a batch: message i is the `size[i]` bytes at `address[i]`.

    `layouts` comes from `layout_table`, `names` and `ends` from `name_table`; `table` is int64
    (len(Column), messages) and written whole.
    """
    for i in range(address.size):
        if i + _AHEAD < address.size:
            _expect(address[i + _AHEAD], size[i + _AHEAD])
        table[:, i] = 0
        table[_SOURCE, i] = -1
        data = vector(address[i], size[i], np.uint8)
        schema = _schema(data, layouts)
        table[_SCHEMA, i] = max(schema, -1)
        if schema < 0:
            table[_FAULT, i] = _OTHER_SCHEMA if schema == -1 else _NO_SCHEMA
            continue
        table[_FAULT, i] = _message(data, address[i], layouts[schema], names, ends, table[:, i])
