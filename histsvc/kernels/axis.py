"""Regular bins over integers, bit-exact with numpy.

Events are integers, so each edge e becomes the threshold ceil(e): x >= e holds exactly where x >= ceil(e).
The last bin is closed on the right, so its threshold is floor(high) + 1. The values in between are divided
into cells, as wide as a power of two and as a rule narrower than a bin. A table says in which bin each cell
begins; what is behind the next threshold is in a later one.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from histsvc.kernels.jit import helper
from histsvc.model import Int64Array

# Beyond what 32-bit events reach, so that edges which int64 cannot hold do not change any comparison.
_BEYOND = float(1 << 40)
# All that 32-bit events can be, signed or unsigned.
_LEAST, _BEHIND = -(1 << 31), 1 << 32
# For few bins, so that few cells have a threshold in them: the table fits the smallest cache. For many, so
# that the table is not larger than all else; then a cell may have several thresholds.
_LEAST_CELLS, _MOST_CELLS = 1024, 1 << 22


class Axis(NamedTuple):
    """The integer form of an axis: `thresholds` is int64 (bins + 1,).

    Values from `low` on, `span` of them, have bins; cell i holds those from ``low + (i << shift)`` on, and
    begins in bin ``cells[i]``, uint32 (cells,).
    """

    thresholds: Int64Array
    low: int
    span: int
    shift: int
    cells: npt.NDArray[np.uint32]


def axis(edges: npt.NDArray[np.float64]) -> Axis:
    """Make the integer form of regular edges, float64 (bins + 1,), ascending."""
    limits = np.ceil(edges)
    limits[-1] = math.floor(edges[-1]) + 1.0
    thresholds = np.clip(limits, -_BEYOND, _BEYOND).astype(np.int64)
    low = max(int(thresholds[0]), _LEAST)
    span = max(0, min(int(thresholds[-1]), _BEHIND) - low)
    most = min(max(_LEAST_CELLS, 2 * edges.size), _MOST_CELLS)
    shift = max(0, (max(span, 1) - 1).bit_length() - (most.bit_length() - 1))
    begins = low + (np.arange(max(span - 1, 0) // (1 << shift) + 1) << shift)
    return Axis(thresholds, low, span, shift, np.maximum(bins_of(begins, thresholds), 0).astype(np.uint32))


@helper
def offset_of(x: int, low: int) -> int:
    """How far a value is above `low`: less than the span of an axis exactly where it is in a bin."""
    return np.uint64(x - low)  # type: ignore[return-value]


@helper
def bin_of(x: int, offset: int, thresholds: Int64Array, shift: int, cells: npt.NDArray[np.uint32]) -> int:
    """The bin of a value that is in one of them; `offset` is that of `offset_of`."""
    one = np.uint64(1)  # indices without a sign are not looked at for what is negative
    i = np.uint64(cells[offset >> np.uint64(shift)])
    i += np.uint64(x >= thresholds[i + one])
    while x >= thresholds[i + one]:
        i += one
    return i  # type: ignore[return-value]


def bins_of(x: Int64Array, thresholds: Int64Array) -> Int64Array:
    """The numpy twin of `bin_of`, for int64 (events,) that lie inside."""
    return np.searchsorted(thresholds, x, side="right").astype(np.int64) - 1
