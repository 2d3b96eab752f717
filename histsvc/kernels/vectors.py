"""How the numpy twins read the vectors of a parsed message."""

from __future__ import annotations

import ctypes

import numpy as np

from histsvc.model import Column, Int64Array


def vector_at(table: Int64Array, message: int, address: Column, length: Column) -> Int64Array:
    """A copy of one vector of a parsed message as int64 (events,)."""
    count = int(table[length, message])
    if count == 0:
        return np.empty(0, np.int64)
    raw = (ctypes.c_int32 * count).from_address(int(table[address, message]))
    values: Int64Array = np.array(raw, dtype=np.int64) & table[Column.MASK, message]
    return values
