"""What can be changed about one picture: a row of things to choose from, hidden until it is asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from histsvc.view.dashboard import widgets
from histsvc.view.dashboard.choice import SCALES, Choice
from histsvc.view.dashboard.history import WINDOWS_S
from histsvc.view.text import duration

UNITS = (("counts", "Counts"), ("rate", "Counts/s"))
WINDOWS = (("0", "since start"), *((str(s), f"last {duration(1000 * s)}") for s in WINDOWS_S))
_QUANTILES = (("1.0", "all"), ("0.999", "99.9 %"), ("0.99", "99 %"), ("0.95", "95 %"))
_TURNS = (("0", "0°"), ("1", "90°"), ("2", "180°"), ("3", "270°"))


class CellOptions:
    """The options of one picture; `choice` is what is chosen now. `more` is shown beside them."""

    def __init__(self, choice: Choice, dimensions: int, more: Any) -> None:
        self._scales = scales = SCALES if dimensions == 2 else SCALES[:2]
        self.choice = choice = self._possible(choice)
        self._unit = widgets.select("Show", UNITS, "rate" if choice.per_s else "counts", width=96)
        self._window = widgets.select("Of", WINDOWS, str(choice.window_s), width=104)
        self._scale = widgets.select("Scale", [(s, s) for s in scales], choice.scale, width=100)
        self._low = widgets.number("Lowest", None, width=90, placeholder="auto")
        self._high = widgets.number("Highest", None, width=90, placeholder="auto")
        self._quantile = widgets.select("Auto up to", _QUANTILES, str(choice.quantile), width=84)
        self._turns = widgets.select("Turned", _TURNS, str(choice.turns), width=76)
        self._mirrored = widgets.toggle("Mirror", active=choice.mirrored, width=70)
        every = [self._unit, self._window, self._scale, self._low, self._high]
        images = [self._quantile, self._turns, self._mirrored] if dimensions == 2 else []
        for each in (*every, *images[:2]):
            each.on_change("value", lambda _a, _o, _n: self._take())
        self._mirrored.on_change("active", lambda _a, _o, _n: self._take())
        parts = (*every, *images, more)
        self.root: Any = widgets.line(*parts, visible=False, css_classes=["options"])

    def _possible(self, choice: Choice) -> Choice:
        return choice if choice.scale in self._scales else replace(choice, scale="linear")

    def set(self, choice: Choice) -> None:
        """Take a choice that was made elsewhere, as far as it can be had here."""
        choice = self._possible(choice)
        self._unit.value = "rate" if choice.per_s else "counts"
        self._window.value, self._scale.value = str(choice.window_s), choice.scale
        self.choice = choice

    def _take(self) -> None:
        low, high = self._low.value, self._high.value
        limits = (
            (float(low or 0), float(high)) if high is not None and float(high) > float(low or 0) else None
        )
        self.choice = replace(
            self.choice,
            per_s=self._unit.value == "rate",
            window_s=int(self._window.value),
            scale=self._scale.value,
            limits=limits,
            quantile=float(self._quantile.value),
            turns=int(self._turns.value),
            mirrored=bool(self._mirrored.active),
        )
