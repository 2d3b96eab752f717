"""Input that consists of histograms already."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from histsvc.model.payloads import Int64Array


@dataclass(frozen=True, eq=False)
class Frame:
    """A monitor's own histogram: `counts`, int64 (bins,), between `edges_ns`, float64 (bins + 1,).

    `source` is the name as it came, `time_ns` since the Unix epoch.
    """

    source: str
    time_ns: int
    edges_ns: npt.NDArray[np.float64]
    counts: Int64Array


@dataclass(frozen=True, eq=False)
class FrameBatch:
    """Messages that are histograms already; `frames` has None where `fault` says why there is none."""

    slot: Int64Array
    offset: Int64Array
    timestamp_ms: Int64Array
    fault: Int64Array
    schema: Int64Array
    source: Int64Array
    frames: tuple[Frame | None, ...]

    @property
    def reference_time_ns(self) -> Int64Array:
        """See Batch."""
        return np.array([frame.time_ns if frame else 0 for frame in self.frames], np.int64)

    @property
    def events(self) -> Int64Array:
        """The sum of the counts of each frame, int64 (messages,)."""
        return np.array([frame.counts.sum() if frame else 0 for frame in self.frames], np.int64)

    def lacks(self, *, tof: bool, pixel: bool) -> npt.NDArray[np.bool_]:
        """See Batch: a frame is of times of flight and knows no pixels."""
        return np.full(self.offset.size, pixel)
