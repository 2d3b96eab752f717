"""Fill of hist1d: times of flight in regular bins, of pixels in a range."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import carray

from histsvc.kernels.axis import bin_of, bins_of, offset_of
from histsvc.kernels.jit import kernel, pointer
from histsvc.kernels.vectors import vector_at
from histsvc.model import Column, Int64Array, Tally

_MASK, _TOF, _TOF_LENGTH = int(Column.MASK), int(Column.TOF_ADDRESS), int(Column.TOF_LENGTH)
_PIXEL, _PIXEL_LENGTH = int(Column.PIXEL_ADDRESS), int(Column.PIXEL_LENGTH)
# Every 32-bit pixel id, signed or unsigned, lies between these: no filter.
_LEAST, _MOST = -(1 << 31), (1 << 32) - 1
_COUNTED, _UNDERFLOW, _OVERFLOW, _FILTERED = (int(t) for t in list(Tally)[:4])


@kernel(
    "void(int64[::1], int64[:, ::1], int64[::1], int64, int64, int64, uint32[::1],"
    " int64, int64, int64[::1], int64[::1])"
)
def fill(
    rows: Int64Array,
    table: Int64Array,
    thresholds: Int64Array,
    low: int,
    span: int,
    shift: int,
    cells: npt.NDArray[np.uint32],
    first: int,
    last: int,
    counts: Int64Array,
    tally: Int64Array,
) -> None:
    """Count the messages `rows` of `table` into `counts`, int64 (bins,), and `tally`, int64 (len(Tally),).

    Pixels below `first` or above `last` are filtered, after the time of flight was found inside; a message
    without pixel ids has nothing to filter by.
    """
    begin, inside = thresholds[0], np.uint64(span)
    for row in rows:
        mask = table[_MASK, row]
        tof = carray(pointer(table[_TOF, row]), (table[_TOF_LENGTH, row],), np.int32)
        pixel = carray(pointer(table[_PIXEL, row]), (table[_PIXEL_LENGTH, row],), np.int32)
        filtering = pixel.size > 0 and (first > _LEAST or last < _MOST)
        below, above, filtered = 0, 0, 0
        for j in range(tof.size):
            x = np.int64(tof[j]) & mask
            offset = offset_of(x, low)
            if offset >= inside:
                below += x < begin
                above += x >= begin
            elif filtering and not first <= (np.int64(pixel[j]) & mask) <= last:
                filtered += 1
            else:
                counts[bin_of(x, offset, thresholds, shift, cells)] += 1
        tally[_UNDERFLOW] += below
        tally[_OVERFLOW] += above
        tally[_FILTERED] += filtered
        tally[_COUNTED] += tof.size - below - above - filtered


def fill_numpy(
    rows: Int64Array,
    table: Int64Array,
    thresholds: Int64Array,
    low: int,
    span: int,
    shift: int,
    cells: npt.NDArray[np.uint32],
    first: int,
    last: int,
    counts: Int64Array,
    tally: Int64Array,
) -> None:
    """Do what `fill` does, in numpy."""
    for row in rows.tolist():
        x = vector_at(table, row, Column.TOF_ADDRESS, Column.TOF_LENGTH)
        p = vector_at(table, row, Column.PIXEL_ADDRESS, Column.PIXEL_LENGTH)
        below, above = x < thresholds[0], x >= thresholds[-1]
        inside = ~below & ~above
        passed = inside & (p >= first) & (p <= last) if p.size else inside
        counts += np.bincount(bins_of(x[passed], thresholds), minlength=counts.size)
        tally[Tally.UNDERFLOW] += np.count_nonzero(below)
        tally[Tally.OVERFLOW] += np.count_nonzero(above)
        tally[Tally.FILTERED] += np.count_nonzero(inside & ~passed)
        tally[Tally.COUNTED] += np.count_nonzero(passed)
