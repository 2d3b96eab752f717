"""Regular bins over integers, bit-exact with numpy.

Events are integers, so each edge e becomes the threshold ceil(e): x >= e holds exactly where x >= ceil(e).
The last bin is closed on the right, so its threshold is floor(high) + 1. A bin is estimated by a
multiplication and then corrected by comparisons with the thresholds, as ``np.histogram`` does with edges.
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


class Axis(NamedTuple):
    """The integer form of an axis: `thresholds` is int64 (bins + 1,)."""

    thresholds: Int64Array
    low: float
    scale: float


def axis(edges: npt.NDArray[np.float64]) -> Axis:
    """Make the integer form of regular edges, float64 (bins + 1,), ascending."""
    limits = np.ceil(edges)
    limits[-1] = math.floor(edges[-1]) + 1.0
    thresholds = np.clip(limits, -_BEYOND, _BEYOND).astype(np.int64)
    scale = (edges.size - 1) / float(edges[-1] - edges[0])
    return Axis(thresholds, float(edges[0]), scale)


@helper
def bin_of(x: int, thresholds: Int64Array, low: float, scale: float) -> int:
    """The bin of a value that lies between the first and the last threshold."""
    last = thresholds.size - 2
    estimate = (x - low) * scale
    i = 0
    if estimate >= last:
        i = last
    elif estimate > 0.0:
        i = int(estimate)
    while x < thresholds[i]:
        i -= 1
    while x >= thresholds[i + 1]:
        i += 1
    return i


def bins_of(x: Int64Array, thresholds: Int64Array) -> Int64Array:
    """The numpy twin of `bin_of`, for int64 (events,) that lie inside."""
    return np.searchsorted(thresholds, x, side="right").astype(np.int64) - 1
