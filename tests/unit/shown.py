"""Histograms of each type to be shown, as they are received, and figures without a display."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from histsvc.client import Axis, Histogram, HistogramInfo, State
from histsvc.view.drawing import Look
from histsvc.view.plot import Plot

NOW_MS = 1_700_000_000_000


def tof(bins: int, last_ns: float = 71_000_000) -> Axis:
    return Axis(np.linspace(0, last_ns, bins + 1), "ns", "time of flight")


def pixels(number: int, label: str = "x") -> Axis:
    return Axis(np.arange(number + 1.0), "pixel", label)


def pixel_ids(bins: int) -> Axis:
    return Axis(np.linspace(1, 4097, bins + 1), "", "pixel id")


AXES = {
    "hist1d": (tof(10),),
    "hist2d": (tof(7), pixel_ids(4)),
    "dethist": (pixels(8), pixels(5, "y")),
    "roihist": (pixels(6), pixels(3, "row")),
}


def shown(
    counts: npt.NDArray[Any],
    axes: tuple[Axis, ...],
    *,
    name: str = "bank0",
    state: State = State.COUNTING,
    published_ms: int = NOW_MS,
    **info: Any,
) -> Histogram:
    """A histogram of these counts, by default published at NOW_MS."""
    about = HistogramInfo(id=name, state=state, sum=int(np.nansum(counts)), **info)
    return Histogram("output", "hs00", "histsvc", published_ms * 1_000_000, about, axes, counts)


def of_type(kind: str, seed: int = 1, **keys: Any) -> Histogram:
    """One of each type, with different counts everywhere, and one bin without any."""
    axes = AXES[kind]
    shape = tuple(axis.edges.size - 1 for axis in axes)
    counts = np.random.default_rng(seed).permutation(int(np.prod(shape))).reshape(shape).astype(np.float64)
    return shown(counts, axes, **{"name": kind, **keys})


def figure() -> Any:
    """A figure that is drawn into memory."""
    made = Figure()
    FigureCanvasAgg(made)
    return made


class Drawn:
    """A histogram drawn by itself."""

    def __init__(self, histogram: Histogram, *, log: bool = False) -> None:
        self.figure = figure()
        self.axes = self.figure.add_subplot()
        self.plot = Plot(self.axes, histogram, Look(log=log))
        self.draw()

    def draw(self) -> None:
        self.plot.tell(NOW_MS)
        self.figure.canvas.draw()

    def update(self, histogram: Histogram) -> None:
        assert self.plot.fits(histogram)
        assert self.plot.update(histogram)
        self.draw()

    @property
    def steps(self) -> Any:
        (steps,) = self.axes.patches
        return steps.get_data()

    @property
    def colours(self) -> Any:
        found: list[Any] = list(self.axes.images) or list(self.axes.collections)
        return found[0]

    @property
    def image(self) -> npt.NDArray[Any]:
        """What is drawn as [x][y]."""
        return np.asarray(self.colours.get_array()).T

    @property
    def message(self) -> Any:
        (message,) = self.axes.texts
        return message

    def colour_at(self, x: float, y: float) -> tuple[int, ...]:
        """Red, green and blue of the picture at a place in units of the axes."""
        column, row = self.axes.transData.transform((x, y))
        picture = np.asarray(self.figure.canvas.buffer_rgba())
        return tuple(picture[picture.shape[0] - 1 - int(row), int(column), :3].tolist())
