"""What the two image types share: what is given out, counts as [x][row] and their edges."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from histsvc.model import Role, Snapshot, Variable


def image_snapshot(counts: npt.NDArray[Any], rows_dim: str) -> Snapshot:
    """Make the snapshot of `counts`, (width, rows), with edges 0..width and 0..rows."""
    width, rows = counts.shape
    x = Variable("x_edges", Role.EDGES, ("x",), np.arange(width + 1, dtype=np.float64), "pixel", "x")
    y = Variable(
        f"{rows_dim}_edges", Role.EDGES, (rows_dim,), np.arange(rows + 1, dtype=np.float64), "pixel", rows_dim
    )
    return Snapshot((Variable("counts", Role.COUNTS, ("x", rows_dim), counts, "counts"), x, y))
