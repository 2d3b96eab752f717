"""Images as small as the screen that shows them: the mean of blocks of bins, only of what is looked at."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from histsvc.view.axis import is_even


class Extent(NamedTuple):
    """From where to where, in the units of an axis."""

    low: float
    high: float


class Part(NamedTuple):
    """Bins of an axis, `begin` up to, and without, `end`, in blocks of `step`; the last may be shorter."""

    begin: int
    end: int
    step: int

    @property
    def blocks(self) -> int:
        """How many blocks there are."""
        return -(-(self.end - self.begin) // self.step)


def part(edges: npt.NDArray[Any], seen: Extent | None, pixels: int) -> Part:
    """The bins that lie in `seen` (None: all), in blocks that are no larger than a pixel of the screen."""
    bins = edges.size - 1
    if seen is None:
        begin, end = 0, bins
    else:
        low, high = sorted(seen)
        begin = int(np.clip(np.searchsorted(edges, low, "right") - 1, 0, bins - 1))
        end = int(np.clip(np.searchsorted(edges, high, "left"), begin + 1, bins))
    step = max(1, math.floor((end - begin) / max(1, pixels)))
    # Blocks begin at multiples of their size: what is moved across the screen does not flicker.
    return Part(begin // step * step, end, step)


def reduced(counts: npt.NDArray[Any], x: Part, y: Part) -> npt.NDArray[np.float64]:
    """The mean of each block of `counts` [x][y], float64 (x.blocks, y.blocks)."""
    piece = counts[x.begin : x.end, y.begin : y.end]
    # Rows are added as a whole, which is fast; what is left for the other axis is little.
    sums = _sums(_sums(piece, x.step, 0), y.step, 1)
    return sums / (sizes(x)[:, None] * sizes(y)[None, :])


def _sums(counts: npt.NDArray[Any], step: int, axis: int) -> npt.NDArray[np.float64]:
    if step == 1:
        return np.asarray(counts, np.float64)
    begins = np.arange(0, counts.shape[axis], step)
    sums: npt.NDArray[np.float64] = np.add.reduceat(counts, begins, axis=axis, dtype=np.float64)
    return sums


def sizes(bins: Part) -> npt.NDArray[np.int64]:
    """How many bins are in each block."""
    begins = np.arange(bins.begin, bins.end, bins.step)
    return np.minimum(begins + bins.step, bins.end) - begins


def span(edges: npt.NDArray[Any], bins: Part) -> Extent:
    """Where blocks of equal size begin and end; a last one that is shorter reaches out."""
    low = float(edges[bins.begin])
    width = float(edges[bins.end] - edges[bins.begin]) / (bins.end - bins.begin)
    return Extent(low, low + width * bins.blocks * bins.step)


def even(counts: npt.NDArray[Any], edges: npt.NDArray[Any], axis: int) -> npt.NDArray[Any]:
    """Counts over an axis whose bins are not equally wide, as a screen shows them: of as many equal bins.

    Each has the counts of the bin that its middle lies in.
    """
    if is_even(edges):
        return counts
    grid = np.linspace(edges[0], edges[-1], edges.size)
    found = np.searchsorted(edges, (grid[1:] + grid[:-1]) / 2, "right") - 1
    return np.take(counts, np.clip(found, 0, edges.size - 2), axis=axis)
