"""What the two image types share: counts kept by row as ids come, given out as [x][row]."""

from __future__ import annotations

import numpy as np

from histsvc.model import Int64Array, Role, Snapshot, Variable


def image_snapshot(counts: Int64Array, rows_dim: str) -> Snapshot:
    """Make the snapshot of `counts`, int64 (rows, width): data (width, rows) and edges 0..width, 0..rows."""
    from histsvc.kernels.transpose import transpose  # loads numba: only where events are filled

    rows, width = counts.shape
    out = np.empty((width, rows), np.int64)
    transpose(counts, out)
    x = Variable("x_edges", Role.EDGES, ("x",), np.arange(width + 1, dtype=np.float64), "pixel", "x")
    y = Variable(
        f"{rows_dim}_edges", Role.EDGES, (rows_dim,), np.arange(rows + 1, dtype=np.float64), "pixel", rows_dim
    )
    return Snapshot((Variable("counts", Role.COUNTS, ("x", rows_dim), out, "counts"), x, y))
