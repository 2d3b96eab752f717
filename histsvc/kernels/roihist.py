"""Fill of roihist: rows of consecutive pixel ids, which may overlap."""

from __future__ import annotations

import numpy as np

from histsvc.kernels.ahead import fetch_ahead
from histsvc.kernels.jit import helper, kernel, signed
from histsvc.kernels.spill import Bytes, count
from histsvc.kernels.vectors import vector_at
from histsvc.model import Column, Int64Array, Tally

_MASK, _PIXEL, _PIXEL_LENGTH = int(Column.MASK), int(Column.PIXEL_ADDRESS), int(Column.PIXEL_LENGTH)
_COUNTED, _FILTERED = int(Tally.COUNTED), int(Tally.FILTERED)


@helper
def _last_left_of(p: int, lefts: Int64Array) -> int:
    """Index of the last left edge that is not above `p`, -1 for none: a search without branches."""
    base, count = 0, lefts.size
    while count > 1:
        half = count // 2
        base += half if lefts[base + half] <= p else 0
        count -= half
    return base if lefts[base] <= p else -1


@kernel("void(int64[::1], int64[:, ::1], int64[::1], int64[::1], int64, uint8[::1], int64[::1], int64[::1])")
def fill(
    rows: Int64Array,
    table: Int64Array,
    lefts: Int64Array,
    places: Int64Array,
    width: int,
    low: Bytes,
    high: Int64Array,
    tally: Int64Array,
) -> None:
    """Count the messages `rows` into `low`, uint8, and `high`, int64, both (regions x width + 1,).

    `lefts` holds the left edges ascending and `places` which of the regions each belongs to. Since all
    are equally wide, the regions that hold a pixel are neighbours in `lefts`: the last one whose edge is
    not above the pixel, and those before it that still reach the pixel.
    """
    for n in range(rows.size):
        fetch_ahead(rows, n, table, _PIXEL, _PIXEL_LENGTH)
        row = rows[n]
        mask = table[_MASK, row]
        pixel = signed(table[_PIXEL, row], table[_PIXEL_LENGTH, row])
        filtered, counted = 0, 0
        for j in range(pixel.size):
            p = np.int64(pixel[j]) & mask
            k = _last_left_of(p, lefts)
            if k < 0 or p - lefts[k] >= width:
                filtered += 1
                continue
            while k >= 0 and p - lefts[k] < width:
                count(low, high, places[k] * width + p - lefts[k])
                counted += 1
                k -= 1
        tally[_FILTERED] += filtered
        tally[_COUNTED] += counted


def fill_numpy(
    rows: Int64Array,
    table: Int64Array,
    lefts: Int64Array,
    places: Int64Array,
    width: int,
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
