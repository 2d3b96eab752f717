"""Rows of consecutive pixel ids, and which of them an id belongs to, looked up instead of searched for."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from histsvc.kernels.axis import Int32Array, Vector
from histsvc.kernels.jit import helper
from histsvc.model import Int64Array

# Where left edges are evenly spaced most cells have no edge in them, and nothing is left to be searched for.
_CELLS_PER_REGION = 8
# The table is not larger than that many cells, or twice as many; then a cell may have several edges.
_MOST_CELLS = 1 << 22


class Regions(NamedTuple):
    """Regions of `width` ids: `lefts` are their left edges, ascending, `places` which region each belongs to.

    Ids from the first edge on are divided into cells of ``1 << shift``; of the edges that are not above the
    begin of cell i the last is ``lefts[cells[i]]``. All are int64, (regions,) and (cells + 1,).
    """

    lefts: Int64Array
    places: Int64Array
    width: int
    shift: int
    cells: Int64Array


def regions(left_edges: Int64Array, width: int) -> Regions:
    """Make them of left edges in any order, int64 (regions,), which may be equal."""
    places = np.argsort(left_edges, kind="stable").astype(np.int64)
    lefts = left_edges[places]
    ids = int(lefts[-1] - lefts[0]) + width
    shift = max(0, (ids // min(_CELLS_PER_REGION * lefts.size, _MOST_CELLS)).bit_length() - 1)
    begins = lefts[0] + (np.arange((ids >> shift) + 2) << shift)
    return Regions(lefts, places, width, shift, np.searchsorted(lefts, begins, "right") - 1)


@helper
def last_left_of(p: int, lefts: Int64Array, first: int, last: int) -> int:
    """Index of the last left edge that is not above `p`, of those from `first`, which is not, to `last`."""
    while first < last:
        middle = (first + last + 1) // 2
        if lefts[middle] <= p:
            first = middle
        else:
            last = middle - 1
    return first


@helper
def find_held(
    pixel: Vector, lefts: Int64Array, width: int, shift: int, cells: Int64Array, held: Int32Array
) -> None:
    """Write to `held` for each pixel id, int32 or uint32, whether it lies in a region: 1 or 0.

    `lefts` to `cells` are those of Regions. Since all regions are equally wide, none reaches further than the
    last one whose edge is not above the pixel.
    """
    begin, ids = lefts[0], lefts[-1] - lefts[0] + width
    for j in range(pixel.size):
        p = np.int64(pixel[j])
        held[j] = 0
        if p >= begin and p - begin < ids:
            cell = (p - begin) >> shift
            held[j] = p - lefts[last_left_of(p, lefts, cells[cell], cells[cell + 1])] < width


def held_numpy(pixel: Int64Array, lefts: Int64Array, width: int) -> npt.NDArray[np.bool_]:
    """The numpy twin of `find_held`, for int64 (events,): bool (events,)."""
    last = np.searchsorted(lefts, pixel, "right") - 1
    inside: npt.NDArray[np.bool_] = (last >= 0) & (pixel - lefts[np.maximum(last, 0)] < width)
    return inside
