"""FlatBuffers messages, read in place by kernels: words, the root table, fields and vectors.

It follows the FlatBuffers binary format (flatbuffers.dev, "FlatBuffer Internals"): a root offset, a table
with a signed offset to its vtable, a vtable of 16-bit field offsets, vectors with a 32-bit length. Nothing
is read that has not been proved to lie inside the message, and nothing is found that has not either.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from histsvc.kernels.jit import helper


@helper
def word(data: npt.NDArray[np.uint8], at: int, width: int) -> int:
    """Read a little-endian unsigned integer of `width` bytes; 8 bytes wrap into int64."""
    value = np.uint64(0)
    first = np.uint64(
        at
    )  # indices without a sign are not looked at for what is negative: then it is one load
    for i in range(width):
        value |= np.uint64(data[first + np.uint64(i)]) << np.uint64(8 * i)
    return np.int64(value)  # type: ignore[return-value]


@helper
def signed_word(data: npt.NDArray[np.uint8], at: int) -> int:
    """Read a little-endian signed integer of 4 bytes."""
    return np.int64(np.int32(word(data, at, 4)))  # type: ignore[return-value]


@helper
def field_of(data: npt.NDArray[np.uint8], table: int, slot: int, width: int) -> int:
    """Find a field of `width` bytes: its position, 0 where it is absent, -1 where it is out of bounds.

    `table` has been proved by `root_of`, so its vtable's first four bytes can be read.
    """
    vtable = table - signed_word(data, table)
    if slot + 2 > word(data, vtable, 2):
        return 0
    relative = word(data, vtable + slot, 2)
    if relative == 0:
        return 0
    if relative < 4 or relative + width > word(data, vtable + 2, 2):
        return -1
    return table + relative


@helper
def root_of(data: npt.NDArray[np.uint8]) -> int:
    """Find the root table and prove that it and its vtable lie inside the message; -1 otherwise."""
    size = data.size
    table = word(data, 0, 4)
    if table < 8 or table + 4 > size:
        return -1
    vtable = table - signed_word(data, table)
    if vtable < 4 or vtable + 4 > size:
        return -1
    vtable_size = word(data, vtable, 2)
    if vtable % 2 != 0 or vtable_size % 2 != 0 or vtable_size < 4 or vtable + vtable_size > size:
        return -1
    if table + word(data, vtable + 2, 2) > size:
        return -1
    return table


@helper
def vector_of(data: npt.NDArray[np.uint8], table: int, slot: int, width: int) -> tuple[int, int]:
    """Find a vector's first byte and its length; (0, 0) where it is absent, (-1, 0) where out of bounds."""
    field = field_of(data, table, slot, 4)
    if field <= 0:
        return field, 0
    start = field + word(data, field, 4)
    if start + 4 > data.size:
        return -1, 0
    length = word(data, start, 4)
    if start + 4 + length * width > data.size:
        return -1, 0
    return start + 4, length
