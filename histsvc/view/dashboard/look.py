"""Colours, light and dark: of the page, as CSS variables, and of what Bokeh draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from bokeh.core.property.descriptors import UnsetValueError
from bokeh.models import CustomJSTickFormatter
from bokeh.palettes import Blues256, Reds256, Viridis256, diverging_palette

# On the colours of an image, which are the same in light and dark.
REGION = "#ff8fb5"
FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"
STATIC = Path(__file__).parent / "static"
_SHORT = (STATIC / "short.js").read_text(encoding="utf-8")
# So many colours that the lowest step of a square root is not seen.
_WARPED = 1024


@dataclass(frozen=True)
class Theme:
    """The colours of plots."""

    ink: str
    faint: str
    ground: str
    grid: str
    line: str
    error: str
    reference: str


LIGHT = Theme("#1d2733", "#5c6b7a", "#ffffff", "#e4e9ee", "#0b63b6", "#7fb2e5", "#c2570c")
DARK = Theme("#e3e9f0", "#93a1b0", "#161d26", "#2a343f", "#6cb6ff", "#3a6ea5", "#ffa657")


def paint(figure: Any, theme: Theme) -> None:
    """Give a Bokeh figure the colours of a theme."""
    figure.background_fill_color = theme.ground
    figure.border_fill_color = theme.ground
    figure.outline_line_color = theme.grid
    for axis in figure.axis:
        axis.axis_label_text_color = theme.faint
        axis.major_label_text_color = theme.ink
        axis.axis_line_color = axis.major_tick_line_color = theme.faint
        axis.minor_tick_line_color = None
    for grid in figure.grid:
        grid.grid_line_color = theme.grid


def size(figure: Any) -> tuple[int, int]:
    """How many pixels wide and high what is drawn in a figure is; 0 until the browser has told."""
    try:
        return int(figure.inner_width), int(figure.inner_height)
    except UnsetValueError:
        return 0, 0


def plain(figure: Any) -> None:
    """The letters of a Bokeh figure: those of the page, and no larger than needed."""
    figure.toolbar.update(logo=None, autohide=True)
    figure.update(min_border_right=4, min_border_top=6)
    for axis in figure.axis:
        axis.axis_label_text_font = axis.major_label_text_font = FONT
        axis.axis_label_text_font_style = "normal"
        axis.axis_label_text_font_size = axis.major_label_text_font_size = "11px"
        axis.axis_label_standoff = 4


def short_numbers() -> CustomJSTickFormatter:
    """Numbers at an axis: 20k rather than 20000."""
    return CustomJSTickFormatter(code=_SHORT)


# Less than the reference is blue, more is red.
COMPARED: Sequence[str] = diverging_palette(Blues256, Reds256, 256)


@cache
def palette(scale: str) -> Sequence[str]:
    """The colours from low to high; those of a square root change fast where the values are small."""
    if scale != "square root":
        return tuple(Viridis256)
    at = np.sqrt(np.linspace(0, 1, _WARPED)) * (len(Viridis256) - 1)
    return tuple(Viridis256[int(index)] for index in np.rint(at))
