"""Fill of hist2d: time of flight against pixel id, both in regular bins."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import carray

from histsvc.kernels.axis import bin_of, bins_of, offset_of
from histsvc.kernels.jit import kernel, pointer
from histsvc.kernels.vectors import vector_at
from histsvc.model import Column, Int64Array, Tally

_MASK, _TOF, _TOF_LENGTH = int(Column.MASK), int(Column.TOF_ADDRESS), int(Column.TOF_LENGTH)
_PIXEL = int(Column.PIXEL_ADDRESS)
_COUNTED, _UNDERFLOW, _OVERFLOW, _FILTERED = (int(t) for t in list(Tally)[:4])


@kernel(
    "void(int64[::1], int64[:, ::1], int64[::1], int64, int64, int64, uint32[::1],"
    " int64[::1], int64, int64, int64, uint32[::1], int64[:, ::1], int64[::1])"
)
def fill(
    rows: Int64Array,
    table: Int64Array,
    tof_thresholds: Int64Array,
    tof_low: int,
    tof_span: int,
    tof_shift: int,
    tof_cells: npt.NDArray[np.uint32],
    pixel_thresholds: Int64Array,
    pixel_low: int,
    pixel_span: int,
    pixel_shift: int,
    pixel_cells: npt.NDArray[np.uint32],
    counts: Int64Array,
    tally: Int64Array,
) -> None:
    """Count the messages `rows`, all with both vectors, into `counts`, int64 (tof bins, pixel bins)."""
    tof_begin, tof_inside = tof_thresholds[0], np.uint64(tof_span)
    pixel_begin, pixel_inside = pixel_thresholds[0], np.uint64(pixel_span)
    for row in rows:
        mask = table[_MASK, row]
        tof = carray(pointer(table[_TOF, row]), (table[_TOF_LENGTH, row],), np.int32)
        pixel = carray(pointer(table[_PIXEL, row]), (table[_TOF_LENGTH, row],), np.int32)
        below, above = 0, 0
        for j in range(tof.size):
            x = np.int64(tof[j]) & mask
            p = np.int64(pixel[j]) & mask
            to_x, to_p = offset_of(x, tof_low), offset_of(p, pixel_low)
            if to_x < tof_inside and to_p < pixel_inside:
                i = bin_of(x, to_x, tof_thresholds, tof_shift, tof_cells)
                counts[i, bin_of(p, to_p, pixel_thresholds, pixel_shift, pixel_cells)] += 1
            elif x < tof_begin or (to_x < tof_inside and p < pixel_begin):
                below += 1
            else:
                above += 1
        tally[_UNDERFLOW] += below
        tally[_OVERFLOW] += above
        tally[_COUNTED] += tof.size - below - above


def fill_numpy(
    rows: Int64Array,
    table: Int64Array,
    tof_thresholds: Int64Array,
    tof_low: int,
    tof_span: int,
    tof_shift: int,
    tof_cells: npt.NDArray[np.uint32],
    pixel_thresholds: Int64Array,
    pixel_low: int,
    pixel_span: int,
    pixel_shift: int,
    pixel_cells: npt.NDArray[np.uint32],
    counts: Int64Array,
    tally: Int64Array,
) -> None:
    """Do what `fill` does, in numpy."""
    for row in rows.tolist():
        x = vector_at(table, row, Column.TOF_ADDRESS, Column.TOF_LENGTH)
        p = vector_at(table, row, Column.PIXEL_ADDRESS, Column.PIXEL_LENGTH)
        below, above = x < tof_thresholds[0], x >= tof_thresholds[-1]
        inside = ~below & ~above
        below |= inside & (p < pixel_thresholds[0])
        above |= inside & (p >= pixel_thresholds[-1])
        inside = ~below & ~above
        np.add.at(counts, (bins_of(x[inside], tof_thresholds), bins_of(p[inside], pixel_thresholds)), 1)
        tally[Tally.UNDERFLOW] += np.count_nonzero(below)
        tally[Tally.OVERFLOW] += np.count_nonzero(above)
        tally[Tally.COUNTED] += np.count_nonzero(inside)
