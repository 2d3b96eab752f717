"""What a histogram had some time ago, so that what came in the last seconds can be told."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from histsvc.client import Histogram

WINDOWS_S = (10, 60, 600)
# A histogram of more bins is kept only while somebody wants to have it, and fewer of its moments.
_SMALL_BINS = 200_000
_WANTED_NS = 30_000_000_000
# Moments of the past may lie apart from each other by this part of their age.
_APART_SMALL, _APART_LARGE = 0.05, 0.25
_LEAST_NS = 500_000_000
_LONGEST_NS = WINDOWS_S[-1] * 1_500_000_000


@dataclass(frozen=True, eq=False)
class Moment:
    """Counts as they were published at a time, both times in ns since the epoch."""

    published_ns: int
    last_pulse_ns: int
    counts: npt.NDArray[np.generic]


class History:
    """Moments of one histogram, closer to each other the younger they are."""

    def __init__(self) -> None:
        self._moments: list[Moment] = []
        self._identity: tuple[object, ...] = ()
        self._wanted_ns = 0

    def want(self, now_ns: int) -> None:
        """Somebody looks at the last seconds; to be said again and again."""
        self._wanted_ns = now_ns

    def add(self, histogram: Histogram, now_ns: int) -> None:
        """Keep what was published; counts that begin again make what was before worthless."""
        info, counts = histogram.info, histogram.counts
        identity = (info.job, info.index, info.generation, info.epoch, counts.shape)
        if identity != self._identity:
            self._moments, self._identity = [], identity
        small = counts.size <= _SMALL_BINS
        if not small and now_ns - self._wanted_ns > _WANTED_NS:
            self._moments = []
            return
        self._moments.append(Moment(histogram.timestamp_ns, info.last_pulse_time, _compact(counts)))
        self._thin(histogram.timestamp_ns, _APART_SMALL if small else _APART_LARGE)

    def before(self, seconds: float) -> Moment | None:
        """The moment so many seconds before the newest, or the oldest there is; None without any."""
        moments = self._moments  # another thread may put others there
        if len(moments) < 2:
            return None
        newest_ns = moments[-1].published_ns
        old = [each for each in moments if newest_ns - each.published_ns >= seconds * 1e9]
        return old[-1] if old else moments[0]

    def _thin(self, now_ns: int, apart: float) -> None:
        """Drop what leaves no larger gap between its neighbours than their age allows."""
        young = [each for each in self._moments if now_ns - each.published_ns <= _LONGEST_NS]
        kept = young[:1]
        for moment, after in itertools.pairwise(young[1:]):
            allowed_ns = max(_LEAST_NS, apart * (now_ns - moment.published_ns))
            if after.published_ns - kept[-1].published_ns > allowed_ns:
                kept.append(moment)
        self._moments = [*kept, *young[1:][-1:]]


def _compact(counts: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """Whole numbers in half of the memory, where they fit."""
    fits = counts.size > 0 and counts.min() >= 0 and counts.max() < 2**32
    small = counts.astype(np.uint32) if fits else counts
    return small if np.array_equal(small, counts) else counts
