"""Histograms in the grid of a matplotlib figure, and figures in files."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

from histsvc.client import Histogram
from histsvc.errors import SettingsError, needs
from histsvc.files import atomic
from histsvc.view.drawing import Look
from histsvc.view.plot import Plot
from histsvc.view.text import natural

MOST = 25
# Width and height of a plot in inches, and of its letters in points, by the number of columns.
_PLOTS = {
    0: (8.0, 5.5, 11.0),
    1: (8.0, 5.5, 11.0),
    2: (5.6, 4.3, 9.5),
    3: (4.6, 3.5, 8.5),
    4: (4.1, 3.1, 8.0),
    5: (3.6, 2.8, 7.0),
}


def load() -> Any:
    """Import matplotlib, which takes a while; raises SettingsError where it is not there."""
    try:
        with needs("matplotlib", "view", "a picture"):
            import matplotlib as mpl
    except ValueError as error:  # of MPLBACKEND or a matplotlibrc file
        raise SettingsError(f"matplotlib: {error}") from error
    return mpl


class Grid:
    """Shows histograms side by side, as square as possible; the first MOST by id.

    A figure no larger than `largest_in` (width and height in inches) is asked for.
    """

    def __init__(self, figure: Any, *, log: bool, largest_in: tuple[float, float] | None = None) -> None:
        self.left_out = 0
        self._figure = figure
        self._log = log
        self._largest_in = largest_in
        self._plots: list[Plot] = []
        self._columns = -1

    def show(self, histograms: Collection[Histogram], now_ms: int) -> bool:
        """Show these, with ages at `now_ms` since the epoch; says whether there is anything to be drawn."""
        shown = sorted(histograms, key=lambda each: natural(each.id))[:MOST]
        self.left_out = len(histograms) - len(shown)
        fits = len(shown) == len(self._plots) and all(
            plot.fits(each) for plot, each in zip(self._plots, shown, strict=True)
        )
        if fits and shown:
            changed = [plot.update(each) for plot, each in zip(self._plots, shown, strict=True)]
        else:
            changed = [self._lay_out(shown)]
        told = [plot.tell(now_ms) for plot in self._plots]
        return any(changed) or any(told)

    def arrange(self) -> None:
        """Make room for all labels whenever the figure is drawn, which takes longer than to draw it."""
        self._figure.set_layout_engine("constrained", w_pad=0.08, h_pad=0.08)

    def keep(self) -> None:
        """Leave everything in its place until `arrange`."""
        self._figure.set_layout_engine("none")

    def _lay_out(self, histograms: list[Histogram]) -> bool:
        """Draw all of it anew; says whether there is anything to be drawn."""
        columns = math.ceil(math.sqrt(len(histograms)))
        if columns == self._columns == 0:
            return False
        rows = math.ceil(len(histograms) / columns) if columns else 1
        width_in, height_in, font_pt = _PLOTS[columns]
        size_in = max(columns, 1) * width_in, rows * height_in
        if self._largest_in is not None:
            size_in = min(size_in[0], self._largest_in[0]), min(size_in[1], self._largest_in[1])
        self._figure.clear()
        # Who has changed the size of the window has reasons; they may not hold for another grid.
        if columns != self._columns:
            self._figure.set_size_inches(size_in)
        self._columns = columns
        self.arrange()
        look = Look(self._log, font_pt, self._figure.get_figwidth() / max(columns, 1))
        cells = self._figure.add_gridspec(rows, max(columns, 1))
        self._plots = [
            Plot(self._figure.add_subplot(cells[number // columns, number % columns]), each, look)
            for number, each in enumerate(histograms)
        ]
        if not histograms:
            self._figure.text(0.5, 0.5, "waiting for histograms \u2026", ha="center", va="center")
        return True


def check_file(file: Path) -> None:
    """Raise SettingsError where no picture can be written to this file."""
    load()
    from matplotlib.backend_bases import FigureCanvasBase

    endings = sorted(FigureCanvasBase.get_supported_filetypes())
    if _ending(file) not in endings:
        raise SettingsError(f"{file}: a picture's name ends with one of .{', .'.join(endings)}")
    if not file.parent.is_dir():
        raise SettingsError(f"{file}: there is no folder {file.parent}")
    if file.is_dir():
        raise SettingsError(f"{file} is a folder")
    if not os.access(file.parent, os.W_OK | os.X_OK):
        raise SettingsError(f"{file}: the folder {file.parent} cannot be written to")


def save(file: Path, histograms: Collection[Histogram], now_ms: int, *, log: bool) -> int:
    """Draw into a file, whose ending says the format; returns how many were left out.

    The file is there as a whole or as it was before. No display is needed.
    """
    load()
    from matplotlib.figure import Figure

    figure = Figure()
    grid = Grid(figure, log=log)
    grid.show(histograms, now_ms)
    drawn = io.BytesIO()
    figure.savefig(drawn, format=_ending(file), dpi=100)
    atomic.replace(file, drawn.getbuffer())
    return grid.left_out


def _ending(file: Path) -> str:
    return file.suffix.lower().removeprefix(".")
