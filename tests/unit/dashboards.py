"""What the parts of the dashboard are given, without Kafka and without a browser."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from bokeh.events import ButtonClick
from bokeh.models import Div
from fakes import FakeClock
from unit.shown import NOW_MS, of_type, pixels, tof
from unit.shown import shown as histogram_of

from histsvc.client import BrokerError, Heartbeat, Histogram
from histsvc.view.dashboard.feed import Feed, Seen
from histsvc.view.dashboard.history import History
from histsvc.view.dashboard.steering import Sent

__all__ = ["NOW_MS", "FakeClock", "histogram_of", "of_type", "pixels", "tof"]
# Far longer than anything here takes.
TIMEOUT_S = 10.0


def seen_of(histogram: Histogram, *before: Histogram) -> Seen:
    """A histogram as the feed has it, and what was published before."""
    history = History()
    for each in (*before, histogram):
        history.add(each, each.timestamp_ns)
    return Seen(histogram, 1, history)


def with_info(histogram: Histogram, **keys: Any) -> Histogram:
    """The same, but for what it says about itself."""
    return replace(histogram, info=histogram.info.model_copy(update=keys))


def image_of(counts: npt.ArrayLike, name: str = "image", **keys: Any) -> Histogram:
    """An image [x][y] of pixels."""
    made = np.asarray(counts, np.float64)
    return histogram_of(made, (pixels(made.shape[0]), pixels(made.shape[1], "y")), name=name, **keys)


def sized(figure: Any, width: int, height: int) -> Any:
    """Let a browser have told how many pixels of the screen a figure has."""
    figure.set_from_json("inner_width", width)
    figure.set_from_json("inner_height", height)
    return figure


def source(figure: Any, glyph: type, number: int = 0) -> Any:
    """The data of what a figure draws with glyphs of a type, the first one or another."""
    found = [each.data_source for each in figure.renderers if isinstance(each.glyph, glyph)]
    return found[number]


class StillFeed(Feed):
    """A feed that follows nobody: it has what it was given."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(_nobody, clock)

    @property
    def watchers(self) -> int:
        return self._watchers

    def give(self, *histograms: Histogram) -> None:
        """A newer one of each of these."""
        seen = dict(self._seen)
        for each in histograms:
            mine = seen.setdefault(each.id, Seen(each))
            mine.history.add(each, each.timestamp_ns)
            mine.histogram, mine.version = each, mine.version + 1
        self._seen = seen

    def beat(self, *beats: Heartbeat) -> None:
        """The newest heartbeats."""
        self._beats = {str(number): each for number, each in enumerate(beats)}

    def order(self, *names: str) -> None:
        """Heartbeats tell of them so."""
        self._seen = {name: self._seen[name] for name in names}

    def forget(self, name: str) -> None:
        """It has ended long ago."""
        self._seen = {key: each for key, each in self._seen.items() if key != name}


def _nobody() -> Any:
    raise AssertionError("nothing may be read here")


class Following:
    """What a feed follows: each poll waits until a test says what comes of it."""

    def __init__(self) -> None:
        self.latest: dict[str, Any] = {}
        self.polls = threading.Semaphore(0)
        self._given: queue.SimpleQueue[tuple[Any, ...] | BrokerError | None] = queue.SimpleQueue()
        self._free = False

    def poll(self, timeout_s: float) -> list[Any]:
        if self._free:
            return []
        self.polls.release()
        given = self._given.get(timeout=TIMEOUT_S)
        if isinstance(given, BrokerError):
            raise given
        self.latest |= {each.id: each for each in given or ()}
        return list(given or ())

    def give(self, *histograms: Histogram) -> None:
        """Let the poll that waits, or else the next one, give these."""
        self._given.put(histograms)

    def fail(self, error: BrokerError) -> None:
        self._given.put(error)

    def free(self) -> None:
        """Wait no longer, now and later on."""
        self._free = True
        self._given.put(None)


class Beats:
    """Heartbeats that are there."""

    def __init__(self, latest: Mapping[str, Heartbeat]) -> None:
        self.latest = latest

    def poll(self, timeout_s: float) -> None:
        assert timeout_s == 0


class FakeClient:
    """Follows what a test controls; each `with` is a connection, the first `refusals` of which fail."""

    def __init__(self, refusals: int = 0) -> None:
        self.following = Following()
        self.beats: dict[str, Heartbeat] = {}
        self.opened = self.closed = 0
        self._refusals = refusals

    def __enter__(self) -> Self:
        self.opened += 1
        self.following.latest = {}
        return self

    def __exit__(self, *_: object) -> None:
        self.closed += 1

    def follow(self) -> Following:
        if self.opened <= self._refusals:
            raise BrokerError("nobody there", retriable=True)
        return self.following

    def heartbeats(self) -> Beats:
        return Beats(self.beats)


class Asked:
    """In place of what sends commands: keeps them, and answers when it is told to."""

    def __init__(self) -> None:
        self.commands: list[Mapping[str, Any]] = []
        self._answered: list[Callable[[Sent], None]] = []

    def __call__(self, command: Mapping[str, Any], answered: Callable[[Sent], None]) -> None:
        self.commands.append(command)
        self._answered.append(answered)

    def answer(self, outcome: str, message: str = "", about_field: str = "", **reply: Any) -> None:
        """Answer the last command."""
        self._answered[-1](Sent(NOW_MS, self.commands[-1], outcome, message, about_field, reply))


def named(root: Any, name: str) -> Any:
    """The one part of a page that has a name."""
    found = list(root.select({"name": name}))
    assert len(found) == 1, f"{len(found)} parts are called {name}"
    return found[0]


def press(root: Any, name: str) -> None:
    """Press a button, as a browser tells it."""
    button = named(root, name)
    button._trigger_event(ButtonClick(button))


def told(root: Any, kind: str) -> str:
    """The HTML of the pieces of a page that have a CSS class."""
    return "".join(each.text for each in root.select({"type": Div}) if kind in each.css_classes)
