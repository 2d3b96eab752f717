"""What a histogram shows of itself in a notebook: a plot, and a small picture with a table."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

from histsvc.client import Axis, Histogram
from histsvc.clock import SystemClock, now_ms
from histsvc.view.axis import readable
from histsvc.view.drawing import Look
from histsvc.view.grid import load
from histsvc.view.line import remarks
from histsvc.view.plot import Plot, problem
from histsvc.view.text import age, duration, printable, rate
from histsvc.view.thumbnail import thumbnail

_SIZE_IN = (6.4, 4.4)
_FONT_PT = 10.0


def plot(histogram: Histogram, ax: Any, *, log: bool) -> Any:
    """Draw into matplotlib Axes, new ones where `ax` is None, and return them.

    Steps, which have a band of \u221an, leave room for what was drawn into these Axes before. Raises
    SettingsError without matplotlib.
    """
    load()
    if ax is None:
        from matplotlib import pyplot

        _, ax = pyplot.subplots(figsize=_SIZE_IN, layout="constrained")
    before = (ax.get_xlim(), ax.get_ylim()) if ax.has_data() and histogram.counts.ndim == 1 else None
    width_in = ax.get_window_extent().width / ax.figure.dpi
    drawn = Plot(ax, histogram, Look(log, _FONT_PT, width_in, errors=True))
    drawn.tell(now_ms(SystemClock()))
    if before is not None:
        _widen(ax, *before)
    return ax


def _widen(ax: Any, x: tuple[float, float], y: tuple[float, float]) -> None:
    """Let Axes show what they show, and these limits."""
    for now, then, limit in ((ax.get_xlim(), x, ax.set_xlim), (ax.get_ylim(), y, ax.set_ylim)):
        limit(min(*now, *then), max(*now, *then))


def html(histogram: Histogram, now_ms: int) -> str:
    """A picture and a table of a histogram as it is at `now_ms` (since the epoch); needs no matplotlib.

    Whatever others have written into it is escaped; colours are those of the page around it.
    """
    why_not = problem(histogram)
    picture = f"<div>{escape(why_not)}</div>" if why_not else thumbnail(histogram)
    rows = "".join(
        f'<tr><th style="text-align:left">{escape(name)}</th>'
        f'<td style="text-align:left">{escape(printable(value))}</td></tr>'
        for name, value in _rows(histogram, now_ms)
    )
    return f'<div class="histsvc-histogram">{picture}<table>{rows}</table></div>'


def _rows(histogram: Histogram, now_ms: int) -> list[tuple[str, str]]:
    info = histogram.info
    return [
        ("id", histogram.id),
        ("state", str(histogram.state)),
        ("counts", f"{info.sum:,}"),
        ("rate", rate(info.rate)),
        *((f"axis {name}", _about(axis)) for name, axis in zip(histogram.dims, histogram.axes, strict=True)),
        ("age", f"{age(histogram.data_age_ms(now_ms))}, published {_ago(histogram, now_ms)}"),
        *remarks(info),
    ]


def _about(axis: Axis) -> str:
    edges, unit = readable(axis)
    ends = f"{edges[0]:.6g} to {edges[-1]:.6g} {unit}".rstrip() if np.size(edges) else "nowhere"
    return f"{axis.label}: {len(axis):,} bins from {ends}"


def _ago(histogram: Histogram, now_ms: int) -> str:
    return f"{duration(histogram.published_ago_ms(now_ms))} ago"
