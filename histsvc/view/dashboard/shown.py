"""What is drawn of a histogram: counts or counts per second, of all the time or of the last seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from histsvc.client import Histogram
from histsvc.view.dashboard.choice import Choice
from histsvc.view.dashboard.history import History


@dataclass(frozen=True, eq=False)
class Shown:
    """Counts, less those of `before`, times `scale`; `seconds` is the time of the data in which they came.

    `scale` is 1 for counts, and 1 / seconds for counts per second: 0 where the seconds are not known.
    """

    counts: npt.NDArray[Any]
    before: npt.NDArray[Any] | None
    seconds: float
    scale: float

    def values(self) -> npt.NDArray[np.float64]:
        """The values, float64, in the shape of the histogram."""
        return self.gained() * self.scale

    def gained(self) -> npt.NDArray[np.float64]:
        """The counts themselves, float64."""
        counts = np.asarray(self.counts, np.float64)
        return counts if self.before is None else counts - self.before


def shown(histogram: Histogram, history: History, choice: Choice, now_ns: int) -> Shown:
    """What to draw."""
    info = histogram.info
    before, first_ns = None, info.first_pulse_time
    if choice.window_s:
        history.want(now_ns)
        moment = history.before(choice.window_s)
        # Where nothing is known of the last seconds yet, nothing came in them.
        before = histogram.counts if moment is None else moment.counts
        first_ns = info.last_pulse_time if moment is None else moment.last_pulse_ns or first_ns
    seconds = max(0, info.last_pulse_time - first_ns) / 1e9 if first_ns else 0.0
    scale = 1.0
    if choice.per_s:
        scale = 1 / seconds if seconds else 0.0
    return Shown(histogram.counts, before, seconds, scale)
