"""Vectors of messages that come next are fetched while others are counted."""

from __future__ import annotations

from histsvc.kernels.jit import helper, prefetch
from histsvc.model import Int64Array

# A vector begins in lines of memory that no cache has; the processor itself finds out after some of them that
# it is read.
_MESSAGES, _BYTES, _LINE = 4, 512, 64


@helper
def fetch_ahead(rows: Int64Array, n: int, table: Int64Array, address: int, length: int) -> None:
    """While `rows[n]` is counted: rows `address` and `length` of `table` say where vectors are."""
    if n + _MESSAGES < rows.size:
        row = rows[n + _MESSAGES]
        for byte in range(0, min(4 * table[length, row], _BYTES), _LINE):
            prefetch(table[address, row] + byte)
