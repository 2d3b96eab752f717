"""What numpy counts of the events that were sent, while they are sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from histsvc.client import Histogram

Counts = npt.NDArray[Any]

TOF_END_NS, TOF_BINS = 100_000_000, 50
# Pixel ids are from 1 on, and some lie outside of the image.
WIDTH = HEIGHT = 64
PIXELS = WIDTH * HEIGHT + 100
LEFTS, ROW = (1, 500, 4000), 100
TOF_RANGE, DET_RANGE = (0, TOF_END_NS), (1, WIDTH * HEIGHT)


def _map(tof: Counts, pixel: Counts) -> Counts:
    ranges = TOF_RANGE, DET_RANGE
    return np.histogram2d(tof, pixel, bins=(TOF_BINS, TOF_BINS), range=ranges)[0]


def _image(tof: Counts, pixel: Counts) -> Counts:
    inside = pixel[pixel <= WIDTH * HEIGHT] - 1
    return np.bincount(inside, minlength=WIDTH * HEIGHT).reshape(HEIGHT, WIDTH).T


def _regions(tof: Counts, pixel: Counts) -> Counts:
    rows = [
        np.bincount(pixel[(left <= pixel) & (pixel < left + ROW)] - left, minlength=ROW) for left in LEFTS
    ]
    return np.array(rows).T


ORACLES = {
    "hist1d": lambda tof, pixel: np.histogram(tof, bins=TOF_BINS, range=TOF_RANGE)[0],
    "hist2d": _map,
    "dethist": _image,
    "roihist": _regions,
}
KEYS: dict[str, dict[str, Any]] = {
    "hist1d": {"tof_range": list(TOF_RANGE), "num_bins": TOF_BINS},
    "hist2d": {"tof_range": list(TOF_RANGE), "det_range": list(DET_RANGE), "num_bins": TOF_BINS},
    "dethist": {"det_range": list(DET_RANGE), "width": WIDTH, "height": HEIGHT},
    "roihist": {"left_edges": list(LEFTS), "width": ROW},
}


@dataclass
class Expected:
    """What a histogram of some topics has to have."""

    kind: str
    topics: tuple[str, ...]
    messages: int = 0
    bad: int = 0
    events: int = 0
    counts: Counts = field(default_factory=lambda: np.zeros(()))

    def add(self, topic: str, tof: Counts, pixel: Counts) -> None:
        """A good message was sent to a topic."""
        if topic in self.topics:
            self.messages += 1
            self.events += tof.size
            self.counts = self.counts + ORACLES[self.kind](tof, pixel)

    def add_bad(self, topic: str) -> None:
        """A message was sent that nobody can count."""
        if topic in self.topics:
            self.messages += 1
            self.bad += 1

    def lack(self, found: Histogram | None) -> str | None:
        """What is not as it has to be, None where everything is."""
        if found is None:
            return "it was not published"
        info = found.info
        if info.messages != self.messages:
            return f"{info.messages} messages instead of {self.messages} ({info.state}, {info.error_message})"
        if info.undecodable + info.other_schema != self.bad:
            return f"{info.undecodable} + {info.other_schema} bad messages instead of {self.bad}"
        accounted = info.sum + info.underflow + info.overflow + info.filtered + info.out_of_window
        if accounted != self.events:
            return f"{accounted} events are accounted for instead of {self.events}"
        if not np.array_equal(found.counts, self.counts):
            return f"other counts than numpy's: {found.counts.sum():.0f} instead of {self.counts.sum():.0f}"
        return None
