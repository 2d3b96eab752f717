"""A spectrum: steps with their errors, and a reference to compare them with."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from bokeh.models import BoxSelectTool, ColumnDataSource, HoverTool, Range1d, Whisker
from bokeh.plotting import figure

from histsvc.client import Histogram
from histsvc.view import axis
from histsvc.view.dashboard.choice import Choice
from histsvc.view.dashboard.look import Theme, paint, plain, short_numbers, size
from histsvc.view.dashboard.reduce import Extent, Part, part, reduced, sizes
from histsvc.view.dashboard.reference import Reference
from histsvc.view.dashboard.shown import Shown

# With more steps than this the errors are a band that nobody can tell from the line.
_MOST_ERRORS = 600
_HEADROOM = 1.06
# Until the browser has told how wide the picture is.
_WIDTH = 800
# Where a log scale begins: below a single count.
_LEAST = 0.5


class Spectrum:
    """Counts over one axis in a Bokeh figure, in steps that are no narrower than a pixel of the screen."""

    def __init__(self, histogram: Histogram, theme: Theme, choice: Choice) -> None:
        (self._axis,) = histogram.axes
        self._edges, self._unit = axis.readable(self._axis)
        self._log = choice.scale == "log"
        self._x = Range1d(float(self._edges[0]), float(self._edges[-1]))
        self._x.update(reset_start=self._x.start, reset_end=self._x.end)
        self._y = Range1d(_LEAST if self._log else 0.0, 1.0)
        self._bars = ColumnDataSource(_columns({}))
        self._line = ColumnDataSource({"x": [], "y": []})
        self._reference = ColumnDataSource({"x": [], "y": []})
        self.figure: Any = figure(
            x_range=self._x,
            y_range=self._y,
            y_axis_type="log" if self._log else "linear",
            tools="pan,wheel_zoom",
            active_scroll="wheel_zoom",
            sizing_mode="stretch_both",
            x_axis_label=axis.title(self._axis),
        )
        if not self._log:
            self.figure.yaxis.formatter = short_numbers()
        self.region_tool = BoxSelectTool(dimensions="width", description="Choose a range")
        self._whisker = self._draw(theme)
        plain(self.figure)
        self.paint(theme)

    def _draw(self, theme: Theme) -> Whisker:
        bars = self.figure.quad("left", "right", "y", "floor", source=self._bars, line_color=None)
        line = self.figure.step("x", "y", source=self._line, mode="after", line_width=1.4)
        reference = self.figure.step("x", "y", source=self._reference, mode="after", line_dash=[5, 3])
        whisker = Whisker(source=self._bars, base="middle", upper="upper", lower="lower")
        whisker.upper_head = whisker.lower_head = None
        self.figure.add_layout(whisker)
        self._glyphs = bars.glyph, line.glyph, reference.glyph
        bars.nonselection_glyph = bars.selection_glyph = None
        unit = f" {self._unit}" if self._unit else ""
        tips = [("bin", "@bin"), ("from", f"@left{{0.[0000]}}{unit}"), ("to", f"@right{{0.[0000]}}{unit}")]
        tips.append(("value", "@value{0,0.[000]} \u00b1 @error{0,0.[00]}"))
        hover = HoverTool(renderers=[bars], tooltips=tips, mode="vline", attachment="horizontal")
        self.figure.add_tools(self.region_tool, "box_zoom", "reset", hover)
        self.figure.toolbar.active_drag = self.region_tool
        return whisker

    def paint(self, theme: Theme) -> None:
        """Draw in these colours."""
        bars, line, reference = self._glyphs
        bars.update(fill_color=theme.line, fill_alpha=0.16)
        line.line_color, reference.line_color = theme.line, theme.reference
        self._whisker.line_color = theme.error
        paint(self.figure, theme)

    def fits(self, histogram: Histogram, choice: Choice) -> bool:
        """Whether it can show this without being made anew."""
        same = (choice.scale == "log") == self._log and len(histogram.axes) == 1
        return same and np.array_equal(axis.readable(histogram.axes[0])[0], self._edges)

    def update(self, shown: Shown, choice: Choice, reference: Reference | None) -> None:
        """Show these values, and beside them those of a reference, where there are any."""
        seen = Extent(float(self._x.start), float(self._x.end))
        bins = part(self._edges, seen, size(self.figure)[0] or _WIDTH)
        known = None if reference is None else _means(reference.counts, bins) * reference.scale(choice)
        gained = _means(shown.gained(), bins)
        values = gained * shown.scale
        errors = np.sqrt(np.maximum(gained, 0) / sizes(bins)) * shown.scale
        edges = np.append(self._edges[bins.begin : bins.end : bins.step], self._edges[bins.end])
        most = max(float(each.max(initial=0)) for each in (values, known) if each is not None)
        self._set_limits(most, shown.scale, choice)
        self._bars.data = self._bar_columns(values, errors, edges, np.arange(bins.begin, bins.end, bins.step))
        self._line.data = self._step_columns(values, edges)
        self._reference.data = self._step_columns(known, edges)
        self._whisker.visible = bins.blocks <= _MOST_ERRORS
        width = axis.bin_width(self._axis)
        self.figure.yaxis.axis_label = f"{choice.unit} per {width or 'bin'}"

    def _set_limits(self, most: float, scale: float, choice: Choice) -> None:
        least = _LEAST * (scale or 1) if self._log else 0.0
        low, high = choice.limits or (least, (2 if self._log else _HEADROOM) * most)
        if self._log and low <= 0:
            low = least
        if high <= low:
            high = low * 10 if self._log else low + 1
        # Whoever has zoomed stays there until the reset tool.
        follows = self._y.reset_end is None or (self._y.start, self._y.end) == (
            self._y.reset_start,
            self._y.reset_end,
        )
        self._y.update(reset_start=low, reset_end=high)
        if follows:
            self._y.update(start=low, end=high)

    def _drawable(self, values: Any) -> Any:
        """On a log scale what is zero lies below the picture."""
        return np.maximum(values, self._y.reset_start / 10) if self._log else values

    def _bar_columns(self, values: Any, errors: Any, edges: Any, bins: Any) -> dict[str, Any]:
        return {
            "bin": bins,
            "left": edges[:-1],
            "right": edges[1:],
            "middle": (edges[:-1] + edges[1:]) / 2,
            "value": values,
            "error": errors,
            "y": self._drawable(values),
            "floor": np.full(values.size, self._y.reset_start / 10 if self._log else 0.0),
            "upper": self._drawable(values + errors),
            "lower": self._drawable(values - errors),
        }

    def _step_columns(self, values: Any, edges: Any) -> dict[str, Any]:
        if values is None or not values.size:
            return {"x": [], "y": []}
        return {"x": edges, "y": self._drawable(np.append(values, values[-1]))}


def _means(counts: npt.NDArray[np.float64], bins: Part) -> npt.NDArray[np.float64]:
    """The mean of each block of bins."""
    return reduced(counts[:, None], bins, Part(0, 1, 1))[:, 0]


def _columns(given: dict[str, Any]) -> dict[str, Any]:
    names = ("bin", "left", "right", "middle", "value", "error", "y", "floor", "upper", "lower")
    return {name: given.get(name, []) for name in names}
