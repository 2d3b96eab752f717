"""Histograms as pictures in a terminal: images in half blocks, spectra as columns."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from rich.color import Color
from rich.style import Style
from rich.text import Text

from histsvc.client import Axis, Histogram
from histsvc.view.axis import readable
from histsvc.view.raster import levels, resized, rgb
from histsvc.view.text import short

_HALF = "\u2580"  # the upper half of a cell: one pixel in the foreground, one in the background
_EIGHTHS = " \u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"
_DENSITIES = " .:-=+*#%@"
_SPECTRUM_STYLE = "bright_cyan"
_AXIS_STYLE = "dim"


def picture(histogram: Histogram, columns: int, rows: int, *, colour: bool = True) -> Text:
    """Draw a histogram into so many columns and rows, the last row for its axes; no lines are longer."""
    counts = np.asarray(histogram.counts, dtype=np.float64)
    if counts.ndim == 1:
        return _spectrum(counts, histogram.axes[0], columns, rows)
    square = all(axis.unit == "pixel" for axis in histogram.axes)
    drawn = _image(counts, columns, rows - 1, square=square, colour=colour)
    return Text("\n").join([*drawn, Text(_axes(histogram.axes, columns), _AXIS_STYLE)])


def _spectrum(counts: npt.NDArray[np.float64], axis: Axis, columns: int, rows: int) -> Text:
    heights = resized(counts, columns)
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
    small = resized(resized(counts, wide).T, high)[::-1]  # [row from the top][column]
    pairs = levels(small).reshape(high // 2, 2, wide)
    margin = " " * ((columns - wide) // 2)
    lines = [(_coloured if colour else _dense)(top, bottom) for top, bottom in pairs]
    above = (rows - len(lines)) // 2
    empty = [Text() for _ in range(rows - len(lines))]
    return [*empty[:above], *(Text.assemble(margin, line) for line in lines), *empty[above:]]


def _coloured(top: npt.NDArray[np.float64], bottom: npt.NDArray[np.float64]) -> Text:
    line = Text()
    for upper, lower in zip(rgb(top).tolist(), rgb(bottom).tolist(), strict=True):
        line.append(_HALF, Style(color=Color.from_rgb(*upper), bgcolor=Color.from_rgb(*lower)))
    return line


def _dense(top: npt.NDArray[np.float64], bottom: npt.NDArray[np.float64]) -> Text:
    steps = np.rint((top + bottom) / 2 * (len(_DENSITIES) - 1)).astype(int)
    return Text("".join(_DENSITIES[step] for step in steps))


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
