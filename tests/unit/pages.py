"""A page of the dashboard without server and browser: tests say when time passes and what arrives."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from bokeh.document import Document
from bokeh.models import Image as ImageGlyph
from bokeh.models import Quad
from bokeh.server.callbacks import NextTickCallback, PeriodicCallback
from unit.dashboards import FakeClock, StillFeed, named, source

from histsvc.client import CommandError, Histogram
from histsvc.view.dashboard.session import Browser, Session
from histsvc.view.dashboard.steering import Steering


class Client:
    """Answers each command with what it is told."""

    def __init__(self) -> None:
        self.commands: list[Mapping[str, Any]] = []
        self.error: CommandError | None = None

    def send(self, command: Mapping[str, Any]) -> dict[str, Any]:
        self.commands.append(command)
        if self.error is not None:
            raise self.error
        return {}


class Page:
    """A page that a browser has open, which has drawn all that was sent."""

    def __init__(self, *histograms: Histogram, may: bool = True) -> None:
        self.clock, self.client = FakeClock(), Client()
        self.feed = StillFeed(self.clock)
        self.feed.give(*histograms)
        self.steering = Steering(cast(Any, self.client), self.clock, may=may)
        self.document = Document()
        Session(self.document, self.feed, self.steering, self.clock)
        self.browser.arrived = self.browser.sent

    @property
    def root(self) -> Any:
        return self.document.roots[0]

    @property
    def browser(self) -> Browser:
        return cast(Browser, named(self.root, "browser"))

    def cells(self) -> list[str]:
        """The ids that are shown, in the order of the page."""
        (grid,) = (each for each in self.root.select({}) if "grid" in getattr(each, "css_classes", ()))
        return [each.name.removeprefix("cell ") for each in grid.children]

    def look(self, *names: str) -> None:
        """Scroll to where just these cells can be seen."""
        self.browser.visible = json.dumps([named(self.root, f"cell {name}").id for name in names])

    def tick(self, seconds: float = 0.2, *, arrives: bool = True) -> bool:
        """Let time pass; whether anything was sent, which then, or not, arrives."""
        self.clock.advance(seconds)
        before = int(self.browser.sent)
        self._call(PeriodicCallback)
        sent = int(self.browser.sent)
        if arrives:
            self.browser.arrived = sent
        return sent != before

    def answer(self) -> None:
        """Let replies arrive, and be taken."""
        self.steering.close()
        self._call(NextTickCallback)

    def _call(self, kind: type) -> None:
        found: list[Any] = [each for each in self.document.session_callbacks if isinstance(each, kind)]
        for each in found:
            each.callback()

    def drawn(self, name: str) -> Any:
        """What is drawn of a spectrum or an image; None where nothing is."""
        for figure in self.root.select({"name": f"plot {name}"}):
            glyphs = [type(each.glyph) for each in figure.renderers]
            if ImageGlyph in glyphs:
                return source(figure, ImageGlyph).data["image"][0].T
            return np.asarray(source(figure, Quad).data["value"])
        return None
