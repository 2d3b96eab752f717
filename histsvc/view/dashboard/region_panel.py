"""What was drawn with the mouse, in numbers that can be changed, and how to have it counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from histsvc.view import axis
from histsvc.view.dashboard import widgets
from histsvc.view.dashboard.cell import Cell
from histsvc.view.dashboard.new_panel import told
from histsvc.view.dashboard.regions import Range, Rectangle, free_name, hist1d, rectangle, roihist
from histsvc.view.dashboard.steering import Sent

_BINS = 200
_DRAFT = "new"


class RegionPanel:
    """A region of an image, or a range of a spectrum, that somebody has drawn.

    `add` sends a histogram to the service; `taken` tells the ids that are in use.
    """

    def __init__(
        self,
        add: Callable[[Mapping[str, Any], Callable[[Sent], None]], None],
        taken: Callable[[], Sequence[str]],
        *,
        may: bool,
    ) -> None:
        self._add = add
        self._taken = taken
        self._cell: Cell | None = None
        self._is_counted = False
        self._title = widgets.div(css_classes=["heading"])
        self._name = widgets.text("Name", name="region name", sizing_mode="stretch_width")
        whole = {"low": 0, "step": 1, "width": 92}
        titles = ("First x", "First y", "Width", "Height")
        self._rectangle = [widgets.number(title, None, name=f"region {title}", **whole) for title in titles]
        self._range = [
            widgets.number("From", None, width=92, name="region From"),
            widgets.number("To", None, width=92, name="region To"),
            widgets.number("Bins", _BINS, low=1, step=1, width=92, name="region Bins"),
        ]
        for each in (*self._rectangle, *self._range):
            each.on_change("value", lambda _a, _o, _n: self.tell())
        self._inside = widgets.div(css_classes=["inside"], name="region inside")
        self._send = widgets.button("Count it", "primary", name="region add", visible=may)
        self._send.on_click(self._ask)
        self._drop = widgets.button("Close", name="region close")
        self._drop.on_click(self.close)
        self._answer = widgets.div(css_classes=["answer"], name="region answer")
        if not may:
            self._answer.text = "Commands are off: start the dashboard with --allow-commands to count it."
        self._numbers: Any = widgets.box()
        buttons = widgets.buttons(self._send, self._drop)
        parts = self._title, self._inside, self._name, self._numbers, buttons, self._answer
        self.root: Any = widgets.box(*parts, visible=False, css_classes=["panel"])

    @property
    def draft(self) -> tuple[str, Rectangle] | None:
        """On which image something is drawn, and where."""
        chosen = self._chosen()
        if self._cell is None or self._is_counted or not isinstance(chosen, Rectangle):
            return None
        return self._cell.name, chosen

    def propose(self, cell: Cell, corners: Sequence[float]) -> None:
        """Something was drawn on the picture of a cell."""
        self._cell = None  # what is set now is not changed by anybody
        histogram = cell.histogram
        if histogram.counts.ndim == 2:
            found = rectangle(corners, histogram.counts.shape)
            if found is None:
                return
            values: Sequence[float] = (found.x, found.y, found.width, found.height)
            boxes, stem = self._rectangle, f"{cell.name}-region"
            self._numbers.children = [widgets.line(*boxes[:2]), widgets.line(*boxes[2:])]
        else:
            low, high = sorted((corners[0], corners[2]))
            edges, unit = axis.readable(histogram.axes[0])
            low, high = max(low, float(edges[0])), min(high, float(edges[-1]))
            if low >= high:
                return
            values, boxes, stem = (
                (float(f"{low:.5g}"), float(f"{high:.5g}")),
                self._range[:2],
                f"{cell.name}-range",
            )
            for box, title in zip(boxes, ("From", "To"), strict=True):
                box.title = f"{title} ({unit})" if unit else title
            self._numbers.children = [widgets.line(*self._range)]
        for box, value in zip(boxes, values, strict=True):
            box.value = value
        self._cell, self._is_counted = cell, False
        self._name.value = free_name(stem, self._taken())
        self._title.text = (
            f"{'Region' if histogram.counts.ndim == 2 else 'Range'} of <b>{escape(cell.name)}</b>"
        )
        self._answer.text = "" if self._send.visible else self._answer.text
        self.root.visible = True
        self.tell()

    def close(self) -> None:
        """It is done with."""
        self._cell = None
        self.root.visible = False

    def tell(self) -> None:
        """Say what lies inside at this moment."""
        chosen = self._chosen()
        if self._cell is None or chosen is None:
            self._inside.text = ""
            return
        counts = self._cell.histogram.counts
        if isinstance(chosen, Rectangle):
            piece = counts[chosen.x : chosen.x + chosen.width, chosen.y : chosen.y + chosen.height]
        else:
            edges = self._cell.histogram.axes[0].edges
            inside = (edges[:-1] >= chosen.low) & (edges[1:] <= chosen.high)
            piece = counts[inside]
        inside_now, total = float(piece.sum()), float(counts.sum())
        share = f", {100 * inside_now / total:.3g} % of all" if total else ""
        text = (
            f"<b>{inside_now:,.0f}</b> \u00b1 {np.sqrt(inside_now):,.0f} counts in {piece.size:,} bins{share}"
        )
        if text != self._inside.text:
            self._inside.text = text

    def _chosen(self) -> Rectangle | Range | None:
        if self._cell is None:
            return None
        is_image = self._cell.histogram.counts.ndim == 2
        values = [box.value for box in (self._rectangle if is_image else self._range[:2])]
        if any(value is None for value in values):
            return None
        if is_image:
            return Rectangle(*(int(value) for value in values))
        edges, _ = axis.readable(self._cell.histogram.axes[0])
        low, high = np.interp(values, edges, self._cell.histogram.axes[0].edges).tolist()
        return Range(low, high)

    def _ask(self) -> None:
        chosen = self._chosen()
        if self._cell is None or chosen is None:
            self._answer.text = "<span class='bad'>Fill in every number.</span>"
            return
        config = self._cell.histogram.info.config or {}
        try:
            if isinstance(chosen, Rectangle):
                histogram = roihist(config, chosen, self._name.value)
            else:
                histogram = hist1d(config, chosen, int(self._range[2].value or _BINS), self._name.value)
        except ValueError as error:
            self._answer.text = f"<span class='bad'>{escape(str(error))}</span>"
            return
        self._answer.text = "Asked\u2026"
        self._add(histogram, self._answered)

    def _answered(self, sent: Sent) -> None:
        self._is_counted = sent.outcome == "ACK"
        self._answer.text = told(sent)
