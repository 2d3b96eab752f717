"""One histogram of the page: a title that says how it is, its picture, and what can be changed about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from html import escape
from typing import Any
from urllib.parse import urlencode

from bokeh.events import SelectionGeometry

from histsvc.client import Histogram
from histsvc.view.dashboard import widgets
from histsvc.view.dashboard.choice import Choice
from histsvc.view.dashboard.download import PATH
from histsvc.view.dashboard.feed import Seen
from histsvc.view.dashboard.health import Condition, Level, of_histogram
from histsvc.view.dashboard.image import Image
from histsvc.view.dashboard.look import Theme, size
from histsvc.view.dashboard.options import CellOptions
from histsvc.view.dashboard.reference import Reference, frozen, loaded
from histsvc.view.dashboard.reference_options import ReferenceOptions
from histsvc.view.dashboard.regions import Rectangle
from histsvc.view.dashboard.shown import shown
from histsvc.view.dashboard.spectrum import Spectrum
from histsvc.view.plot import problem
from histsvc.view.text import duration, printable, rate, short

# Of a rectangle that was drawn: x0, y0, x1, y1 in the coordinates of the data.
Corners = Sequence[float]


class Cell:
    """A histogram in the grid; `chosen` hears of what was drawn with the mouse on its picture."""

    def __init__(
        self, seen: Seen, theme: Theme, choice: Choice, chosen: Callable[[Cell, Corners], None]
    ) -> None:
        self.seen = seen
        self.regions: Mapping[str, Rectangle] = {}
        self._theme = theme
        self._chosen = chosen
        self._condition = Condition(Level.WAITING, "")
        self._picture: Spectrum | Image | None = None
        self._drawn: tuple[object, ...] = ()
        self._title_text = ""
        self._reference: Reference | None = None
        self._title = widgets.div(css_classes=["title"], sizing_mode="stretch_width", margin=0)
        self._message = widgets.div(css_classes=["message"], visible=False, sizing_mode="stretch_width")
        more = widgets.toggle("Options", margin=0, css_classes=["more"], name=f"more {self.name}")
        self._comparing = ReferenceOptions(self._freeze, self._load, self._drop)
        self.options = CellOptions(choice, seen.histogram.counts.ndim, self._comparing.root)
        link = f"<a href='{PATH}?{urlencode({'id': self.name})}' download>Save</a>"
        save = widgets.div(link, css_classes=["save"], margin=0)
        more.js_link("active", self.options.root, "visible")
        self._body = widgets.box(sizing_mode="stretch_both", css_classes=["body"])
        self.root: Any = widgets.box(
            widgets.line(self._title, save, more, css_classes=["bar"], sizing_mode="stretch_width"),
            self.options.root,
            self._message,
            self._body,
            css_classes=["cell"],
            sizing_mode="stretch_width",
            height=310,
            name=f"cell {self.name}",
        )

    @property
    def name(self) -> str:
        """The id of the histogram."""
        return self.seen.histogram.id

    @property
    def histogram(self) -> Histogram:
        """What it shows."""
        return self.seen.histogram

    def paint(self, theme: Theme) -> None:
        """Draw in these colours."""
        self._theme = theme
        if self._picture is not None:
            self._picture.paint(theme)

    def choose(self, choice: Choice) -> None:
        """Show it in another way."""
        self.options.set(choice)

    def tell(self, now_ms: int) -> None:
        """Bring the title up to this moment: all are told by one clock."""
        self._condition = of_histogram(self.histogram, now_ms)
        level = self._condition.level
        text = self._title_html()
        if text != self._title_text:
            self._title_text = self._title.text = text
            self.root.css_classes = ["cell", level]
        bad = level in (Level.ERROR, Level.STALE)
        said = problem(self.histogram) or (self._condition.why if bad else self.histogram.info.warning or "")
        if (self._message.visible, self._message.text) != (bool(said), escape(printable(said))):
            self._message.update(text=escape(printable(said)), visible=bool(said))

    def draw(self, now_ns: int) -> bool:
        """Bring the picture up to date; whether that was needed."""
        wanted = self.seen.version, self.options.choice, self._reference
        if self._drawn == (*wanted, self._view()):
            return False
        self._draw(now_ns)
        # Limits that were found while it was drawn are no reason to draw it again.
        self._drawn = (*wanted, self._view())
        return True

    def _view(self) -> tuple[object, ...]:
        """Which part of the picture can be seen, and how large."""
        if self._picture is None:
            return ()
        ranges = self._picture.figure.x_range, self._picture.figure.y_range
        return *((each.start, each.end) for each in ranges), size(self._picture.figure)

    def _draw(self, now_ns: int) -> None:
        histogram = self.histogram
        if self._reference is not None and self._reference.counts.shape != histogram.counts.shape:
            self._comparing.drop()
        choice = self.options.choice
        if problem(histogram):
            self._body.children, self._picture = [], None
            return
        if self._picture is None or not self._picture.fits(histogram, choice):
            self._picture = self._made(histogram, choice)
            self._body.children = [self._picture.figure]
        values = shown(histogram, self.seen.history, choice, now_ns)
        self._picture.update(values, choice, self._reference)
        self.mark(self.regions)

    def mark(self, regions: Mapping[str, Rectangle]) -> None:
        """Draw where regions lie."""
        self.regions = regions
        if isinstance(self._picture, Image):
            self._picture.mark(regions)

    def _made(self, histogram: Histogram, choice: Choice) -> Spectrum | Image:
        kind = Spectrum if histogram.counts.ndim == 1 else Image
        made = kind(histogram, self._theme, choice)
        made.figure.name = f"plot {self.name}"
        made.figure.on_event(SelectionGeometry, self._select)
        return made

    def _freeze(self) -> str:
        at = datetime.fromtimestamp(self.histogram.timestamp_ns / 1e9).strftime("%H:%M:%S")
        values = shown(self.histogram, self.seen.history, self.options.choice, self.histogram.timestamp_ns)
        return self._compare(frozen(values, f"how it was at {at}"))

    def _load(self, name: str, content: bytes) -> str:
        return self._compare(loaded(content, name, self.histogram.counts.shape))

    def _drop(self) -> str:
        return self._compare(None)

    def _compare(self, reference: Reference | None) -> str:
        self._reference = reference
        self.options.choice = replace(self.options.choice, reference=reference is not None)
        return reference.about if reference is not None else ""

    def _select(self, event: SelectionGeometry) -> None:
        geometry: Any = event.geometry
        if not event.final or geometry.get("type") != "rect":
            return
        corners = [geometry["x0"], geometry["y0"], geometry["x1"], geometry["y1"]]
        if self.options.choice.swaps:
            corners = [corners[1], corners[0], corners[3], corners[2]]
        self._chosen(self, corners)

    def _title_html(self) -> str:
        info, condition = self.histogram.info, self._condition
        facts = [f"{short(info.sum)} counts"]
        if condition.level in (Level.GOOD, Level.LATE):
            facts.append(rate(info.rate))
        if self.options.choice.window_s:
            now_ns = self.histogram.timestamp_ns
            values = shown(self.histogram, self.seen.history, self.options.choice, now_ns)
            facts.append(f"last {duration(values.seconds * 1000)}")
        name = escape(printable(self.name))
        told = "".join(f"<span>{fact}</span>" for fact in facts)
        return (
            f"<span class='name' title='{escape(printable(self.name), quote=True)}'>{name}</span>"
            f"<span class='chip {condition.level}' title='{escape(condition.why, quote=True)}'>"
            f"{condition.words}</span><span class='facts'>{told}</span>"
        )
