"""Fill of roihist: rows of consecutive pixel ids, which may overlap."""

from __future__ import annotations

import numpy as np

from histsvc.kernels.ahead import fetch_ahead
from histsvc.kernels.jit import kernel, signed
from histsvc.kernels.regions import last_left_of
from histsvc.kernels.spill import Bytes, count
from histsvc.kernels.vectors import vector_at
from histsvc.model import Column, Int64Array, Tally

_MASK, _PIXEL, _PIXEL_LENGTH = int(Column.MASK), int(Column.PIXEL_ADDRESS), int(Column.PIXEL_LENGTH)
_COUNTED, _FILTERED = int(Tally.COUNTED), int(Tally.FILTERED)


@kernel(
    "void(int64[::1], int64[:, ::1], int64[::1], int64[::1], int64, int64, int64[::1], uint8[::1], "
    "int64[::1], int64[::1])"
)
def fill(
    rows: Int64Array,
    table: Int64Array,
    lefts: Int64Array,
    places: Int64Array,
    width: int,
    shift: int,
    cells: Int64Array,
    low: Bytes,
    high: Int64Array,
    tally: Int64Array,
) -> None:
    """Count the messages `rows` into `low`, uint8, and `high`, int64, both (regions x width + 1,).

    `lefts` to `cells` are those of Regions. Since all regions are equally wide, those that hold a pixel are
    neighbours in `lefts`: the last one whose edge is not above the pixel, and those before it that still
    reach the pixel.
    """
    begin, ids = lefts[0], lefts[-1] - lefts[0] + width
    for n in range(rows.size):
        fetch_ahead(rows, n, table, _PIXEL, _PIXEL_LENGTH)
        row = rows[n]
        mask = table[_MASK, row]
        pixel = signed(table[_PIXEL, row], table[_PIXEL_LENGTH, row])
        filtered, counted = 0, 0
        for j in range(pixel.size):
            p = np.int64(pixel[j]) & mask
            if p < begin or p - begin >= ids:
                filtered += 1
                continue
            cell = (p - begin) >> shift
            last = last_left_of(p, lefts, cells[cell], cells[cell + 1])
            k = last
            while k >= 0 and p - lefts[k] < width:
                count(low, high, places[k] * width + p - lefts[k])
                k -= 1
            counted += last - k
            filtered += last == k
        tally[_FILTERED] += filtered
        tally[_COUNTED] += counted


def fill_numpy(
    rows: Int64Array,
    table: Int64Array,
    lefts: Int64Array,
    places: Int64Array,
    width: int,
    _shift: int,
    _cells: Int64Array,
    low: Bytes,
    high: Int64Array,
    tally: Int64Array,
) -> None:
    """Do what `fill` does, in numpy."""
    counts = high[:-1].reshape(lefts.size, width)
    for row in rows.tolist():
        p = vector_at(table, row, Column.PIXEL_ADDRESS, Column.PIXEL_LENGTH)
        held = np.zeros(p.size, dtype=bool)
        for left, place in zip(lefts.tolist(), places.tolist(), strict=True):
            here = (p >= left) & (p < left + width)
            held |= here
            counts[place] += np.bincount(p[here] - left, minlength=width)
            tally[Tally.COUNTED] += np.count_nonzero(here)
        tally[Tally.FILTERED] += np.count_nonzero(~held)
