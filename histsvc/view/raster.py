"""Counts as a few pixels: made smaller, and as levels and colours."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

# From dark to light, as the colour map inferno goes.
_PALETTE = np.array(
    [(0, 0, 4), (40, 11, 84), (101, 21, 110), (159, 42, 99), (212, 72, 66), (245, 125, 21), (250, 193, 39)]
)
# What is brighter than nearly all pixels does not darken the others.
BRIGHTEST = 0.998


def resized(counts: npt.NDArray[np.float64], size: int) -> npt.NDArray[np.float64]:
    """Change the length of the first dimension: the mean where bins are put together, else repeated."""
    bins = counts.shape[0]
    if bins <= size:
        repeated: npt.NDArray[np.float64] = counts[np.arange(size) * bins // size]
        return repeated
    begins = np.arange(size) * bins // size
    widths = np.diff(begins, append=bins).reshape(-1, *[1] * (counts.ndim - 1))
    means: npt.NDArray[np.float64] = np.add.reduceat(counts, begins, axis=0) / widths
    return means


def levels(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How bright each pixel is, 0 to 1: the square root of its part of nearly the most counts."""
    most = np.quantile(counts, BRIGHTEST) or counts.max() or 1
    roots: npt.NDArray[np.float64] = np.sqrt(np.clip(counts / most, 0, 1))
    return roots


def rgb(brightness: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """Red, green and blue of levels (…,), uint8 (…, 3)."""
    at = np.linspace(0, 1, len(_PALETTE))
    channels = [np.interp(brightness, at, _PALETTE[:, channel]) for channel in range(3)]
    colours: npt.NDArray[np.uint8] = np.rint(np.stack(channels, axis=-1)).astype(np.uint8)
    return colours
