"""Axes as people read them: times in the unit that fits, labels with it, widths of bins."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from histsvc.client import Axis

_TIMES_NS = ((1e9, "s"), (1e6, "ms"), (1e3, "\u00b5s"))
# Edges that were computed in float64 are as uneven as this, in units of the largest.
_ROUNDING = 4 * float(np.finfo(np.float64).eps)


def readable(axis: Axis) -> tuple[npt.NDArray[Any], str]:
    """Edges (bins + 1,) and their unit: times in ns as µs, ms or s where that reads better."""
    scale, unit = _scale(float(np.abs(axis.edges).max(initial=0)), axis.unit)
    return (axis.edges / scale if scale != 1 else axis.edges), unit


def title(axis: Axis) -> str:
    """What the axis is, and its readable unit, as ``time of flight (ms)``."""
    _, unit = readable(axis)
    return f"{axis.label} ({unit})" if axis.label and unit else axis.label or unit


def is_even(edges: npt.NDArray[Any]) -> bool:
    """Whether all bins between the edges are equally wide, but for rounding."""
    widths = np.diff(edges)
    slack = _ROUNDING * float(np.abs(edges).max(initial=0))
    return bool(np.allclose(widths, widths.mean(), rtol=1e-6, atol=slack)) if widths.size else False


def bin_width(axis: Axis) -> str:
    """The width of each bin with its unit, as ``71 µs``; empty where they are not equal."""
    if not is_even(axis.edges):
        return ""
    width = float(axis.edges[-1] - axis.edges[0]) / (axis.edges.size - 1)
    scale, unit = _scale(width, axis.unit)
    return f"{width / scale:.4g} {unit or axis.label}".rstrip()


def _scale(largest: float, unit: str) -> tuple[float, str]:
    """What to divide by, and the unit then: the largest in which `largest` is no less than 1."""
    if unit == "ns":
        for scale, name in _TIMES_NS:
            if largest >= scale * (1 - 1e-9):
                return scale, name
    return 1.0, unit
