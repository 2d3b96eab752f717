"""What was drawn with the mouse, in numbers that can be changed, and how to have it counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from histsvc.view import axis
from histsvc.view.dashboard import widgets
from histsvc.view.dashboard.cell import Cell
from histsvc.view.dashboard.commands_panel import Send
from histsvc.view.dashboard.new_panel import told
from histsvc.view.dashboard.regions import (
    Range,
    Rectangle,
    free_name,
    hist1d,
    rectangle,
    roihist,
    spectrum,
    usual_times,
)
from histsvc.view.dashboard.steering import Sent

_HINT = "Drag over a picture: what lies in the region is told here, and can be counted from then on."
_NOT_ALLOWED = "Commands are off: start the dashboard with <code>--allow-commands</code> to count it."
_NS_IN_MS = 1e6
# Digits of the ends of a range that was drawn.
_DIGITS = 5


class RegionPanel:
    """A region of an image, or a range of a spectrum, that somebody has drawn.

    `send` sends a command to the service; `configs` tells of all histograms by their ids.
    """

    def __init__(
        self, send: Send, configs: Callable[[], Mapping[str, Mapping[str, Any]]], *, may: bool
    ) -> None:
        self._send = send
        self._configs = configs
        self._cell: Cell | None = None
        self._is_counted = False
        self._drafts = 0
        self._added: list[str] = []
        self._hint = widgets.div(_HINT, css_classes=["hint"], sizing_mode="stretch_width")
        self._title = widgets.div(css_classes=["heading"])
        self._inside = widgets.div(css_classes=["inside"], name="region inside")
        self._name = widgets.text("Name", name="region name", sizing_mode="stretch_width")
        titles = ("First x", "First y", "Width", "Height")
        self._rectangle = [self._number(title, low=0, step=1) for title in titles]
        self._range = [self._number("From"), self._number("To"), self._number("Bins", low=1, step=1)]
        self._of_image = widgets.button("Count its image", "primary", name="region image")
        self._of_spectrum = widgets.button("Count its spectrum", "primary", name="region spectrum")
        self._of_image.on_click(lambda: self._ask(self._image))
        self._of_spectrum.on_click(lambda: self._ask(self._spectrum))
        close = widgets.button("Close", name="region close")
        close.on_click(self.close)
        self._image_part = widgets.box(
            widgets.line(*self._rectangle[:2]), widgets.line(*self._rectangle[2:]), self._of_image
        )
        self._answer = widgets.div("" if may else _NOT_ALLOWED, css_classes=["answer"], name="region answer")
        for each in (self._of_image, self._of_spectrum):
            each.visible = may
        parts = self._image_part, widgets.line(*self._range), widgets.buttons(self._of_spectrum, close)
        self._body = widgets.box(self._title, self._inside, self._name, *parts, self._answer, visible=False)
        self.root: Any = widgets.box(
            self._hint, self._body, css_classes=["panel"], sizing_mode="stretch_width"
        )

    def _number(self, title: str, **keys: Any) -> Any:
        made = widgets.number(title, None, width=76, name=f"region {title}", **keys)
        made.on_change("value", lambda _a, _o, _n: self.tell())
        return made

    @property
    def draft(self) -> tuple[str, Rectangle] | None:
        """On which image something is drawn, and where."""
        if self._cell is None or self._is_counted or not self._is_image:
            return None
        chosen = self._chosen_rectangle()
        return None if chosen is None else (self._cell.name, chosen)

    @property
    def _is_image(self) -> bool:
        return self._cell is not None and self._cell.histogram.counts.ndim == 2

    def propose(self, cell: Cell, corners: Sequence[float]) -> None:
        """Something was drawn on the picture of a cell."""
        self._cell = None  # what is filled in now has not been chosen by anybody
        is_image = cell.histogram.counts.ndim == 2
        if not (self._fill_image(cell, corners) if is_image else self._fill_range(cell, corners)):
            self.close()
            return
        self._cell, self._is_counted = cell, False
        self._drafts += 1
        kind = "region" if is_image else "range"
        self._name.value = free_name(f"{cell.name}-{kind}", [*self._configs(), *self._added])
        self._title.text = f"{kind.capitalize()} of <b>{escape(cell.name)}</b>"
        self._of_spectrum.label = "Count its spectrum" if is_image else "Count this range"
        self._image_part.visible = is_image
        if self._of_spectrum.visible:
            self._answer.text = ""
        self._hint.visible, self._body.visible = False, True
        self.tell()

    def _fill_image(self, cell: Cell, corners: Sequence[float]) -> bool:
        found = rectangle(corners, cell.histogram.counts.shape)
        if found is None:
            return False
        for box, value in zip(self._rectangle, (found.x, found.y, found.width, found.height), strict=True):
            box.value = value
        times, bins = usual_times(self._configs().values())
        self._fill_ends(times.low / _NS_IN_MS, times.high / _NS_IN_MS, "ms")
        self._range[2].value = bins
        return True

    def _fill_range(self, cell: Cell, corners: Sequence[float]) -> bool:
        edges, unit = axis.readable(cell.histogram.axes[0])
        low, high = np.clip(sorted((corners[0], corners[2])), edges[0], edges[-1]).tolist()
        self._fill_ends(low, high, unit)
        self._range[2].value = usual_times(())[1]
        return bool(low < high)

    def _fill_ends(self, low: float, high: float, unit: str) -> None:
        for box, title, value in zip(self._range, ("From", "To"), (low, high), strict=False):
            box.update(title=f"{title} ({unit})" if unit else title, value=float(f"{value:.{_DIGITS}g}"))

    def close(self) -> None:
        """It is done with."""
        self._cell = None
        self._hint.visible, self._body.visible = True, False

    def tell(self) -> None:
        """Say what lies inside at this moment."""
        piece = self._piece()
        text = ""
        if self._cell is not None and piece is not None:
            inside, total = float(piece.sum()), float(self._cell.histogram.counts.sum())
            share = f", {100 * inside / total:.3g} % of all" if total else ""
            text = f"<b>{inside:,.0f}</b> \u00b1 {np.sqrt(inside):,.0f} counts in {piece.size:,} bins{share}"
        if text != self._inside.text:
            self._inside.text = text

    def _piece(self) -> Any:
        """The counts of what is chosen, where all its numbers are filled in."""
        if self._cell is None:
            return None
        counts = self._cell.histogram.counts
        if self._is_image:
            chosen = self._chosen_rectangle()
            if chosen is None:
                return None
            return counts[chosen.x : chosen.x + chosen.width, chosen.y : chosen.y + chosen.height]
        ends, edges = self._chosen_range(), self._cell.histogram.axes[0].edges
        return None if ends is None else counts[(edges[:-1] >= ends.low) & (edges[1:] <= ends.high)]

    def _chosen_rectangle(self) -> Rectangle | None:
        values = [box.value for box in self._rectangle]
        return None if None in values else Rectangle(*map(int, values))

    def _chosen_range(self) -> Range | None:
        """In the unit of the axis; times of flight of an image's region are in ns."""
        values = [box.value for box in self._range[:2]]
        if self._cell is None or None in values:
            return None
        if self._is_image:
            return Range(*(value * _NS_IN_MS for value in values))
        edges, _ = axis.readable(self._cell.histogram.axes[0])
        return Range(*np.interp(values, edges, self._cell.histogram.axes[0].edges).tolist())

    def _image(self, config: Mapping[str, Any]) -> dict[str, Any]:
        chosen = self._chosen_rectangle()
        if chosen is None:
            raise ValueError("fill in every number of the region")
        return roihist(config, chosen, self._name.value)

    def _spectrum(self, config: Mapping[str, Any]) -> dict[str, Any]:
        chosen, ends, bins = self._chosen_rectangle(), self._chosen_range(), self._range[2].value
        if ends is None or bins is None or (self._is_image and chosen is None):
            raise ValueError("fill in every number")
        if self._is_image and chosen is not None:
            return spectrum(config, chosen, ends, int(bins), self._name.value)
        return hist1d(config, ends, int(bins), self._name.value)

    def _ask(self, made: Callable[[Mapping[str, Any]], dict[str, Any]]) -> None:
        if self._cell is None:
            return
        try:
            histogram = made(self._cell.histogram.info.config or {})
        except ValueError as error:
            self._answer.text = f"<span class='bad'>{escape(str(error))}</span>"
            return
        self._answer.text = "Asked\u2026"
        draft = self._drafts
        self._send({"cmd": "add", "histograms": [histogram]}, lambda sent: self._answered(sent, draft))

    def _answered(self, sent: Sent, draft: int) -> None:
        if draft != self._drafts:
            return  # something else was drawn since; the list of commands tells
        self._answer.text = told(sent)
        if sent.outcome == "ACK":
            self._is_counted = True
            self._added.append(self._name.value)
            stem = self._name.value.rpartition("-")[0] or self._name.value
            self._name.value = free_name(stem, [*self._configs(), *self._added])
