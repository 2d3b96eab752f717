"""Histograms as pictures in a terminal: images in half blocks, spectra as columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rich.color import Color
from rich.style import Style
from rich.text import Text

from histsvc.client import Axis, Histogram
from histsvc.view.axis import readable
from histsvc.view.raster import BRIGHTEST, resized, rgb
from histsvc.view.text import short

_HALF = "\u2580"  # the upper half of a cell: one pixel in the foreground, one in the background
_EIGHTHS = " \u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"
_DENSITIES = " .:-=+*#%@"
_SPECTRUM_STYLE = "bright_cyan"
_AXIS_STYLE = "dim"
# A scale before a spectrum takes so many columns. Where there are fewer columns or rows than these, is none.
_LABEL, _LEAST_WIDE, _LEAST_HIGH = 6, 20, 4
_WIDEST_BAR = 12


@dataclass(frozen=True)
class _Scale:
    """From counts to levels, of which 0 is the darkest or lowest and 1 the other end, and back.

    `power` bends it; with `low` above 0 it is logarithmic, and no counts are at 0 as well.
    """

    high: float
    low: float = 0.0
    power: float = 1.0

    def levels(self, counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Of each of these, between 0 and 1."""
        if self.low:
            decades = np.log(np.maximum(counts, self.low) / self.low) / np.log(self.high / self.low)
            levels: npt.NDArray[np.float64] = np.clip(decades, 0, 1)
        else:
            levels = np.clip(counts / self.high, 0, 1) ** self.power
        return levels

    def counts(self, level: float) -> float:
        """How many counts are at a level."""
        if self.low:
            return float(self.low * (self.high / self.low) ** level)
        return float(self.high * level ** (1 / self.power))


def picture(
    histogram: Histogram,
    columns: int,
    rows: int,
    *,
    colour: bool = True,
    log: bool = False,
    scaled: bool = False,
) -> Text:
    """Draw a histogram into so many columns and rows, the last row for its axes; no lines are longer.

    With `log` counts are on a logarithmic scale. With `scaled` that scale is there, too, as far as there is
    room: before a spectrum, and as a row of colours below an image.
    """
    counts = np.asarray(histogram.counts, dtype=np.float64)
    if counts.ndim == 1:
        return _spectrum(counts, histogram.axes[0], columns, rows, log=log, scaled=scaled)
    square = all(axis.unit == "pixel" for axis in histogram.axes)
    scaled = scaled and rows >= _LEAST_HIGH
    small = _small(counts, columns, rows - 1 - scaled, square=square)
    scale = _scale(small, float(np.quantile(small, BRIGHTEST)), 0.5, log=log)
    drawn = _image(scale.levels(small), columns, rows - 1 - scaled, colour=colour)
    below = [_bar(scale, columns, colour=colour)] if scaled else []
    return Text("\n").join([*drawn, *below, Text(_axes(histogram.axes, columns), _AXIS_STYLE)])


def _scale(counts: npt.NDArray[np.float64], high: float, power: float, *, log: bool) -> _Scale:
    """A scale up to `high`, where that is above 0."""
    high = high if high > 0 else float(counts.max(initial=0))
    high = high if high > 0 else 1.0
    if not log:
        return _Scale(high, power=power)
    low = float(counts[counts > 0].min(initial=high)) / 2
    return _Scale(high, low)


def _spectrum(
    counts: npt.NDArray[np.float64], axis: Axis, columns: int, rows: int, *, log: bool, scaled: bool
) -> Text:
    scaled = scaled and columns >= _LEAST_WIDE and rows >= _LEAST_HIGH
    left = _LABEL if scaled else 0
    small = resized(counts, columns - left)
    scale = _scale(small, float(small.max(initial=0)), 1.0, log=log)
    steps = np.rint(scale.levels(small) * (rows - 1) * (len(_EIGHTHS) - 1)).astype(int)
    lines = []
    for row in reversed(range(rows - 1)):
        filled = np.clip(steps - row * (len(_EIGHTHS) - 1), 0, len(_EIGHTHS) - 1)
        lines.append(Text("".join(_EIGHTHS[step] for step in filled), _SPECTRUM_STYLE))
    if scaled:
        lines = [
            Text.assemble((label, _AXIS_STYLE), line)
            for label, line in zip(_labels(scale, rows - 1), lines, strict=True)
        ]
    else:
        _tell_most(lines, f"max {short(float(counts.max(initial=0)))}", steps, columns)
    return Text("\n").join([*lines, Text(" " * left + _axes((axis,), columns - left), _AXIS_STYLE)])


def _labels(scale: _Scale, rows: int) -> list[str]:
    """How many counts there are at the top, in the middle and at the foot of so many rows."""
    middle = (rows - 1) // 2
    levels = {0: 1.0, middle: 1 - (middle + 0.5) / rows, rows - 1: 0.0}
    texts = [short(scale.counts(levels[row])) if row in levels else "" for row in range(rows)]
    return [f"{text:>{_LABEL - 1}} " for text in texts]


def _tell_most(lines: list[Text], label: str, steps: npt.NDArray[np.int64], columns: int) -> None:
    """Write the largest count into the upper right corner, if the spectrum does not reach there."""
    if lines and not np.any(steps[-len(label) - 1 :] > (len(lines) - 1) * (len(_EIGHTHS) - 1)):
        lines[0] = Text.assemble(lines[0][: columns - len(label)], (label, _AXIS_STYLE))


def _small(
    counts: npt.NDArray[np.float64], columns: int, rows: int, *, square: bool
) -> npt.NDArray[np.float64]:
    """Counts [x][y] as [row from the top][column] of pixels, two of them one above the other in a cell."""
    wide, high = columns, 2 * rows
    if square:
        scale = min(columns / counts.shape[0], 2 * rows / counts.shape[1])
        wide = max(1, min(columns, round(scale * counts.shape[0])))
        high = max(2, min(2 * rows, 2 * round(scale * counts.shape[1] / 2)))
    return resized(resized(counts, wide).T, high)[::-1]


def _image(levels: npt.NDArray[np.float64], columns: int, rows: int, *, colour: bool) -> list[Text]:
    """Draw pixels in the middle of these columns and rows."""
    high, wide = levels.shape
    pairs = levels.reshape(high // 2, 2, wide)
    margin = " " * ((columns - wide) // 2)
    lines = [(_coloured if colour else _dense)(top, bottom) for top, bottom in pairs]
    above = (rows - len(lines)) // 2
    empty = [Text() for _ in range(rows - len(lines))]
    return [*empty[:above], *(Text.assemble(margin, line) for line in lines), *empty[above:]]


def _bar(scale: _Scale, columns: int, *, colour: bool) -> Text:
    """All colours, with the counts at both ends and in the middle of them."""
    labels = [short(scale.counts(level)) for level in (0.0, 0.5, 1.0)]
    room = min(_WIDEST_BAR, (columns - sum(map(len, labels)) - 4) // 2)
    if room < 1:
        return Text(f"{labels[0]}\u2013{labels[-1]}"[:columns].center(columns).rstrip(), _AXIS_STYLE)
    levels = (np.arange(2 * room) + 0.5) / (2 * room)
    drawn = (_coloured if colour else _dense)(levels, levels)
    begin, middle, end = (
        Text(text, _AXIS_STYLE) for text in (f"{labels[0]} ", f" {labels[1]} ", f" {labels[2]}")
    )
    bar = Text.assemble(begin, drawn[:room], middle, drawn[room:], end)
    return Text.assemble(" " * ((columns - bar.cell_len) // 2), bar)


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
