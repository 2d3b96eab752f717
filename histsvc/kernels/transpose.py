"""Counts of an image from the order of filling, [row][x], into the order of output, [x][row]."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from histsvc.kernels.jit import kernel
from histsvc.kernels.spill import Bytes
from histsvc.model import Int64Array

Counts = Int64Array | npt.NDArray[np.uint32]

# A tile stays in the nearest cache. Its rows fill whole lines of memory of the output at once; more of them
# would be too many at the same place of a cache where the width is a power of two.
_ROWS, _WIDTH = 32, 128


@kernel(
    "void(int64[:, ::1], uint8[:, ::1], int64[:, ::1])", "void(int64[:, ::1], uint8[:, ::1], uint32[:, ::1])"
)
def transpose(high: Int64Array, low: Bytes, out: Counts) -> None:
    """Write the sums of `high`, int64, and `low`, uint8, (rows, width), into `out`, (width, rows).

    That is int64, or uint32 where it holds them all.
    """
    rows, width = high.shape
    tile = np.empty((_ROWS, _WIDTH), out.dtype)
    for row in range(0, rows, _ROWS):
        tall = min(_ROWS, rows - row)
        for x in range(0, width, _WIDTH):
            wide = min(_WIDTH, width - x)
            for i in range(tall):
                for j in range(wide):
                    tile[i, j] = high[row + i, x + j] + low[row + i, x + j]
            for j in range(wide):
                for i in range(tall):
                    out[x + j, row + i] = tile[i, j]


def transpose_numpy(high: Int64Array, low: Bytes, out: Counts) -> None:
    """Do what `transpose` does, in numpy."""
    np.add(high.T, low.T, out=out, casting="unsafe")
