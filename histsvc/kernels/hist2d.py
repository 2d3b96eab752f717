"""Fill of hist2d: time of flight against pixel id, both in regular bins."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from histsvc.kernels.ahead import fetch_ahead
from histsvc.kernels.axis import CHUNK, Int32Array, Vector, bins_of, find_bins
from histsvc.kernels.jit import helper, kernel, signed, unsigned
from histsvc.kernels.spill import Bytes, count
from histsvc.kernels.vectors import vector_at
from histsvc.model import Column, Int64Array, Tally

_MASK, _TOF, _TOF_LENGTH = int(Column.MASK), int(Column.TOF_ADDRESS), int(Column.TOF_LENGTH)
_PIXEL = int(Column.PIXEL_ADDRESS)
_COUNTED, _UNDERFLOW, _OVERFLOW, _FILTERED = (int(t) for t in list(Tally)[:4])


@helper
def _count(
    tof: Vector,
    pixel: Vector,
    tof_axis: tuple[Int64Array, float, float, int, int, npt.NDArray[np.uint32]],
    pixel_axis: tuple[Int64Array, float, float, int, int, npt.NDArray[np.uint32]],
    found: tuple[Int32Array, Int32Array],
    room: tuple[Bytes, Int64Array],
    tally: Int64Array,
) -> None:
    """Count the events of a chunk."""
    in_tof = find_bins(tof, *tof_axis, found[0])
    in_pixel = find_bins(pixel, *pixel_axis, found[1])
    tofs, pixels = tof_axis[0].size - 1, pixel_axis[0].size - 1
    inside = tof.size
    if in_tof < tof.size or in_pixel < tof.size:
        inside = 0
        for j in range(tof.size):
            x, p = np.int64(tof[j]), np.int64(pixel[j])
            if found[0][j] < tofs and found[1][j] < pixels:
                inside += 1
                continue
            below = x < tof_axis[0][0] or (found[0][j] < tofs and p < pixel_axis[0][0])
            tally[_UNDERFLOW if below else _OVERFLOW] += 1
            found[0][j], found[1][j] = tofs, 0
    for j in range(tof.size):
        found[0][j] = found[0][j] * np.int32(pixels) + found[1][j]
    for j in range(tof.size):
        count(*room, np.uint32(found[0][j]))
    tally[_COUNTED] += inside


@kernel(
    "void(int64[::1], int64[:, ::1], int64[::1], float64, float64, int64, int64, uint32[::1],"
    " int64[::1], float64, float64, int64, int64, uint32[::1], uint8[::1], int64[::1], int64[::1])"
)
def fill(
    rows: Int64Array,
    table: Int64Array,
    tof_thresholds: Int64Array,
    tof_bias: float,
    tof_scale: float,
    tof_low: int,
    tof_shift: int,
    tof_cells: npt.NDArray[np.uint32],
    pixel_thresholds: Int64Array,
    pixel_bias: float,
    pixel_scale: float,
    pixel_low: int,
    pixel_shift: int,
    pixel_cells: npt.NDArray[np.uint32],
    low: Bytes,
    high: Int64Array,
    tally: Int64Array,
) -> None:
    """Count the messages `rows`, all with both vectors, into `low`, uint8, and `high`, int64.

    Both are (tof bins x pixel bins + 1,); what is behind the bins has no meaning.
    """
    found, room = (np.empty(CHUNK, np.int32), np.empty(CHUNK, np.int32)), (low, high)
    tof_axis = tof_thresholds, tof_bias, tof_scale, tof_low, tof_shift, tof_cells
    pixel_axis = pixel_thresholds, pixel_bias, pixel_scale, pixel_low, pixel_shift, pixel_cells
    for n in range(rows.size):
        fetch_ahead(rows, n, table, _TOF, _TOF_LENGTH)
        fetch_ahead(rows, n, table, _PIXEL, _TOF_LENGTH)
        row = rows[n]
        length = table[_TOF_LENGTH, row]
        for begin in range(0, length, CHUNK):
            size = min(CHUNK, length - begin)
            tof, pixel = table[_TOF, row] + 4 * begin, table[_PIXEL, row] + 4 * begin
            if table[_MASK, row] < 0:
                _count(signed(tof, size), signed(pixel, size), tof_axis, pixel_axis, found, room, tally)
            else:
                _count(unsigned(tof, size), unsigned(pixel, size), tof_axis, pixel_axis, found, room, tally)


def fill_numpy(
    rows: Int64Array,
    table: Int64Array,
    tof_thresholds: Int64Array,
    tof_bias: float,
    tof_scale: float,
    tof_low: int,
    tof_shift: int,
    tof_cells: npt.NDArray[np.uint32],
    pixel_thresholds: Int64Array,
    pixel_bias: float,
    pixel_scale: float,
    pixel_low: int,
    pixel_shift: int,
    pixel_cells: npt.NDArray[np.uint32],
    low: Bytes,
    high: Int64Array,
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
        i, k = bins_of(x[inside], tof_thresholds), bins_of(p[inside], pixel_thresholds)
        np.add.at(high, i * (pixel_thresholds.size - 1) + k, 1)
        tally[Tally.UNDERFLOW] += np.count_nonzero(below)
        tally[Tally.OVERFLOW] += np.count_nonzero(above)
        tally[Tally.COUNTED] += np.count_nonzero(inside)
