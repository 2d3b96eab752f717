"""What all pages show: one thread follows histograms and heartbeats, as long as somebody looks."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from histsvc.client import BrokerError, Client, Following, Heartbeat, Histogram, HistogramFollowing, State
from histsvc.clock import Clock, now_ms
from histsvc.view.dashboard.history import History

_log = logging.getLogger(__name__)
_POLL_S = 0.1
_AGAIN_S = 1.0
_JOIN_S = 20.0
# Somebody who reloads the page finds everything still there.
_LINGER_S = 10.0
# What has ended, and is told by no service any more, is forgotten after this.
_FORGOTTEN_MS = 3_600_000


@dataclass(eq=False)
class Seen:
    """The newest of a histogram: `version` rises with each one."""

    histogram: Histogram
    version: int = 0
    history: History = field(default_factory=History)


class Feed:
    """Follows everything that heartbeats tell of; pages look at it from their own thread."""

    def __init__(self, connect: Callable[[], Client], clock: Clock) -> None:
        self.trouble = ""
        self._connect = connect
        self._clock = clock
        self._seen: Mapping[str, Seen] = {}
        self._beats: Mapping[str, Heartbeat] = {}
        self._watchers = 0
        self._left_s = clock.monotonic_s()
        self._wake = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def close(self) -> None:
        """End; waits for the thread, which may wait for brokers."""
        with self._wake:
            self._ended = True
            self._wake.notify_all()
        self._thread.join(_JOIN_S)

    @property
    def seen(self) -> Mapping[str, Seen]:
        """The newest of each histogram, by id."""
        return self._seen

    @property
    def beats(self) -> Mapping[str, Heartbeat]:
        """The newest heartbeat of each service."""
        return self._beats

    def watch(self) -> None:
        """One more page looks."""
        with self._wake:
            self._watchers += 1
            self._wake.notify_all()
            _log.info("pages open: %d", self._watchers)

    def leave(self) -> None:
        """One page less."""
        with self._wake:
            self._watchers -= 1
            self._left_s = self._clock.monotonic_s()
            _log.info("pages open: %d", self._watchers)

    def _run(self) -> None:
        while self._go_on():
            try:
                with self._connect() as client:
                    histograms, beats = client.follow(), client.heartbeats()
                    while self._go_on():
                        self._take(histograms, beats)
            except BrokerError as error:
                _log.warning("brokers do not answer: %s", error)
                self.trouble = str(error)
                with self._wake:
                    self._wake.wait_for(lambda: self._ended, _AGAIN_S)

    def _go_on(self) -> bool:
        """Wait until somebody looks; False at the end."""
        with self._wake:
            self._wake.wait_for(lambda: self._ended or self._is_watched())
            return not self._ended

    def _is_watched(self) -> bool:
        return self._watchers > 0 or self._clock.monotonic_s() - self._left_s < _LINGER_S

    def _take(self, histograms: HistogramFollowing, beats: Following[Heartbeat]) -> None:
        changed = histograms.poll(_POLL_S)
        beats.poll(0)
        self.trouble = ""
        self._beats = dict(beats.latest)
        seen = dict(self._seen)
        for histogram in changed:
            mine = seen.setdefault(histogram.id, Seen(histogram))
            mine.history.add(histogram, self._clock.now_ns())
            mine.histogram = histogram
            mine.version += 1
        told = [info.name for beat in self._beats.values() for info in beat.histograms]
        for name in self._forgotten(seen, told):
            del seen[name]
            histograms.latest.pop(name, None)
        # In the order in which they were asked for; then what has ended.
        self._seen = {name: seen[name] for name in dict.fromkeys([*told, *seen]) if name in seen}

    def _forgotten(self, seen: Mapping[str, Seen], told: Sequence[str]) -> list[str]:
        now = now_ms(self._clock)
        return [
            name
            for name, each in seen.items()
            if each.histogram.state is State.FINISHED
            and name not in told
            and each.histogram.published_ago_ms(now) > _FORGOTTEN_MS
        ]
