"""Counts of an image from the order of filling, [row][x], into the order of output, [x][row]."""

from __future__ import annotations

import numpy as np

from histsvc.kernels.jit import kernel
from histsvc.model import Int64Array

# Eight rows fill a cache line of the output at once, and are not too many at the same place of a cache where
# the width is a power of two: square tiles take twice as long then.
_ROWS, _WIDTH = 8, 64


@kernel("void(int64[:, ::1], int64[:, ::1])")
def transpose(counts: Int64Array, out: Int64Array) -> None:
    """Write the transpose of `counts`, int64 (rows, width), into `out`, int64 (width, rows), tile by tile."""
    rows, width = counts.shape
    for row in range(0, rows, _ROWS):
        for x in range(0, width, _WIDTH):
            for j in range(x, min(x + _WIDTH, width)):
                for i in range(row, min(row + _ROWS, rows)):
                    out[j, i] = counts[i, j]


def transpose_numpy(counts: Int64Array, out: Int64Array) -> None:
    """Do what `transpose` does, in numpy."""
    np.copyto(out, counts.T)
