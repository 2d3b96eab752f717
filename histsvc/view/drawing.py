"""The counts of one histogram in matplotlib Axes: steps or an image, drawn once, then changed in place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from histsvc.client import Histogram
from histsvc.view import axis

_ELONGATED, _WIDE = 20.0, 2.0
_COLOURS = "viridis"
# Colour bars are as thick in a small picture as in a large one.
_BAR_IN, _GAP_IN = 0.11, 0.07
# How much of a scale is shown where there are no counts, linear and logarithmic.
_EMPTY = (1.0, 10.0)


@dataclass(frozen=True)
class Look:
    """How plots look: `log` scale of the counts, letters of `font_pt` points, `width_in` inches each.

    With `errors` steps have a band of √n around them.
    """

    log: bool = False
    font_pt: float = 10.0
    width_in: float = 8.0
    errors: bool = False

    @property
    def columns(self) -> int:
        """How many letters fit across a plot."""
        return max(16, int(self.width_in * 72 / (0.62 * self.font_pt)))


class Nothing:
    """What cannot be drawn."""

    def __init__(self, axes: Any, *_: object) -> None:
        axes.set_xticks([])
        axes.set_yticks([])

    def update(self, counts: npt.NDArray[np.float64]) -> None:
        """There is nothing to be changed."""


class Steps:
    """Counts over one axis, as steps."""

    def __init__(self, axes: Any, histogram: Histogram, look: Look) -> None:
        (only,) = histogram.axes
        edges, _ = axis.readable(only)
        self._axes, self._log = axes, look.log
        axes.set_autoscaley_on(False)  # which warns of counts of zero on a log scale
        zeros = np.zeros(edges.size - 1)
        self._steps = axes.stairs(zeros, edges, linewidth=1.1, label=histogram.id)
        self._errors = None
        if look.errors:
            colour = self._steps.get_edgecolor()
            self._errors = axes.stairs(zeros, edges, baseline=zeros, fill=True, color=colour, alpha=0.3)
        axes.set_xlim(edges[0], edges[-1])
        axes.set_xlabel(axis.title(only), fontsize=look.font_pt, parse_math=False)
        about = f"counts per {axis.bin_width(only) or 'bin'}"
        axes.set_ylabel(about, fontsize=look.font_pt, parse_math=False)
        axes.grid(alpha=0.25)
        if look.log:
            axes.set_yscale("log", nonpositive="clip")
        else:
            axes.yaxis.set_major_locator(_whole_numbers())
            axes.yaxis.set_major_formatter(_short_numbers())
        axes.set_ylim(0.5, 1, auto=True)

    def update(self, counts: npt.NDArray[np.float64]) -> None:
        """Show these counts; whoever has zoomed in stays there until the toolbar's home button."""
        self._steps.set_data(values=counts)
        errors = np.zeros(counts.shape) if self._errors is None else np.sqrt(np.maximum(counts, 0))
        if self._errors is not None:
            self._errors.set_data(values=counts + errors, baseline=counts - errors)
        if self._axes.get_autoscaley_on():
            most = float((counts + errors).max())
            low, high = (_least(counts) / 2, 2 * most) if self._log else (0.0, 1.05 * most)
            self._axes.set_ylim(low, high if high > low else low + _EMPTY[self._log], auto=True)


class Image:
    """Counts over two axes, [x][y], as colours."""

    def __init__(self, axes: Any, histogram: Histogram, look: Look) -> None:
        (x, y), (across, up) = zip(*map(axis.readable, histogram.axes), strict=True)
        self._log = look.log
        self._colours = _made(axes, x, y, look.log)
        ratio = float((x[-1] - x[0]) / (y[-1] - y[0]))
        true = across == up == "pixel" and 1 / _ELONGATED <= ratio <= _ELONGATED
        axes.set_aspect("equal" if true else "auto")
        axes.set_xlabel(axis.title(histogram.axes[0]), fontsize=look.font_pt, parse_math=False)
        axes.set_ylabel(axis.title(histogram.axes[1]), fontsize=look.font_pt, parse_math=False)
        _add_bar(axes, self._colours, look, below=true and ratio > _WIDE)

    def update(self, counts: npt.NDArray[np.float64]) -> None:
        """Show these counts, and colours from the least to the most of them."""
        self._colours.set_array(counts.T)
        low, high = (_least(counts) if self._log else float(counts.min())), float(counts.max())
        if high <= low:
            low, high = (low, low + _EMPTY[self._log]) if self._log or not high else (0.0, high)
        self._colours.set_clim(low, high)


def _made(axes: Any, x: npt.NDArray[Any], y: npt.NDArray[Any], log: bool) -> Any:
    """The colours of an image with these edges, without counts yet."""
    from matplotlib import colormaps
    from matplotlib.colors import LogNorm, Normalize

    colours = colormaps[_COLOURS]
    norm = LogNorm(0.5, 1, clip=True) if log else Normalize(0, 1)
    keys = {"cmap": colours.with_extremes(bad=colours(0.0)), "norm": norm}
    empty = np.zeros((y.size - 1, x.size - 1))
    if axis.is_even(x) and axis.is_even(y):
        return axes.imshow(empty, origin="lower", extent=(x[0], x[-1], y[0], y[-1]), **keys)
    return axes.pcolormesh(x, y, empty, **keys)


def _add_bar(axes: Any, colours: Any, look: Look, *, below: bool) -> None:
    """Add a colour bar that is as long as the image is, which its cell of the grid need not be."""
    from matplotlib.transforms import ScaledTranslation, blended_transform_factory

    figure = axes.figure
    inches = figure.dpi_scale_trans + ScaledTranslation(0 if below else 1, 0, axes.transAxes)
    if below:
        transform = blended_transform_factory(axes.transAxes, inches)
        labels_in = 4 * look.font_pt / 72
        place = axes.inset_axes((0, -labels_in - _BAR_IN, 1, _BAR_IN), transform=transform)
    else:
        transform = blended_transform_factory(inches, axes.transAxes)
        place = axes.inset_axes((_GAP_IN, 0, _BAR_IN, 1), transform=transform)
    keys = {} if look.log else {"ticks": _whole_numbers(), "format": _short_numbers()}
    bar = figure.colorbar(colours, cax=place, orientation="horizontal" if below else "vertical", **keys)
    bar.set_label("counts", fontsize=look.font_pt)
    bar.ax.tick_params(which="both", labelsize=look.font_pt)


def _least(counts: npt.NDArray[np.float64]) -> float:
    """Where a log scale begins: no count is below the least count, and not the same as it."""
    least = float(counts.min(initial=np.inf, where=counts > 0))
    return 0.5 if least == np.inf else least / 2 if counts.min() < least else least


def _whole_numbers() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(nbins=6, steps=[1, 2, 5, 10], integer=True)


def _short_numbers() -> Any:
    from matplotlib.ticker import EngFormatter

    return EngFormatter(sep="")
