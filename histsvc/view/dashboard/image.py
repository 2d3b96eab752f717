"""An image: colours for counts, as fine as the screen that shows it, finer where it is looked at closely."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from bokeh.core.properties import value
from bokeh.models import BoxSelectTool, BoxZoomTool, ColumnDataSource, CustomJSHover, HoverTool, Range1d
from bokeh.plotting import figure

from histsvc.client import Histogram
from histsvc.view import axis
from histsvc.view.dashboard.choice import Choice
from histsvc.view.dashboard.colours import Colours
from histsvc.view.dashboard.look import FONT, REGION, STATIC, Theme, paint, plain, size
from histsvc.view.dashboard.reduce import Extent, Part, even, part, reduced, span
from histsvc.view.dashboard.reference import Reference
from histsvc.view.dashboard.regions import Rectangle, row_starts
from histsvc.view.dashboard.shown import Shown

# Until the browser has told how large the picture is.
_WIDTH, _HEIGHT = 480, 300
# Whole numbers up to this are exact in float32.
_EXACT = 1 << 24
_HOVER = (STATIC / "hover.js").read_text(encoding="utf-8")
_REGIONS = ("x", "y", "width", "height", "left", "top", "name")
_PLACES = ("low", "width", "begin", "end", "step", "swaps")


class Image:
    """Counts over two axes, [x][y], in a Bokeh figure; coordinates are those of the data, turned or not."""

    def __init__(self, histogram: Histogram, theme: Theme, choice: Choice) -> None:
        x, y = histogram.axes
        (self._x_edges, x_unit), (self._y_edges, y_unit) = axis.readable(x), axis.readable(y)
        self._true = x_unit == y_unit == "pixel"
        self._choice = choice
        self._size = (0, 0)
        self._across, self._up = Range1d(0, 1), Range1d(0, 1)
        self._picture = ColumnDataSource({"image": [], "x": [], "y": [], "dw": [], "dh": []})
        self._regions = ColumnDataSource({name: [] for name in _REGIONS})
        self._places = ColumnDataSource({name: [] for name in _PLACES})
        across, up = (y, x) if choice.swaps else (x, y)
        self.figure: Any = figure(
            x_range=self._across,
            y_range=self._up,
            tools="pan,wheel_zoom",
            active_scroll="wheel_zoom",
            sizing_mode="stretch_both",
            x_axis_label=axis.title(across),
            y_axis_label=axis.title(up),
        )
        self.figure.grid.visible = False
        self.region_tool = BoxSelectTool(description="Choose a region")
        self.figure.add_tools(self.region_tool, BoxZoomTool(match_aspect=self._true), "reset")
        self.figure.toolbar.active_drag = self.region_tool
        self.colours = Colours(choice.scale, compared=choice.reference)
        self._draw(histogram, x_unit, y_unit)
        self._fit()
        plain(self.figure)
        self.paint(theme)

    def _draw(self, histogram: Histogram, x_unit: str, y_unit: str) -> None:
        image = self.figure.image(
            "image", "x", "y", "dw", "dh", source=self._picture, color_mapper=self.colours.mapper
        )
        image.nonselection_glyph = image.selection_glyph = None
        self._boxes = self.figure.rect("x", "y", "width", "height", source=self._regions, fill_color=None)
        self._names = self.figure.text("left", "top", "name", source=self._regions, text_baseline="bottom")
        self._names.glyph.update(text_font_size="11px", text_font=value(FONT), text_color="white", padding=2)
        self._names.glyph.update(background_fill_color="black", background_fill_alpha=0.55)
        for each in (self._boxes, self._names):
            each.nonselection_glyph = each.selection_glyph = None
        self._boxes.glyph.update(line_color=REGION, line_width=1.5)
        self.figure.add_layout(self.colours.bar, "right")
        rows = row_starts(histogram.info.config or {})
        hover = CustomJSHover(code=_HOVER, args={"places": self._places, "rows": rows or []})
        names = [self._label(one, number) for number, one in enumerate(histogram.axes)]
        tips = [("bin x, y", "$x{bin}")] if self._true else []
        if rows:
            tips.append(("pixel id", "$x{pixel}"))
        if not self._true:
            tips += [(names[0], f"$x{{x}} {x_unit}"), (names[1], f"$x{{y}} {y_unit}")]
        tips.append(("counts", "@image{count}"))
        formatters = {"$x": hover, "@image": hover}
        self.figure.add_tools(HoverTool(renderers=[image], tooltips=tips, formatters=formatters))

    @staticmethod
    def _label(one: Any, number: int) -> str:
        return one.label or one.name or f"axis {number}"

    def paint(self, theme: Theme) -> None:
        """Draw in these colours."""
        paint(self.figure, theme)
        self.colours.paint(theme)

    def fits(self, histogram: Histogram, choice: Choice) -> bool:
        """Whether it can show this without being made anew."""
        mine = self._choice
        kinds = [(each.scale, each.turns, each.mirrored, each.reference) for each in (choice, mine)]
        if kinds[0] != kinds[1] or len(histogram.axes) != 2:
            return False
        pairs = zip(histogram.axes, (self._x_edges, self._y_edges), strict=True)
        return all(np.array_equal(axis.readable(one)[0], edges) for one, edges in pairs)

    def update(self, shown: Shown, choice: Choice, reference: Reference | None) -> None:
        """Show these values, less those of a reference, where there are any."""
        if self._size != size(self.figure):
            self._fit()
        across, up = (Extent(r.start, r.end) for r in (self._across, self._up))
        seen, pixels = (across, up), (self._size[0] or _WIDTH, self._size[1] or _HEIGHT)
        if choice.swaps:
            seen, pixels = seen[::-1], pixels[::-1]
        x = part(self._x_edges, seen[0], pixels[0])
        y = part(self._y_edges, seen[1], pixels[1])
        values = reduced(self._even(shown.counts), x, y)
        if shown.before is not None:
            values -= reduced(self._even(shown.before), x, y)
        values *= shown.scale
        if reference is not None:
            values -= reduced(self._even(reference.counts), x, y) * reference.scale(choice)
        self.colours.limit(values, choice)
        self._show(values, x, y)

    def _even(self, counts: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return even(even(counts, self._x_edges, 0), self._y_edges, 1)

    def _show(self, values: npt.NDArray[np.float64], x: Part, y: Part) -> None:
        spans = span(self._x_edges, x), span(self._y_edges, y)
        across, up = spans[::-1] if self._choice.swaps else spans
        # A row of what Bokeh draws goes across.
        rows = values if self._choice.swaps else values.T
        dtype = np.float32 if values.max(initial=0) < _EXACT else np.float64
        self._picture.data = {
            "image": [np.ascontiguousarray(rows, dtype)],
            "x": [across.low],
            "y": [up.low],
            "dw": [across.high - across.low],
            "dh": [up.high - up.low],
        }
        places = [
            (where.low, (where.high - where.low) / (bins.blocks * bins.step), *bins, self._choice.swaps)
            for where, bins in zip(spans, (x, y), strict=True)
        ]
        columns = zip(*places, strict=True)
        where = dict(zip(_PLACES, map(list, columns), strict=True))
        if where != self._places.data:
            self._places.data = where

    def mark(self, regions: Mapping[str, Rectangle]) -> None:
        """Draw where regions lie, with their names."""
        names: dict[Rectangle, str] = {}
        for name, region in regions.items():
            names[region] = f"{names[region]}, {name}" if region in names else name
        boxes = [(r.x, r.y, r.width, r.height) for r in names]
        if self._choice.swaps:
            boxes = [(y, x, height, width) for x, y, width, height in boxes]
        flips = self._choice.flips
        rows = [
            (x + w / 2, y + h / 2, w, h, x + w * flips[0], y + h * (not flips[1]), name)
            for (x, y, w, h), name in zip(boxes, names.values(), strict=True)
        ]
        data = {name: [each[number] for each in rows] for number, name in enumerate(_REGIONS)}
        if data != self._regions.data:
            self._regions.data = data

    def _fit(self) -> None:
        """Show all of it, pixels as squares, unless somebody has zoomed."""
        before = self._size
        self._size = size(self.figure)
        ranges = self._across, self._up
        if before != (0, 0) and any((r.start, r.end) != (r.reset_start, r.reset_end) for r in ranges):
            return
        edges = (self._x_edges, self._y_edges)
        if self._choice.swaps:
            edges = edges[::-1]
        lengths = [float(each[-1] - each[0]) for each in edges]
        pixels = [self._size[0] or _WIDTH, self._size[1] or _HEIGHT]
        scale = max(length / many for length, many in zip(lengths, pixels, strict=True))
        for number, (each, flipped) in enumerate(zip(ranges, self._choice.flips, strict=True)):
            half = scale * pixels[number] / 2 if self._true else lengths[number] / 2
            middle = float(edges[number][0] + edges[number][-1]) / 2
            start, end = (middle + half, middle - half) if flipped else (middle - half, middle + half)
            each.update(start=start, end=end, reset_start=start, reset_end=end)
