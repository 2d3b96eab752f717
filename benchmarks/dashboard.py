"""Row 13: a whole instrument live in a page: what the dashboard takes, and whether the service notices it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence

from browser import launched
from dashboard import Dashboard
from examples import command
from service_process import Service

from benchmarks import loki
from benchmarks.bench import Bench
from benchmarks.data import remove
from benchmarks.finding import Finding
from benchmarks.instrument import EVENTS_PER_S, Instrument, Looked, Watched
from benchmarks.pairs import Run, Spread, interleaved

# Of the service alone and with the page, in turn.
_TURNS, _QUICK_TURNS = 3, 2
_SECONDS, _QUICK_SECONDS = 60.0, 8.0
_MOST_PERCENT = 50.0
_LEAST = 0.95
_MOST_LAG_MS = 100.0
_WORK = "loki.json live in a page"
_FAR_WORK = "loki.json, a backlog"
_ALONE, _FAR = "alone", "with a page elsewhere"
_TIMEOUT_S = 60.0


def findings(bench: Bench) -> Iterator[Finding]:
    """Measure the service alone and with the dashboard in turn, at the same rate of events."""
    turns, seconds = (_QUICK_TURNS, _QUICK_SECONDS) if bench.quick else (_TURNS, _SECONDS)
    alone: list[Watched] = []
    shown: list[Watched] = []
    with bench.service() as service, launched() as browser:
        instrument = Instrument(bench.broker, service)
        for number in range(turns):
            sides = [(alone, None), (shown, browser)]
            for runs, looks in sides[:: -1 if number % 2 else 1]:
                runs.append(instrument.watched(looks, seconds))
    yield from _page([run.looked for run in shown if run.looked is not None], shown)
    yield from _service(alone, shown)
    yield _top(bench)


def _page(looked: Sequence[Looked], shown: Sequence[Watched]) -> Iterator[Finding]:
    used = Spread.of([each.dashboard_percent for each in looked])
    also = {"browser_percent": Spread.of([each.browser_percent for each in looked]).median}
    yield Finding(13, _WORK, "dashboard process, of one core", used, "%", _MOST_PERCENT, True, also)
    drawn = [
        number / run.published_per_s
        for each, run in zip(looked, shown, strict=True)
        for number in each.pictures_per_s
    ]
    also = {
        "pictures_of_each_per_s": Spread.of([n for each in looked for n in each.pictures_per_s]).median,
        "published_of_each_per_s": Spread.of([run.published_per_s for run in shown]).median,
        "updates_of_the_page_per_s": Spread.of([each.updates_per_s for each in looked]).median,
    }
    yield Finding(13, _WORK, "pictures, of what is published", Spread.of(drawn), "", _LEAST, also=also)


def _service(alone: Sequence[Watched], shown: Sequence[Watched]) -> Iterator[Finding]:
    pairs = zip(shown, alone, strict=True)
    of_alone = Spread.of([run.events_per_s / other.events_per_s for run, other in pairs])
    also = {
        "events_per_s_sent": EVENTS_PER_S,
        "events_per_s": Spread.of([run.events_per_s for run in shown]).median,
        "events_per_s_alone": Spread.of([run.events_per_s for run in alone]).median,
    }
    yield Finding(13, _WORK, "rate of the service, of that without", of_alone, "", _LEAST, also=also)
    lags_ms = Spread.of([run.lag_ms for run in shown])
    also = {"without_ms": Spread.of([run.lag_ms for run in alone]).median}
    yield Finding(13, _WORK, "lag of the service", lags_ms, "ms", _MOST_LAG_MS, True, also)


def _top(bench: Bench) -> Finding:
    """What the service reads at most while a page is open, whose browser is on another machine."""
    histograms = command("loki.json")["histograms"]
    topics = loki.filled(bench, histograms)
    with bench.service() as service:
        counting, _ = loki.counted(service, histograms, topics)

        def beside() -> Run:
            with _far_page(service, len(histograms)):
                return counting()

        measured = interleaved({_ALONE: counting, _FAR: beside}, bench.runs)
    for each in topics.values():
        remove(bench.broker, each.topic)
    events = sum(each.events for each in topics.values())
    also = {
        "events_per_s": events / measured.seconds(_FAR).median,
        "events_per_s_alone": events / measured.seconds(_ALONE).median,
    }
    return Finding(13, _FAR_WORK, "top rate, of that without", measured.ratio(_FAR, _ALONE), also=also)


@contextlib.contextmanager
def _far_page(service: Service, histograms: int) -> Iterator[None]:
    """A dashboard, and a page that shows so many histograms; it must get updates."""
    with contextlib.closing(Dashboard(service)) as dashboard:
        page = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.far_page", dashboard.url, str(histograms)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        with page:
            assert page.stdout is not None
            assert page.stdout.readline() == "open\n"
            yield
            updates = page.communicate(timeout=_TIMEOUT_S)[0]
            assert int(updates) > 1, "nothing was shown"
