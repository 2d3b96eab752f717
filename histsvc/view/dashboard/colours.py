"""Colours for values: which value gets which colour, and the bar with numbers that says so."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from bokeh.models import BasicTicker, ColorBar, LinearColorMapper, LogColorMapper, LogTicker

from histsvc.view.dashboard.choice import Choice
from histsvc.view.dashboard.look import COMPARED, FONT, Theme, palette, short_numbers


class Colours:
    """A mapper of values to colours, and its bar; on a log scale what is zero has the lowest colour.

    What is `compared` with a reference is on a linear scale, the same up and down.
    """

    def __init__(self, scale: str, *, compared: bool) -> None:
        self._compared = compared
        self._log = scale == "log" and not compared
        colours = COMPARED if compared else palette(scale)
        kind = LogColorMapper if self._log else LinearColorMapper
        self.mapper: Any = kind(palette=colours, low=0, high=1, low_color=colours[0], nan_color=colours[0])
        ticker = LogTicker() if self._log else BasicTicker(desired_num_ticks=5)
        self.bar = ColorBar(
            color_mapper=self.mapper,
            ticker=ticker,
            formatter=short_numbers(),
            width=10,
            padding=4,
            label_standoff=5,
            major_label_text_font=FONT,
            major_label_text_font_size="11px",
            bar_line_color=None,
            major_tick_line_color=None,
        )

    def paint(self, theme: Theme) -> None:
        """Draw the bar in these colours."""
        self.bar.update(background_fill_color=theme.ground, major_label_text_color=theme.ink)
        self.bar.title_text_color = theme.faint

    def limit(self, values: npt.NDArray[np.float64], choice: Choice) -> None:
        """Let the colours begin and end where the values ask for, or the choice."""
        low, high = choice.limits or self._found(values, choice.quantile)
        if self._log:
            low = max(low, 1e-12)
            high = max(high, 10 * low) if high <= low else high
        self.mapper.update(low=low, high=high if high > low else low + 1)

    def _found(self, values: npt.NDArray[np.float64], quantile: float) -> tuple[float, float]:
        if not values.size:
            return 0.0, 1.0
        if self._compared:
            most = float(np.quantile(np.abs(values), quantile)) or float(np.abs(values).max())
            return -most, most
        high = float(np.quantile(values, quantile)) or float(values.max())
        if self._log:
            least = float(values.min(initial=np.inf, where=values > 0))
            return (least, high) if np.isfinite(least) else (0.1, 1.0)
        return min(0.0, float(values.min())), high
