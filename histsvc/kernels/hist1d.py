"""Fill of hist1d: times of flight in regular bins, of pixels in a range, or in rows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from histsvc.kernels.ahead import fetch_ahead
from histsvc.kernels.axis import CHUNK, Int32Array, Vector, bins_of, find_bins
from histsvc.kernels.jit import helper, kernel, signed, unsigned
from histsvc.kernels.regions import find_held, held_numpy
from histsvc.kernels.spill import Bytes
from histsvc.kernels.vectors import vector_at
from histsvc.model import Column, Int64Array, Tally

_MASK, _TOF, _TOF_LENGTH = int(Column.MASK), int(Column.TOF_ADDRESS), int(Column.TOF_LENGTH)
_PIXEL, _PIXEL_LENGTH = int(Column.PIXEL_ADDRESS), int(Column.PIXEL_LENGTH)
# Every 32-bit pixel id, signed or unsigned, lies between these: no filter.
_LEAST, _MOST = -(1 << 31), (1 << 32) - 1
_COUNTED, _UNDERFLOW, _OVERFLOW, _FILTERED = (int(t) for t in list(Tally)[:4])


@helper
def _count(
    tof: Vector,
    pixel: Vector,
    thresholds: Int64Array,
    bias: float,
    scale: float,
    low: int,
    shift: int,
    cells: npt.NDArray[np.uint32],
    first: int,
    last: int,
    found: Int32Array,
    counts: Int64Array,
    tally: Int64Array,
) -> None:
    """Count the events of a chunk; `pixel` is empty where nothing is filtered."""
    inside = find_bins(tof, thresholds, bias, scale, low, shift, cells, found)
    none = np.int32(thresholds.size - 1)
    if inside < tof.size:
        below = 0
        for j in range(tof.size):
            below += np.int64(tof[j]) < thresholds[0]
        tally[_UNDERFLOW] += below
        tally[_OVERFLOW] += tof.size - inside - below
    filtered = 0
    for j in range(pixel.size):
        fails = (np.int64(pixel[j]) < first) | (np.int64(pixel[j]) > last)
        filtered += fails & (found[j] != none)
        found[j] = none if fails else found[j]
    for j in range(tof.size):
        counts[np.uint32(found[j])] += 1
    tally[_FILTERED] += filtered
    tally[_COUNTED] += inside - filtered


@kernel(
    "void(int64[::1], int64[:, ::1], int64[::1], float64, float64, int64, int64, uint32[::1],"
    " int64, int64, int64[::1], int64[::1])"
)
def fill(
    rows: Int64Array,
    table: Int64Array,
    thresholds: Int64Array,
    bias: float,
    scale: float,
    low: int,
    shift: int,
    cells: npt.NDArray[np.uint32],
    first: int,
    last: int,
    counts: Int64Array,
    tally: Int64Array,
) -> None:
    """Count the messages `rows` of `table` into `counts` and `tally`, int64 (len(Tally),).

    `counts` is int64 (bins + 1,): what is behind the bins has no meaning. Pixels below `first` or above
    `last` are filtered, after the time of flight was found inside; a message without pixel ids has nothing to
    filter by.
    """
    found = np.empty(CHUNK, np.int32)
    filters = first > _LEAST or last < _MOST
    axis = thresholds, bias, scale, low, shift, cells
    for n in range(rows.size):
        fetch_ahead(rows, n, table, _TOF, _TOF_LENGTH)
        row = rows[n]
        length, filtering = table[_TOF_LENGTH, row], filters and table[_PIXEL_LENGTH, row] > 0
        for begin in range(0, length, CHUNK):
            size = min(CHUNK, length - begin)
            tof, pixel = table[_TOF, row] + 4 * begin, table[_PIXEL, row] + 4 * begin
            pixels = size if filtering else 0
            if table[_MASK, row] < 0:
                _count(signed(tof, size), signed(pixel, pixels), *axis, first, last, found, counts, tally)
            else:
                _count(unsigned(tof, size), unsigned(pixel, pixels), *axis, first, last, found, counts, tally)


@kernel(
    "void(int64[::1], int64[:, ::1], int64[::1], float64, float64, int64, int64, uint32[::1],"
    " int64[::1], int64, int64, int64[::1], int64, uint8[::1], int64[::1], int64[::1])"
)
def fill_region(
    rows: Int64Array,
    table: Int64Array,
    thresholds: Int64Array,
    bias: float,
    scale: float,
    low: int,
    shift: int,
    cells: npt.NDArray[np.uint32],
    lefts: Int64Array,
    width: int,
    lefts_shift: int,
    lefts_cells: Int64Array,
    state_shift: int,
    states: Bytes,
    counts: Int64Array,
    tally: Int64Array,
) -> None:
    """Do what `fill` does, but filter pixels in none of some rows; `lefts` to `states` are those of Held."""
    found, held = np.empty(CHUNK, np.int32), np.empty(CHUNK, np.int32)
    axis = thresholds, bias, scale, low, shift, cells
    region = lefts, width, lefts_shift, lefts_cells, state_shift, states
    for n in range(rows.size):
        fetch_ahead(rows, n, table, _TOF, _TOF_LENGTH)
        fetch_ahead(rows, n, table, _PIXEL, _PIXEL_LENGTH)
        row = rows[n]
        length, filtering = table[_TOF_LENGTH, row], table[_PIXEL_LENGTH, row] > 0
        for begin in range(0, length, CHUNK):
            size = min(CHUNK, length - begin)
            tof, pixel = table[_TOF, row] + 4 * begin, table[_PIXEL, row] + 4 * begin
            pixels = size if filtering else 0
            # Whether a pixel is held is a number as well, of which 1 is the range that passes.
            if table[_MASK, row] < 0:
                find_held(signed(pixel, pixels), *region, held)
                _count(signed(tof, size), held[:pixels], *axis, 1, 1, found, counts, tally)
            else:
                find_held(unsigned(pixel, pixels), *region, held)
                _count(unsigned(tof, size), held[:pixels], *axis, 1, 1, found, counts, tally)


def _count_numpy(
    table: Int64Array,
    row: int,
    thresholds: Int64Array,
    held: npt.NDArray[np.bool_],
    counts: Int64Array,
    tally: Int64Array,
) -> None:
    """Count a message; `held`, bool (events,), says whose pixel passes, and is empty without pixel ids."""
    x = vector_at(table, row, Column.TOF_ADDRESS, Column.TOF_LENGTH)
    below, above = x < thresholds[0], x >= thresholds[-1]
    inside = ~below & ~above
    passed = inside & held if held.size else inside
    counts += np.bincount(bins_of(x[passed], thresholds), minlength=counts.size)
    tally[Tally.UNDERFLOW] += np.count_nonzero(below)
    tally[Tally.OVERFLOW] += np.count_nonzero(above)
    tally[Tally.FILTERED] += np.count_nonzero(inside & ~passed)
    tally[Tally.COUNTED] += np.count_nonzero(passed)


def fill_numpy(
    rows: Int64Array,
    table: Int64Array,
    thresholds: Int64Array,
    bias: float,
    scale: float,
    low: int,
    shift: int,
    cells: npt.NDArray[np.uint32],
    first: int,
    last: int,
    counts: Int64Array,
    tally: Int64Array,
) -> None:
    """Do what `fill` does, in numpy."""
    for row in rows.tolist():
        p = vector_at(table, row, Column.PIXEL_ADDRESS, Column.PIXEL_LENGTH)
        _count_numpy(table, row, thresholds, (p >= first) & (p <= last), counts, tally)


def fill_region_numpy(
    rows: Int64Array,
    table: Int64Array,
    thresholds: Int64Array,
    bias: float,
    scale: float,
    low: int,
    shift: int,
    cells: npt.NDArray[np.uint32],
    lefts: Int64Array,
    width: int,
    _lefts_shift: int,
    _lefts_cells: Int64Array,
    _state_shift: int,
    _states: Bytes,
    counts: Int64Array,
    tally: Int64Array,
) -> None:
    """Do what `fill_region` does, in numpy."""
    for row in rows.tolist():
        p = vector_at(table, row, Column.PIXEL_ADDRESS, Column.PIXEL_LENGTH)
        _count_numpy(table, row, thresholds, held_numpy(p, lefts, width), counts, tally)
