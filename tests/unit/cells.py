"""A cell of the dashboard without the page around it."""

from __future__ import annotations

from typing import Any

import numpy as np
from bokeh.models import Quad, Toggle
from unit.dashboards import NOW_MS, named, seen_of, source, told

from histsvc.client import Histogram
from histsvc.view.dashboard.cell import Cell
from histsvc.view.dashboard.choice import Choice
from histsvc.view.dashboard.look import LIGHT

NOW_NS = NOW_MS * 1_000_000


class ShownCell:
    """A cell, and what was drawn with the mouse on it."""

    def __init__(self, histogram: Histogram, *before: Histogram, choice: Choice | None = None) -> None:
        self.selected: list[list[float]] = []
        self.seen = seen_of(histogram, *before)
        self.cell = Cell(self.seen, LIGHT, choice or Choice(), self._select)
        self.root = self.cell.root

    def _select(self, cell: Cell, corners: Any) -> None:
        assert cell is self.cell
        self.selected.append(list(corners))

    def publish(self, histogram: Histogram) -> None:
        self.seen.history.add(histogram, histogram.timestamp_ns)
        self.seen.histogram = histogram
        self.seen.version += 1

    def tell(self, after_ms: int = 0) -> str:
        self.cell.tell(NOW_MS + after_ms)
        return told(self.root, "title")

    def draw(self) -> Any:
        """Bring the picture up to date; returns it."""
        self.cell.draw(NOW_NS)
        return self.figure

    @property
    def figure(self) -> Any:
        return named(self.root, f"plot {self.cell.name}")

    @property
    def message(self) -> str:
        """What is wrong, in words."""
        return told(self.root, "message")

    def option(self, kind: type, title: str) -> Any:
        """Something to choose, by what is written at it."""
        name = "label" if kind is Toggle else "title"
        (found,) = (each for each in self.root.select({"type": kind}) if getattr(each, name) == title)
        return found

    def values(self) -> Any:
        """The values of a spectrum that are drawn."""
        return np.asarray(source(self.draw(), Quad).data["value"])
