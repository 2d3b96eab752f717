"""All histograms of an instrument, counted live at a steady rate, with a page that shows them or without."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import psutil
from browser import Tab, tab
from dashboard import Dashboard
from examples import command, placed
from kafka_broker import Broker
from playwright.sync_api import Browser
from service_process import Service

from benchmarks.data import Filled, Shape, pool, remove
from benchmarks.live import Seen, Stream, observed
from benchmarks.loki import streams
from benchmarks.sides import cpu_seconds

EVENTS_PER_S = 5e6
_CONFIG, _OUTPUT = "loki.json", "loki_visualisation"
_SHAPE = Shape("compact", 1_000)
_MESSAGES_PER_S = EVENTS_PER_S / _SHAPE.events
# All of its cells are in sight.
_SCREEN = {"width": 2560, "height": 1440}
_FIRST_PICTURES = 3
_SETTLE_S = 5.0
# What a busy machine takes until all is counted and received.
_TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Looked:
    """What a page has shown in some time; percents are those of one core.

    `updates_per_s` is how often it has got something, `pictures_per_s` how often each histogram was drawn.
    """

    dashboard_percent: float
    browser_percent: float
    updates_per_s: float
    pictures_per_s: Sequence[float]


@dataclass(frozen=True)
class Watched:
    """How the service was meanwhile, and the page, if there was one.

    `events_per_s` are those that were counted, `published_per_s` the messages of each histogram; `lag_ms` is
    that of the last third, in ms of the stream.
    """

    events_per_s: float
    published_per_s: float
    lag_ms: float
    looked: Looked | None


class Instrument:
    """Counts the histograms of loki.json with a service, as often as it is asked to."""

    def __init__(self, broker: Broker, service: Service) -> None:
        self._broker = broker
        self._service = service
        self._histograms = command(_CONFIG)["histograms"]
        self._runs = 0

    def watched(self, browser: Browser | None, seconds: float) -> Watched:
        """Watch it for so many seconds, in a page of the browser or without one.

        Raises AssertionError for counts that are not numpy's.
        """
        self._runs += 1
        pools = {
            name: pool(f"live-{self._runs}-{name}", _SHAPE, events)
            for name, events in streams(self._histograms).items()
        }
        output = f"{self._service.output}-{self._runs}"
        self._broker.create_topic(output, config={"max.message.bytes": "200000000"})
        for each in pools.values():
            self._broker.create_topic(each.topic)
        topics = {name: each.topic for name, each in pools.items()} | {_OUTPUT: output}
        self._service.client.send(placed(_CONFIG, self._service.bootstrap, topics), _TIMEOUT_S)
        with Stream(self._service.kafka, list(pools.values()), _MESSAGES_PER_S) as stream:
            seen, looked = self._watch(browser, seconds)
        self._check(output, dict(zip(pools, stream.filled(), strict=True)))
        for topic in topics.values():
            remove(self._broker, topic)
        first, last = seen[0], seen[-1]
        passed_s, published = last.at_s - first.at_s, last.published - first.published
        lag = statistics.median(each.lag for each in seen[-len(seen) // 3 :])
        return Watched(
            (last.events - first.events) / passed_s,
            published / passed_s / len(self._histograms),
            lag / _MESSAGES_PER_S * 1000,
            looked,
        )

    def _watch(self, browser: Browser | None, seconds: float) -> tuple[list[Seen], Looked | None]:
        if browser is None:
            observed(self._service, _SETTLE_S)
            return observed(self._service, seconds), None
        with _page(self._service, browser) as page:
            page.settle(len(self._histograms))
            observed(self._service, _SETTLE_S)
            before = page.so_far()
            seen = observed(self._service, seconds)
            return seen, page.so_far().since(before)

    def _check(self, output: str, sent: Mapping[str, Filled]) -> None:
        """Stop it when all is counted, and compare the counts with those of numpy."""
        expected = {each["id"]: sent[each["data_topics"][0]].counts(each) for each in self._histograms}
        events = sum(int(counts.sum()) for counts in expected.values())
        self._service.heartbeat_until(
            lambda beat: sum(each["sum"] for each in beat["histograms"]) == events, _TIMEOUT_S
        )
        self._service.output = output
        with self._service.following() as published:
            self._service.client.send({"cmd": "stop"}, _TIMEOUT_S)
            finished = published.finished(*expected, timeout_s=_TIMEOUT_S)
        for name, counts in expected.items():
            assert np.array_equal(finished[name].counts, counts), f"{name} is wrong: {finished[name].info}"


@dataclass(frozen=True)
class _SoFar:
    """What dashboard and browser have done: CPU seconds, updates, and pictures of each histogram."""

    dashboard_s: float
    browser_s: float
    updates: int
    pictures: Mapping[str, int]
    at_s: float = field(default_factory=time.perf_counter)

    def since(self, before: _SoFar) -> Looked:
        """What was done in between."""
        passed_s = self.at_s - before.at_s
        return Looked(
            100 * (self.dashboard_s - before.dashboard_s) / passed_s,
            100 * (self.browser_s - before.browser_s) / passed_s,
            (self.updates - before.updates) / passed_s,
            [(number - before.pictures[name]) / passed_s for name, number in self.pictures.items()],
        )


class _Page:
    """The dashboard as users run it, and a page of it in a browser."""

    def __init__(self, dashboard: Dashboard, tab: Tab) -> None:
        self._dashboard = dashboard
        self._tab = tab

    def settle(self, histograms: int) -> None:
        """Wait until pictures of all histograms come, all of them in sight."""
        self._tab.until("visible", None, lambda number: number == histograms)
        enough = [_FIRST_PICTURES] * histograms
        self._tab.until("pictures", None, lambda counted: _at_least(list(counted.values()), enough))

    def so_far(self) -> _SoFar:
        """What they have done until now."""
        dashboard_s, browser_s = cpu_seconds(self._dashboard.process.pid), _browser_seconds()
        return _SoFar(dashboard_s, browser_s, self._tab.ask("updates"), self._tab.ask("pictures"))


def _at_least(numbers: Sequence[int], least: Sequence[int]) -> bool:
    return len(numbers) == len(least) and min(numbers) >= least[0]


@contextlib.contextmanager
def _page(service: Service, browser: Browser) -> Iterator[_Page]:
    dashboard = Dashboard(service)
    try:
        with tab(browser, dashboard.url, viewport=_SCREEN) as shown:
            yield _Page(dashboard, shown)
    finally:
        dashboard.close()


def _browser_seconds() -> float:
    """CPU seconds of all processes of the browser that this one has started."""
    mine = psutil.Process().children(recursive=True)
    times = [each.cpu_times() for each in mine if each.name().startswith("chrom")]
    return float(sum(each.user + each.system for each in times))
