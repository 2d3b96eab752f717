"""Regular bins over integers, bit-exact with numpy.

Events are integers, so each edge e becomes the threshold ceil(e): x >= e holds exactly where x >= ceil(e).
The last bin is closed on the right, so its threshold is floor(high) + 1. As a rule the bin of a value is a
multiplication: it grows with the value, so it is exact everywhere if it is at every threshold and one below,
which is looked at when an axis is made. Where it is not, values are divided into cells, as wide as a power of
two; a table says in which bin each cell begins, and what is behind the next threshold is in a later one.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from histsvc.kernels.jit import helper
from histsvc.model import Int64Array

Int32Array = npt.NDArray[np.int32]
Vector = npt.NDArray[np.int32] | npt.NDArray[np.uint32]
"""A vector of a message as it lies there."""

CHUNK = 4096
"""So many bins are found before any is counted: what misses the cache then does not wait for one another."""
# Beyond what 32-bit events reach, so that edges which int64 cannot hold do not change any comparison.
_BEYOND = float(1 << 40)
# All that 32-bit events can be, signed or unsigned.
_LEAST, _BEHIND = -(1 << 31), 1 << 32
# For few bins, so that few cells have a threshold in them: the table fits the smallest cache. For many, so
# that the table is not larger than all else; then a cell may have several thresholds.
_LEAST_CELLS, _MOST_CELLS = 1024, 1 << 22
# What is added to a value, so that rounding does not put it below an edge that it is on.
_NUDGES = (0.0, 1e-9, 1e-7, 1e-6)


class Axis(NamedTuple):
    """The integer form of an axis: `thresholds` is int64 (bins + 1,).

    With a `scale` that is not 0 the bin of x is ``int((x + bias) * scale)``, or the last. Otherwise cell i
    holds values from ``low + (i << shift)`` on, and begins in bin ``cells[i]``, uint32 (cells,).
    """

    thresholds: Int64Array
    bias: float
    scale: float
    low: int
    shift: int
    cells: npt.NDArray[np.uint32]


def axis(edges: npt.NDArray[np.float64]) -> Axis:
    """Make the integer form of regular edges, float64 (bins + 1,), ascending."""
    limits = np.ceil(edges)
    limits[-1] = math.floor(edges[-1]) + 1.0
    thresholds = np.clip(limits, -_BEYOND, _BEYOND).astype(np.int64)
    low = max(int(thresholds[0]), _LEAST)
    span = max(0, min(int(thresholds[-1]), _BEHIND) - low)
    bias, scale = _formula(edges, thresholds, low, span)
    if scale:
        return Axis(thresholds, bias, scale, low, 0, np.empty(0, np.uint32))
    return Axis(thresholds, 0.0, 0.0, low, *_table(thresholds, low, span))


def _formula(
    edges: npt.NDArray[np.float64], thresholds: Int64Array, low: int, span: int
) -> tuple[float, float]:
    """Bias and scale with which the formula is exact, or zeros."""
    ends = np.concatenate([thresholds, thresholds - 1, [low, low + span - 1]])
    ends = ends[(ends >= low) & (ends < low + span)]
    wanted, last = bins_of(ends, thresholds), edges.size - 2
    with np.errstate(all="ignore"):
        scale = float((edges.size - 1) / (edges[-1] - edges[0]))
        for nudge in _NUDGES:
            bias = float(nudge - edges[0])
            found = (ends + bias) * scale
            if np.all(found < 1 << 31) and np.array_equal(np.minimum(found.astype(np.int32), last), wanted):
                return bias, scale
    return 0.0, 0.0


def _table(thresholds: Int64Array, low: int, span: int) -> tuple[int, npt.NDArray[np.uint32]]:
    most = min(max(_LEAST_CELLS, 2 * thresholds.size), _MOST_CELLS)
    shift = max(0, (max(span, 1) - 1).bit_length() - (most.bit_length() - 1))
    begins = low + (np.arange(max(span - 1, 0) // (1 << shift) + 1) << shift)
    return shift, np.maximum(bins_of(begins, thresholds), 0).astype(np.uint32)


@helper
def find_bins(
    values: Vector,
    thresholds: Int64Array,
    bias: float,
    scale: float,
    low: int,
    shift: int,
    cells: npt.NDArray[np.uint32],
    found: Int32Array,
) -> int:
    """Write the bin of each value, int32 or uint32, to `found`: the number of bins for none.

    Returns how many have one.
    """
    none = np.int32(thresholds.size - 1)
    begin, behind = thresholds[0], thresholds[-1]
    inside = 0
    if scale > 0:
        last = np.int32(none - 1)
        for j in range(values.size):
            i = min(np.int32((np.float64(values[j]) + bias) * scale), last)
            fits = (np.int64(values[j]) >= begin) & (np.int64(values[j]) < behind)
            found[j] = i if fits else none
            inside += fits
        return inside
    for j in range(values.size):
        x: Any = np.int64(values[j])
        found[j] = none
        if begin <= x < behind:
            found[j] = _bin_of(x, thresholds, low, shift, cells)
            inside += 1
    return inside


@helper
def _bin_of(x: int, thresholds: Int64Array, low: int, shift: int, cells: npt.NDArray[np.uint32]) -> int:
    """The bin of a value that is in one of them, by the table."""
    one = np.uint64(1)  # indices without a sign are not looked at for what is negative
    i = np.uint64(cells[np.uint64(x - low) >> np.uint64(shift)])
    while x >= thresholds[i + one]:
        i += one
    return i  # type: ignore[return-value]


def bins_of(x: Int64Array, thresholds: Int64Array) -> Int64Array:
    """The numpy twin of `find_bins`, for int64 (events,) that lie inside."""
    return np.searchsorted(thresholds, x, side="right").astype(np.int64) - 1
