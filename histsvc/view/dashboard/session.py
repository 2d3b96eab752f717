"""The page of one browser: its parts, and what is brought up to date how often."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from bokeh.core.properties import Bool, Int, String
from bokeh.document import Document
from bokeh.model import DataModel
from bokeh.models import CustomJS

from histsvc.clock import Clock, Every
from histsvc.view.dashboard import widgets
from histsvc.view.dashboard.catalogue import Catalogue
from histsvc.view.dashboard.cell import Cell
from histsvc.view.dashboard.choice import SCALES, Choice
from histsvc.view.dashboard.commands_panel import CommandsPanel
from histsvc.view.dashboard.feed import Feed
from histsvc.view.dashboard.header import Header
from histsvc.view.dashboard.look import DARK, LIGHT
from histsvc.view.dashboard.new_panel import NewPanel
from histsvc.view.dashboard.options import UNITS, WINDOWS
from histsvc.view.dashboard.region_panel import RegionPanel
from histsvc.view.dashboard.regions import Rectangle, found
from histsvc.view.dashboard.steering import Sent, Steering

_TICK_MS = 200
_TITLES_S = 1.0
# While the browser draws one update the next one is made and sent.
_UNDER_WAY = 2
# Shown at first: more fit no screen.
_FIRST = 24
# Told when the pictures are drawn: a page that nobody sees draws none.
_ARRIVED = "requestAnimationFrame(() => { cb_obj.arrived = cb_obj.sent })"
_SIZES = ((1, "one"), (4, "few"), (9, "some"))


class Browser(DataModel):
    """What server and browser tell each other: which pictures were sent and have arrived, what is seen."""

    sent = Int(0)
    arrived = Int(0)
    visible = String("[]")
    dark = Bool(False)


class Session:
    """One page. Pictures are sent when the last ones have arrived: who is slow skips to the newest."""

    def __init__(self, document: Document, feed: Feed, steering: Steering, clock: Clock) -> None:
        self._document = document
        self._feed = feed
        self._steering = steering
        self._clock = clock
        self._choice = Choice()
        self._cells: dict[str, Cell] = {}
        self._hidden: set[str] = set()
        self._titles_due = Every(clock, _TITLES_S)
        self.browser = Browser(name="browser")
        self.browser.js_on_change("sent", CustomJS(code=_ARRIVED))
        self.browser.on_change("dark", lambda _a, _o, _n: self._paint())
        self._header = Header(feed)
        self._catalogue = Catalogue(self._chose)
        self._region = RegionPanel(self._send, self._configs, may=steering.may)
        more = NewPanel(self._send, self._known)
        self._commands = CommandsPanel(self._send, self._running, more.root, may=steering.may)
        self._grid = widgets.box(css_classes=["grid"], sizing_mode="stretch_width")
        self._fill(document)
        self._tick()
        document.add_periodic_callback(self._tick, _TICK_MS)
        document.on_session_destroyed(lambda _: feed.leave())
        feed.watch()

    def _fill(self, document: Document) -> None:
        unit = widgets.select("Show", UNITS, "counts", width=104, name="all unit")
        window = widgets.select("Of", WINDOWS, "0", width=112, name="all window")
        scales = [(each, each) for each in SCALES]
        scale = widgets.select("Scale", scales, "linear", width=110, name="all scale")
        unit.on_change("value", lambda _a, _o, new: self._choose(per_s=new == "rate"))
        window.on_change("value", lambda _a, _o, new: self._choose(window_s=int(new)))
        scale.on_change("value", lambda _a, _o, new: self._choose(scale=new))
        self._header.controls.children = [unit, window, scale]
        right = widgets.box(self._region.root, self._commands.root, css_classes=["right"], width=276)
        parts = self._catalogue.root, self._grid, right
        body = widgets.line(*parts, css_classes=["main"], sizing_mode="stretch_width")
        page = widgets.box(self._header.root, body, css_classes=["page"], sizing_mode="stretch_width")
        page.tags = [self.browser]
        document.add_root(page)
        document.title = "histsvc"
        # page.js does that.
        document.config.update(reconnect_session=False, notify_connection_status=False)

    def _tick(self) -> None:
        """Bring everything up to date that somebody can see, unless the last of it is still under way."""
        if self.browser.sent - self.browser.arrived >= _UNDER_WAY:
            return
        self._document.hold("combine")
        try:
            changed = self._update()
        finally:
            self._document.unhold()
        if changed:
            self.browser.sent += 1

    def _update(self) -> bool:
        """Do so; says whether that changed anything."""
        seen = self._feed.seen
        for name in [name for name in seen if name not in self._hidden][:_FIRST]:
            self._show(name, True)
        for name in self._cells.keys() - seen.keys():
            self._show(name, False)
            self._hidden.discard(name)  # where it comes again it is new
        self._arrange()  # also what was there before heartbeats told of it, or has ended
        due = self._titles_due.due()
        if due:
            self._tell()
        looked_at = set(json.loads(self.browser.visible))
        cells = [cell for cell in self._cells.values() if cell.root.id in looked_at]
        return any([due, *(cell.draw(self._clock.now_ns()) for cell in cells)])

    def _tell(self) -> None:
        now_ms = self._clock.now_ns() // 1_000_000
        self._header.tell(now_ms)
        self._catalogue.tell(self._feed.seen, self._cells, now_ms)
        for cell in self._cells.values():
            cell.tell(now_ms)
        self._region.tell()
        self._commands.tell(self._steering.version, self._steering.history)
        self._mark()

    def _mark(self) -> None:
        """Draw the regions that are counted, and the one that is being drawn, on the images they are of."""
        configs = self._configs()
        draft = self._region.draft
        for name, cell in self._cells.items():
            places = {
                other: found(configs.get(name, {}), config)
                for other, config in configs.items()
                if other != name
            }
            regions: dict[str, Rectangle] = {
                other: place
                for other, place in places.items()
                if place is not None and (place.width, place.height) != cell.histogram.counts.shape
            }
            if draft is not None and draft[0] == name:
                regions["new"] = draft[1]
            if regions != cell.regions:
                cell.mark(regions)

    def _show(self, name: str, active: bool) -> None:
        """Show a histogram, or no longer; what is not shown is neither made nor sent."""
        if active == (name in self._cells):
            return
        if active:
            theme = DARK if self.browser.dark else LIGHT
            self._cells[name] = Cell(self._feed.seen[name], theme, self._choice, self._region.propose)
            self._cells[name].tell(self._clock.now_ns() // 1_000_000)
            self._hidden.discard(name)
        else:
            del self._cells[name]
            self._hidden.add(name)

    def _chose(self, name: str, active: bool) -> None:
        """Somebody wants to see a histogram, or no longer."""
        self._show(name, active)
        self._arrange()

    def _arrange(self) -> None:
        """Bring the cells into the order of the feed, few of them large."""
        order = [self._cells[name].root for name in self._feed.seen if name in self._cells]
        self._grid.children = order
        size = next((size for most, size in _SIZES if len(order) <= most), "many")
        self._grid.css_classes = ["grid", size]

    def _choose(self, **changes: Any) -> None:
        self._choice = replace(self._choice, **changes)
        for cell in self._cells.values():
            cell.choose(replace(cell.options.choice, **changes))

    def _paint(self) -> None:
        for cell in self._cells.values():
            cell.paint(DARK if self.browser.dark else LIGHT)

    def _running(self) -> Sequence[str]:
        return [info.name for beat in self._feed.beats.values() for info in beat.histograms]

    def _configs(self) -> dict[str, Mapping[str, Any]]:
        """What was asked for, by id; empty where it is not told."""
        return {name: seen.histogram.info.config or {} for name, seen in self._feed.seen.items()}

    def _known(self) -> Mapping[str, Any]:
        """Where events come from, as others have asked for it."""
        first: Mapping[str, Any] = next(filter(None, self._configs().values()), {})
        return {key: value for key, value in first.items() if key != "id"}

    def _send(self, command: Mapping[str, Any], answered: Callable[[Sent], None]) -> None:
        """Send a command; the answer is taken when this page is not busy with anything else."""

        def told(sent: Sent) -> None:
            self._document.add_next_tick_callback(partial(self._answer, answered, sent))

        self._steering.send(command, told)

    def _answer(self, answered: Callable[[Sent], None], sent: Sent) -> None:
        answered(sent)
        self._tell()
