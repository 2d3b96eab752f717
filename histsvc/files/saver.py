"""Which histograms are written when: those that FINISHED always, the others as often as somebody wants."""

from __future__ import annotations

import logging
import zlib
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from histsvc.client import Histogram, State
from histsvc.clock import Clock, Every
from histsvc.files.writer import save

_log = logging.getLogger(__name__)
_AGAIN_S = 5.0
# What FINISHED and cannot be written waits in memory up to here, and behind that where it was published.
_MOST_OWED_BYTES = 1 << 30


@dataclass
class _Track:
    """One id: what is newest of it, what of that was written, and when it may be written again."""

    newest: Histogram
    due: Every
    written: object = None
    compared: Histogram | None = None

    def has_news(self) -> bool:
        """Whether the newest differs from what was written; found out once of each."""
        if self.newest is self.compared:
            return False
        if _key(self.newest) != self.written:
            return True
        self.compared = self.newest
        return False


class Saver:
    """Writes histograms into a folder; `written` is told of each file.

    With `every_s` also those that count, each at once and then so often where it has changed. What a disk
    does not take is written later: that is told in the log, and counted in `failures`.
    """

    def __init__(
        self, folder: Path, clock: Clock, *, every_s: float | None, written: Callable[[Path], None]
    ) -> None:
        self.failures = 0
        self._folder = folder
        self._clock = clock
        self._every_s = every_s
        self._written = written
        self._owed: deque[Histogram] = deque()
        self._tracks: dict[str, _Track] = {}
        self._again: Every | None = None

    @property
    def is_full(self) -> bool:
        """Whether so much waits for the disk that nothing more should be taken."""
        return sum(each.counts.nbytes for each in self._owed) >= _MOST_OWED_BYTES

    def take(self, histograms: Iterable[Histogram]) -> None:
        """Take what has come; every one that FINISHED is owed from now on."""
        for each in histograms:
            track = self._tracks.get(each.id)
            if track is None:
                self._tracks[each.id] = track = _Track(each, Every(self._clock, self._every_s or 0))
            elif each.timestamp_ns >= track.newest.timestamp_ns:
                track.newest = each
            if each.state is State.FINISHED:
                self._owed.append(each)

    def write(self) -> None:
        """Write what is owed and what is due, up to what fails of each; then again after some seconds."""
        if self._again is not None and not self._again.due():
            return
        before = self.failures
        while self._owed and self._save(self._owed[0]):
            self._owed.popleft()
        # Next time another one is tried first: one that is too large does not keep the others waiting.
        self._owed.rotate(-1)
        self._write_due()
        if self._again is not None and self.failures == before:
            self._again = None
            _log.warning("%s is written to again; it failed %d times until now", self._folder, self.failures)

    def _write_due(self) -> None:
        for name, track in list(self._tracks.items()):
            # To compare takes longer than to look at the clock.
            if track.due.remaining_s() > 0 or not self._has_news(track):
                continue
            if not self._save_newest(track):
                self._tracks[name] = self._tracks.pop(name)
                return
            track.due.due()

    def finish(self) -> int:
        """Write everything that is not yet written, each tried once; returns how many could not be."""
        left = [each for each in self._owed if not self._save(each)]
        self._owed = deque(left)
        tracks = [each for each in self._tracks.values() if self._has_news(each)]
        return len(left) + sum(not self._save_newest(each) for each in tracks)

    def _has_news(self, track: _Track) -> bool:
        """Whether there is anything to be written; what FINISHED is owed, and not written twice."""
        return self._every_s is not None and track.newest.state is not State.FINISHED and track.has_news()

    def _save_newest(self, track: _Track) -> bool:
        saved = self._save(track.newest)
        if saved:
            track.written, track.compared = _key(track.newest), track.newest
        return saved

    def _save(self, histogram: Histogram) -> bool:
        try:
            file = save(self._folder, histogram)
        except OSError as error:
            self._failed(error)
            return False
        self._written(file)
        return True

    def _failed(self, error: OSError) -> None:
        self.failures += 1
        if self._again is None:
            self._again = Every(self._clock, _AGAIN_S)
            self._again.due()
            about = "%s cannot be written to: %s; trying again every %g s"
            _log.warning(about, self._folder, error.strerror or error, _AGAIN_S)


def _key(histogram: Histogram) -> object:
    """What is another one after anything was counted, has failed or has begun anew."""
    info = histogram.info
    how = info.job, info.index, info.generation, info.state, info.error_message, info.warning
    return *how, histogram.counts.shape, zlib.crc32(np.ascontiguousarray(histogram.counts).data)
