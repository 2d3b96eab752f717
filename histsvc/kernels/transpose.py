"""Counts of an image from the order of filling, [row][x], into the order of output, [x][row]."""

from __future__ import annotations

import numpy as np

from histsvc.kernels.jit import kernel
from histsvc.kernels.spill import Bytes
from histsvc.model import Int64Array

# Eight rows fill a cache line of the output at once, and are not too many at the same place of a cache where
# the width is a power of two: square tiles take twice as long then.
_ROWS, _WIDTH = 8, 64


@kernel("void(int64[:, ::1], uint8[:, ::1], int64[:, ::1])")
def transpose(high: Int64Array, low: Bytes, out: Int64Array) -> None:
    """Write the sums of `high`, int64, and `low`, uint8, (rows, width), into `out`, int64 (width, rows)."""
    rows, width = high.shape
    for row in range(0, rows, _ROWS):
        for x in range(0, width, _WIDTH):
            for j in range(x, min(x + _WIDTH, width)):
                for i in range(row, min(row + _ROWS, rows)):
                    out[j, i] = high[i, j] + low[i, j]


def transpose_numpy(high: Int64Array, low: Bytes, out: Int64Array) -> None:
    """Do what `transpose` does, in numpy."""
    np.add(high.T, low.T, out=out)
