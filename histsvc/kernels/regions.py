"""Rows of consecutive pixel ids, and which of them an id belongs to, looked up instead of searched for."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from histsvc.kernels.axis import Int32Array, Vector
from histsvc.kernels.jit import helper
from histsvc.kernels.spill import Bytes
from histsvc.model import Int64Array

# Where left edges are evenly spaced most cells have no edge in them, and nothing is left to be searched for.
_CELLS_PER_REGION = 8
# The table is not larger than that many cells, or twice as many; then a cell may have several edges.
_MOST_CELLS = 1 << 22
# So many cells have a state: where a detector has no more ids between the first row and the last, one each.
_STATES = 1 << 20
_NONE, _ALL, _SOME = range(3)


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


class Held(NamedTuple):
    """Which ids lie in any of some regions; `lefts` to `cells` are those of Regions, without `places`.

    Ids from the first edge on are divided into cells of ``1 << state_shift`` as well: `states`, uint8
    (cells + 1,), says whether all ids of a cell lie in a region, or none, or some. The last is for what is
    behind all cells, or before them.
    """

    lefts: Int64Array
    width: int
    shift: int
    cells: Int64Array
    state_shift: int
    states: Bytes


def held(left_edges: Int64Array, width: int) -> Held:
    """Make it of left edges in any order, int64 (regions,), which may be equal."""
    lefts, _, _, shift, cells = regions(np.unique(left_edges), width)
    # Regions that overlap or touch are one, from `begins` to `ends`, as ids behind the first edge.
    apart = np.diff(lefts) > width
    begins = lefts[np.append(True, apart)] - lefts[0]
    ends = lefts[np.append(apart, True)] + width - lefts[0]
    state_shift = max(0, (int(ends[-1]) - 1).bit_length() - _STATES.bit_length() + 1)
    size = 1 << state_shift
    number = (int(ends[-1]) - 1 >> state_shift) + 1
    touched = _covered(begins >> state_shift, (ends - 1 >> state_shift) + 1, number)
    full = _covered((begins + size - 1) >> state_shift, ends >> state_shift, number)
    states = np.where(full, _ALL, np.where(touched, _SOME, _NONE)).astype(np.uint8)
    return Held(lefts, width, shift, cells, state_shift, np.append(states, np.uint8(_NONE)))


def _covered(begins: Int64Array, ends: Int64Array, number: int) -> npt.NDArray[np.bool_]:
    """Which of so many cells lie in any of the half-open ranges, of which some may be empty."""
    begins = np.minimum(begins, ends)
    steps = np.bincount(begins, minlength=number + 1) - np.bincount(ends, minlength=number + 1)
    covered: npt.NDArray[np.bool_] = np.cumsum(steps)[:number] > 0
    return covered


@helper
def find_held(
    pixel: Vector,
    lefts: Int64Array,
    width: int,
    shift: int,
    cells: Int64Array,
    state_shift: int,
    states: Bytes,
    found: Int32Array,
) -> None:
    """Write to `found` for each pixel id, int32 or uint32, whether it lies in a region: 1 or 0.

    `lefts` to `states` are those of Held. Since all regions are equally wide, none reaches further than the
    last one whose edge is not above the pixel.
    """
    begin, behind = lefts[0], np.uint64((states.size - 1) << state_shift)
    for j in range(pixel.size):
        p: Any = np.int64(pixel[j])
        # What is before the first edge is behind all cells as a number without a sign.
        state = states[min(np.uint64(p - begin), behind) >> np.uint64(state_shift)]
        if state == _SOME:
            # The last cell with a state may reach further than those with edges.
            cell = min((p - begin) >> shift, cells.size - 2)
            state = np.uint8(p - lefts[last_left_of(p, lefts, cells[cell], cells[cell + 1])] < width)
        found[j] = state


def held_numpy(pixel: Int64Array, lefts: Int64Array, width: int) -> npt.NDArray[np.bool_]:
    """The numpy twin of `find_held`, for int64 (events,): bool (events,)."""
    last = np.searchsorted(lefts, pixel, "right") - 1
    inside: npt.NDArray[np.bool_] = (last >= 0) & (pixel - lefts[np.maximum(last, 0)] < width)
    return inside
