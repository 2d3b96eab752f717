"""The top of the page: whether the measurement is well, and the services with their workers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import Any

from histsvc.client import Heartbeat
from histsvc.view.dashboard import widgets
from histsvc.view.dashboard.feed import Feed
from histsvc.view.dashboard.health import Condition, Level, missed, of_histogram, of_service, verdict
from histsvc.view.text import duration, printable, rate, short


class Header:
    """What a glance at the page must tell."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._verdict = widgets.div(css_classes=["verdict"], name="verdict")
        self._services = widgets.div(css_classes=["services"], name="services", sizing_mode="stretch_width")
        self.controls: Any = widgets.line(css_classes=["controls"])
        parts = self._verdict, self._services, self.controls
        self.root: Any = widgets.line(*parts, css_classes=["header"], sizing_mode="stretch_width")

    def tell(self, now_ms: int) -> None:
        """Bring it up to this moment."""
        beats = missed(self._feed.beats.values(), now_ms)
        overall = self._overall(beats, now_ms)
        html = (
            f"<div class='lamp {overall.level}'></div><div><b>{escape(overall.words)}</b>"
            f"<small>{escape(printable(overall.why))}</small></div>"
        )
        if html != self._verdict.text:
            self._verdict.text = html
        html = "".join(_service(beat, now_ms) for beat in beats)
        if html != self._services.text:
            self._services.text = html

    def _overall(self, beats: Sequence[Heartbeat], now_ms: int) -> Condition:
        if self._feed.trouble:
            return Condition(Level.ERROR, "Kafka cannot be reached", self._feed.trouble)
        told = {info.name for beat in beats for info in beat.histograms}
        seen = [each.histogram for name, each in self._feed.seen.items() if name in told]
        conditions = [of_service(beat, now_ms) for beat in beats]
        conditions += [of_histogram(histogram, now_ms) for histogram in seen]
        return verdict(conditions, len(told), sum(map(_events_per_s, beats)))


def _events_per_s(beat: Heartbeat) -> float:
    """What all workers read; a stream that several of them need counts as often."""
    return sum(worker.load.events_per_s for worker in beat.workers if worker.load is not None)


def _service(beat: Heartbeat, now_ms: int) -> str:
    condition, who = of_service(beat, now_ms), beat.identity
    states = Counter(str(worker.state).lower() for worker in beat.workers)
    workers = ", ".join(f"{number} {state}" for state, number in sorted(states.items())) or "no workers"
    lag = max((info.lag for info in beat.histograms), default=0)
    restarts = sum(worker.restarts for worker in beat.workers)
    facts = {
        "reads": rate(_events_per_s(beat)),
        "lag": f"{short(lag)} messages",
        "workers": workers + (f", {restarts} replaced" if restarts else ""),
        "up": duration(who.uptime_ms),
    }
    name = escape(printable(who.id or who.name or "service"))
    place = escape(printable(f"{who.host}:{who.pid}" if who.host else ""))
    told = "".join(f"<span><i>{key}</i> {escape(value)}</span>" for key, value in facts.items())
    why, words = escape(condition.why, quote=True), escape(condition.words)
    return (
        f"<div class='service'><span class='chip {condition.level}' title='{why}'>{words}</span>"
        f"<b title='{place}'>{name}</b>{told}</div>"
    )
