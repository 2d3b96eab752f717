"""Sends counts to Graphite in a thread of its own, so that nothing waits for it."""

from __future__ import annotations

import logging
import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress

import graphyte

from histsvc.ports import CountSample
from histsvc.settings import GraphiteSettings

_log = logging.getLogger(__name__)
# For each address of the host to connect, and then to take what is sent.
_TIMEOUT_S = 1.0
# How long the thread sleeps at most while there is nothing to do.
_IDLE_S = 0.5


class GraphiteMetrics:
    """A Metrics that sends each report over one connection, and no report that is not the newest."""

    def __init__(self, settings: GraphiteSettings, send: Callable[[bytes], None] | None = None) -> None:
        # Replaced, never changed: others read it while the thread counts.
        self.counters: Mapping[str, int] = {}
        self._settings = settings
        # Without an interval it has no thread and no queue: an unreachable host would fill that.
        self._graphyte = graphyte.Sender(
            settings.address,
            port=settings.port,
            prefix=settings.prefix,
            timeout=_TIMEOUT_S,
            interval=None,
            raise_send_errors=True,
        )
        self._send = send or self._graphyte.send_socket
        self._newest: queue.Queue[Sequence[CountSample]] = queue.Queue(maxsize=1)
        self._closed = False
        self._failing = False
        # A daemon: the service ends whatever Graphite does.
        threading.Thread(target=self._run, name="graphite", daemon=True).start()

    def report(self, samples: Sequence[CountSample]) -> None:
        """Send these next, instead of what has not been sent yet; to be called by one thread."""
        with suppress(queue.Empty):
            self._newest.get_nowait()
        self._newest.put_nowait(samples)

    def close(self) -> None:
        """Begin to send nothing any more, and say nothing more in the log; waits for nothing."""
        self._closed = True

    def _run(self) -> None:
        while not self._closed:
            try:
                samples = self._newest.get(timeout=_IDLE_S)
            except queue.Empty:
                continue
            if samples:
                self._send_all(samples)

    def _send_all(self, samples: Sequence[CountSample]) -> None:
        try:
            self._send(b"".join(self._lines(samples)))
        except Exception as error:  # noqa: BLE001 (this thread must go on; the failure is counted and told)
            self._failed(error)
        else:
            if self._failing and not self._closed:
                _log.info("Graphite at %s takes metrics again", self._place)
            self._failing = False

    def _lines(self, samples: Sequence[CountSample]) -> Iterator[bytes]:
        for sample in samples:
            name = f"{self._settings.metric}{sample.number}-0"
            yield self._graphyte.build_message(f"{name}-sum", sample.sum, sample.time_s)
            yield self._graphyte.build_message(f"{name}-diff", sample.diff, sample.time_s)

    def _failed(self, error: Exception) -> None:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        self.counters = Counter(self.counters) + Counter([f"graphite_failed.{reason}"])
        if not self._failing and not self._closed:
            _log.warning("Graphite at %s does not take metrics: %s; trying on", self._place, reason)
        self._failing = True

    @property
    def _place(self) -> str:
        return f"{self._settings.address}:{self._settings.port}"
