"""Fill of dethist: one bin per pixel id."""

from __future__ import annotations

import numpy as np

from histsvc.kernels.ahead import fetch_ahead
from histsvc.kernels.jit import kernel, signed
from histsvc.kernels.spill import Bytes, count
from histsvc.kernels.vectors import vector_at
from histsvc.model import Column, Int64Array, Tally

_MASK, _PIXEL, _PIXEL_LENGTH = int(Column.MASK), int(Column.PIXEL_ADDRESS), int(Column.PIXEL_LENGTH)
_COUNTED, _FILTERED = int(Tally.COUNTED), int(Tally.FILTERED)


@kernel("void(int64[::1], int64[:, ::1], int64, uint8[::1], int64[::1], int64[::1])")
def fill(
    rows: Int64Array, table: Int64Array, first: int, low: Bytes, high: Int64Array, tally: Int64Array
) -> None:
    """Count the messages `rows` in the order of the ids from `first` on.

    They are counted in `low`, uint8, and `high`, int64, both (pixels + 1,).
    What is behind the pixels has no meaning.
    """
    pixels = np.uint64(high.size - 1)
    for n in range(rows.size):
        fetch_ahead(rows, n, table, _PIXEL, _PIXEL_LENGTH)
        row = rows[n]
        mask = table[_MASK, row]
        pixel = signed(table[_PIXEL, row], table[_PIXEL_LENGTH, row])
        counted = 0
        for j in range(pixel.size):
            i = np.uint64((np.int64(pixel[j]) & mask) - first)  # what is below the first is beyond the last
            count(low, high, min(i, pixels))
            counted += int(i < pixels)
        tally[_COUNTED] += counted
        tally[_FILTERED] += pixel.size - counted


def fill_numpy(
    rows: Int64Array, table: Int64Array, first: int, low: Bytes, high: Int64Array, tally: Int64Array
) -> None:
    """Do what `fill` does, in numpy."""
    for row in rows.tolist():
        i = vector_at(table, row, Column.PIXEL_ADDRESS, Column.PIXEL_LENGTH) - first
        inside = (i >= 0) & (i < high.size - 1)
        high += np.bincount(i[inside], minlength=high.size)
        tally[Tally.COUNTED] += np.count_nonzero(inside)
        tally[Tally.FILTERED] += np.count_nonzero(~inside)
