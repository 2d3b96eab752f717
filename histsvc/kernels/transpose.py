"""Counts of an image from the order of filling, [row][x], into the order of output, [x][row]."""

from __future__ import annotations

import numpy as np

from histsvc.kernels.jit import kernel
from histsvc.model import Int64Array

# A tile of 32 x 32 int64 takes 8 kB on each side: both stay in the first cache.
_TILE = 32


@kernel("void(int64[:, ::1], int64[:, ::1])")
def transpose(counts: Int64Array, out: Int64Array) -> None:
    """Write the transpose of `counts`, int64 (rows, width), into `out`, int64 (width, rows), tile by tile."""
    rows, width = counts.shape
    for row in range(0, rows, _TILE):
        for x in range(0, width, _TILE):
            for i in range(row, min(row + _TILE, rows)):
                for j in range(x, min(x + _TILE, width)):
                    out[j, i] = counts[i, j]


def transpose_numpy(counts: Int64Array, out: Int64Array) -> None:
    """Do what `transpose` does, in numpy."""
    np.copyto(out, counts.T)
