"""One histogram in matplotlib Axes: drawn once, then changed in place."""

from __future__ import annotations

import textwrap
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from histsvc.client import Histogram, State
from histsvc.view import text
from histsvc.view.drawing import Image, Look, Nothing, Steps

# A small histogram that does not change is published every second, a large one every 10 s.
_STALE_MS = 15_000
_NORMAL, _FINISHED, _STALE, _ERROR = "black", "#1a5fb4", "#a35200", "#c01c28"
_MOST_LINES = 6


class _Drawing(Protocol):
    def update(self, counts: npt.NDArray[np.float64]) -> None:
        """Show these counts."""


class Plot:
    """A histogram in its Axes, with a title that says its state and its age."""

    def __init__(self, axes: Any, histogram: Histogram, look: Look) -> None:
        self._axes = axes
        self._look = look
        self._histogram = histogram
        self._problem = problem(histogram)
        axes.tick_params(which="both", labelsize=look.font_pt)
        made = {0: Nothing, 1: Steps, 2: Image}[0 if self._problem else histogram.counts.ndim]
        self._drawing: _Drawing = made(axes, histogram, look)
        self._message = axes.text(
            0.5,
            0.5,
            "",
            transform=axes.transAxes,
            horizontalalignment="center",
            verticalalignment="center",
            fontsize=look.font_pt,
            color=_ERROR,
            bbox={"facecolor": "white", "edgecolor": _ERROR, "boxstyle": "round"},
            parse_math=False,
            zorder=10,
        )
        self._message.set_in_layout(False)
        self._show(histogram)

    def fits(self, histogram: Histogram) -> bool:
        """Whether it can be shown by `update`: id and axes are as they were."""
        before = self._histogram
        return (
            histogram.id == before.id
            and problem(histogram) == self._problem
            and histogram.counts.shape == before.counts.shape
            and histogram.axes == before.axes
        )

    def update(self, histogram: Histogram) -> bool:
        """Show another one that fits; says whether it is another one."""
        if histogram is self._histogram:
            return False
        self._show(histogram)
        return True

    def tell(self, now_ms: int) -> bool:
        """Write the title as it is at `now_ms` since the epoch; says whether that changes it."""
        words, colour = caption(self._histogram, self._sum, now_ms)
        title = f"{_cut(text.printable(self._histogram.id), self._look.columns)}\n{words}"
        changed: bool = self._axes.get_title() != title or self._axes.title.get_color() != colour
        if changed:
            # To find y itself takes matplotlib a sixth of the time in which it draws everything.
            self._axes.set_title(title, y=1.0, fontsize=self._look.font_pt, color=colour, parse_math=False)
        return changed

    def _show(self, histogram: Histogram) -> None:
        self._histogram = histogram
        self._sum = float(histogram.counts.sum())
        if not self._problem:
            self._drawing.update(np.asarray(histogram.counts, np.float64))
        failed = histogram.state is State.ERROR
        said = (histogram.info.error_message or "ERROR") if failed else self._problem
        width = int(0.65 * self._look.columns)
        lines = textwrap.wrap(said, width, max_lines=_MOST_LINES, placeholder=" \u2026")
        self._message.set_text("\n".join(lines))
        self._message.set_visible(bool(said))
        for spine in self._axes.spines.values():
            spine.set_edgecolor(_ERROR if failed else _NORMAL)
            spine.set_linewidth(2.5 if failed else 0.8)


def caption(histogram: Histogram, counts: float, now_ms: int) -> tuple[str, str]:
    """What the second line of the title says at `now_ms`, and the colour of both lines."""
    finished, failed = histogram.state is State.FINISHED, histogram.state is State.ERROR
    stale = is_stale(histogram, now_ms)
    state = f"{histogram.state} (stale)" if stale else str(histogram.state)
    words = f"{state}  {text.short(counts)} counts  {text.age(histogram.data_age_ms(now_ms))}"
    return words, _ERROR if failed else _FINISHED if finished else _STALE if stale else _NORMAL


def is_stale(histogram: Histogram, now_ms: int) -> bool:
    """Whether nothing was published of it for so long, at `now_ms`, that it may be gone."""
    return histogram.state is not State.FINISHED and histogram.published_ago_ms(now_ms) > _STALE_MS


def problem(histogram: Histogram) -> str:
    """Why it cannot be drawn; empty where it can. Others publish, too: what they say is not relied upon."""
    counts = histogram.counts
    if counts.ndim not in (1, 2):
        return f"cannot be drawn: it has {counts.ndim} dimensions"
    if counts.shape != tuple(each.edges.size - 1 for each in histogram.axes) or not counts.size:
        return "cannot be drawn: its counts and edges do not fit each other"
    if not all(np.isfinite(each.edges).all() and (np.diff(each.edges) > 0).all() for each in histogram.axes):
        return "cannot be drawn: its edges are not ascending"
    return "" if np.isfinite(counts).all() else "cannot be drawn: its counts are not finite"


def _cut(name: str, most: int) -> str:
    """At most so many characters: ids often begin alike, and often end alike."""
    half = (most - 1) // 2
    return name if len(name) <= most else f"{name[:half]}\u2026{name[-half:]}"
