"""The list of all histograms: which of them are shown, and how each is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

from bokeh.models import CheckboxGroup, Div

from histsvc.view.dashboard import widgets
from histsvc.view.dashboard.feed import Seen
from histsvc.view.dashboard.health import Condition, Level, of_histogram
from histsvc.view.text import printable, rate

# More than anybody looks through; the filter finds the others.
_MOST = 100


class Catalogue:
    """A line for each histogram; `chose` hears which are to be shown."""

    def __init__(self, chose: Callable[[str, bool], None]) -> None:
        self._chose = chose
        self._lines: dict[str, tuple[CheckboxGroup, Div]] = {}
        self._wanted: tuple[str, ...] | None = None
        self._filter = widgets.text("Histograms", placeholder="filter by id", sizing_mode="stretch_width")
        self._list = widgets.box(sizing_mode="stretch_width", css_classes=["list"])
        self._more = widgets.div(css_classes=["hint"], visible=False)
        parts = self._filter, self._list, self._more
        self.root: Any = widgets.box(*parts, css_classes=["catalogue"], width=220)

    def tell(self, seen: Mapping[str, Seen], shown: Mapping[str, object], now_ms: int) -> None:
        """Bring it up to this moment."""
        fitting = [name for name in seen if self._filter.value.lower() in name.lower()]
        wanted = tuple(fitting[:_MOST])
        for name in wanted:
            if name not in self._lines:
                self._lines[name] = self._line(name, name in shown)
            box, about = self._lines[name]
            html = _about(seen[name], of_histogram(seen[name].histogram, now_ms))
            if html != about.text:
                about.text = html
            if bool(box.active) != (name in shown):
                box.active = [0] if name in shown else []
        if wanted != self._wanted:
            self._wanted = wanted
            self._lines = {name: line for name, line in self._lines.items() if name in seen}
            self._list.children = [widgets.line(*self._lines[name], css_classes=["line"]) for name in wanted]
        left = len(fitting) - len(wanted)
        told = f"{left} more: filter by id" if left else "" if seen else "None is published yet."
        if told != self._more.text:
            self._more.update(text=told, visible=bool(told))

    def _line(self, name: str, active: bool) -> tuple[CheckboxGroup, Div]:
        keys: Any = {"name": f"show {name}", "css_classes": ["entry"]}
        box = widgets.checkbox(printable(name), active=active, **keys)
        box.on_change("active", lambda _a, _o, new: self._chose(name, bool(new)))
        return box, widgets.div(css_classes=["about"])


def _about(seen: Seen, condition: Condition) -> str:
    goes_on = condition.level in (Level.GOOD, Level.LATE, Level.WAITING)
    speed = rate(seen.histogram.info.rate) if goes_on else ""
    return (
        f"<span class='speed'>{speed}</span>"
        f"<span class='dot {condition.level}' title='{escape(condition.words, quote=True)}'></span>"
    )
