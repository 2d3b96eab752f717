"""Making up events that fit a histogram: which whole numbers events can carry, and peaks among them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from histsvc.model import Int64Array

CARRIED = ((0, 2**31 - 1), (-(2**31), -1), (2**31, 2**32 - 1))
"""What 32 bits hold: signed and unsigned ones alike, only signed ones, only unsigned ones."""

ANY_TOF_NS = (0, 71_428_570)
"""Times of flight where a histogram does not ask for any: a pulse at 14 Hz."""

ANY_PIXELS = (1, 10_000)
"""Pixel ids where a histogram does not ask for any."""

_SIGMAS_ACROSS = 6.0


def carried(low: float, high: float) -> tuple[int, int]:
    """The first and last whole number in [low, high] that events can carry.

    They belong to one class of `CARRIED`, the first that has any, so that one schema carries them all. Where
    there is none, in a range beyond 32 bits or between two whole numbers: twice the nearest one. That counts
    where the ends are equal, because axes then reach 0.5 to either side.
    """
    for least, most in CARRIED:
        first, last = math.ceil(max(low, least)), math.floor(min(high, most))
        if first <= last:
            return first, last
    nearest = round(min(max((low + high) / 2, CARRIED[1][0]), CARRIED[2][1]))
    return nearest, nearest


def peak(
    draw: np.random.Generator, first: int | Int64Array, last: int | Int64Array, events: int
) -> Int64Array:
    """A peak in the middle of `first` to `last`, inclusive: int64 (events,), all of them inside.

    `first` and `last` may be arrays (events,). The peak is 6 sigmas wide; what falls off lies on its ends.
    """
    size = last - first + 1
    where = np.floor(size / 2 + size / _SIGMAS_ACROSS * draw.standard_normal(events))
    inside: Int64Array = first + np.clip(where, 0, size - 1).astype(np.int64)
    return inside


def peaks(draw: np.random.Generator, left_edges: Sequence[int], width: int, events: int) -> Int64Array:
    """A peak in the middle of every row of `width` ids, int64 (events,).

    Only of the rows that one class of `CARRIED` has, the first that has any; `left_edges` lie in 32 bits.
    """
    lefts = np.array(left_edges, np.int64)
    for least, most in CARRIED:
        first, last = np.maximum(lefts, least), np.minimum(lefts + width - 1, most)
        rows = np.flatnonzero(first <= last)
        if rows.size:
            break
    row = rows[draw.integers(rows.size, size=events)]
    return peak(draw, first[row], last[row], events)
