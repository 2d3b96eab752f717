"""What the two image types share: counts kept by row as ids come, given out as [x][row]."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from histsvc.model import Int64Array, Role, Snapshot, Variable


def image_snapshot(
    high: Int64Array, low: npt.NDArray[np.uint8], dtype: np.dtype[Any], counted: int, rows_dim: str
) -> Snapshot:
    """Make the snapshot of the sums of `high` and `low`, (rows, width), which `dtype` holds.

    `counted` are all of them together. It has data (width, rows) and edges 0..width, 0..rows.
    """
    from histsvc.kernels.transpose import transpose  # loads numba: only where events are filled

    rows, width = high.shape
    out = np.zeros((width, rows), dtype)  # memory that is zero already, and not touched before it is read
    if counted:
        transpose(high, low, out)
    x = Variable("x_edges", Role.EDGES, ("x",), np.arange(width + 1, dtype=np.float64), "pixel", "x")
    y = Variable(
        f"{rows_dim}_edges", Role.EDGES, (rows_dim,), np.arange(rows + 1, dtype=np.float64), "pixel", rows_dim
    )
    return Snapshot((Variable("counts", Role.COUNTS, ("x", rows_dim), out, "counts"), x, y))
