"""Histograms as pictures in a terminal: images in half blocks, spectra as columns."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from rich.color import Color
from rich.style import Style
from rich.text import Text

from histsvc.client import Axis, Histogram
from histsvc.view.axis import readable
from histsvc.view.text import short

_HALF = "\u2580"  # the upper half of a cell: one pixel in the foreground, one in the background
_EIGHTHS = " \u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"
_DENSITIES = " .:-=+*#%@"
# From dark to light, as the colour map inferno goes.
_PALETTE = np.array(
    [(0, 0, 4), (40, 11, 84), (101, 21, 110), (159, 42, 99), (212, 72, 66), (245, 125, 21), (250, 193, 39)]
)
_SPECTRUM_STYLE = "bright_cyan"
_AXIS_STYLE = "dim"
# What is brighter than nearly all pixels does not darken the others.
_BRIGHTEST = 0.998


def picture(histogram: Histogram, columns: int, rows: int, *, colour: bool = True) -> Text:
    """Draw a histogram into so many columns and rows, the last row for its axes; no lines are longer."""
    counts = np.asarray(histogram.counts, dtype=np.float64)
    if counts.ndim == 1:
        return _spectrum(counts, histogram.axes[0], columns, rows)
    square = all(axis.unit == "pixel" for axis in histogram.axes)
    drawn = _image(counts, columns, rows - 1, square=square, colour=colour)
    return Text("\n").join([*drawn, Text(_axes(histogram.axes, columns), _AXIS_STYLE)])


def _spectrum(counts: npt.NDArray[np.float64], axis: Axis, columns: int, rows: int) -> Text:
    heights = _resized(counts, columns)
    most = float(counts.max(initial=0))
    steps = np.rint(heights / (heights.max(initial=0) or 1) * (rows - 1) * (len(_EIGHTHS) - 1)).astype(int)
    lines = []
    for row in reversed(range(rows - 1)):
        filled = np.clip(steps - row * (len(_EIGHTHS) - 1), 0, len(_EIGHTHS) - 1)
        lines.append(Text("".join(_EIGHTHS[step] for step in filled), _SPECTRUM_STYLE))
    label = f"max {short(most)}"
    if lines and not np.any(steps[-len(label) - 1 :] > (rows - 2) * (len(_EIGHTHS) - 1)):
        lines[0] = Text.assemble(lines[0][: columns - len(label)], (label, _AXIS_STYLE))
    return Text("\n").join([*lines, Text(_axes((axis,), columns), _AXIS_STYLE)])


def _image(
    counts: npt.NDArray[np.float64], columns: int, rows: int, *, square: bool, colour: bool
) -> list[Text]:
    """Draw counts [x][y], y upwards, centred in the columns; a cell is two pixels, one above the other."""
    wide, high = columns, 2 * rows
    if square:
        scale = min(columns / counts.shape[0], 2 * rows / counts.shape[1])
        wide = max(1, min(columns, round(scale * counts.shape[0])))
        high = max(2, min(2 * rows, 2 * round(scale * counts.shape[1] / 2)))
    small = _resized(_resized(counts, wide).T, high)[::-1]  # [row from the top][column]
    levels = np.sqrt(np.clip(small / (np.quantile(small, _BRIGHTEST) or small.max() or 1), 0, 1))
    pairs = levels.reshape(high // 2, 2, wide)
    margin = " " * ((columns - wide) // 2)
    lines = [(_coloured if colour else _dense)(top, bottom) for top, bottom in pairs]
    above = (rows - len(lines)) // 2
    empty = [Text() for _ in range(rows - len(lines))]
    return [*empty[:above], *(Text.assemble(margin, line) for line in lines), *empty[above:]]


def _coloured(top: npt.NDArray[np.float64], bottom: npt.NDArray[np.float64]) -> Text:
    line = Text()
    for upper, lower in zip(_rgb(top), _rgb(bottom), strict=True):
        line.append(_HALF, Style(color=Color.from_rgb(*upper), bgcolor=Color.from_rgb(*lower)))
    return line


def _dense(top: npt.NDArray[np.float64], bottom: npt.NDArray[np.float64]) -> Text:
    steps = np.rint((top + bottom) / 2 * (len(_DENSITIES) - 1)).astype(int)
    return Text("".join(_DENSITIES[step] for step in steps))


def _rgb(levels: npt.NDArray[np.float64]) -> list[tuple[int, ...]]:
    at = np.linspace(0, 1, len(_PALETTE))
    channels = [np.interp(levels, at, _PALETTE[:, channel]) for channel in range(3)]
    return [tuple(map(int, colour)) for colour in np.rint(np.stack(channels, axis=1)).astype(int)]


def _resized(counts: npt.NDArray[np.float64], size: int) -> npt.NDArray[np.float64]:
    """Change the length of the first dimension: the mean where bins are put together, else repeated."""
    bins = counts.shape[0]
    if bins <= size:
        repeated: npt.NDArray[np.float64] = counts[np.arange(size) * bins // size]
        return repeated
    begins = np.arange(size) * bins // size
    widths = np.diff(begins, append=bins).reshape(-1, *[1] * (counts.ndim - 1))
    resized: npt.NDArray[np.float64] = np.add.reduceat(counts, begins, axis=0) / widths
    return resized


def _axes(axes: tuple[Axis, ...], columns: int) -> str:
    """What the axes are, from where to where, as far as it fits."""
    names = [axis.label or axis.unit for axis in axes]
    for parts in ([_range(axis) for axis in axes], names):
        text = " \u00d7 ".join(parts)
        if len(text) <= columns:
            return text.center(columns).rstrip()
    return f"{text[: columns - 1]}\u2026"


def _range(axis: Axis) -> str:
    edges, unit = readable(axis)
    low, high = (f"{float(edge):.4g}" for edge in (edges[0], edges[-1]))
    return " ".join(part for part in (axis.label, f"{low}\u2013{high}", unit) if part)
