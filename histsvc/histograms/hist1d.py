"""hist1d: ``np.histogram`` of times of flight, of pixels in a range or in a region where one is given."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator, ConfigDict, ValidationInfo
from pydantic.config import JsonDict

from histsvc.histograms.base import Accumulator, HistogramConfig, check_edges, regular_edges
from histsvc.histograms.frames import add_frame
from histsvc.histograms.keys import Count, Range
from histsvc.histograms.region import Region
from histsvc.histograms.simulation import ANY_PIXELS, carried, peak, peaks
from histsvc.model import Batch, EventBatch, FrameBatch, Int64Array, Role, Snapshot, Variable

_OTHER_EDGES = (
    "frames with other bin edges were counted: each of their bins went whole to the bin that holds its centre"
)
# 32-bit pixel ids, signed or unsigned, lie between these.
_LEAST_PIXEL, _MOST_PIXEL = -(1 << 31), (1 << 32) - 1
# What `_alone` asks for, as a JSON Schema.
_BOTH: JsonDict = {
    "required": ["det_range", "region"],
    "properties": {"det_range": {"type": "array"}, "region": {"type": "object"}},
}


def _alone(region: Region | None, info: ValidationInfo) -> Region | None:
    det_range = info.data.get("det_range")
    if region is not None and det_range is not None:
        raise ValueError(f"det_range ({list(det_range)}) is given, too; give one of them")
    return region


class Hist1dConfig(HistogramConfig):
    """Configuration of hist1d; `tof_range` in ns.

    Only pixels from the first to the last of `det_range` count, or only those of `region`.
    """

    model_config = ConfigDict(json_schema_extra={"not": _BOTH})

    takes: ClassVar[tuple[type[Batch], ...]] = (EventBatch, FrameBatch)
    needs_tof: ClassVar[bool] = True
    needs_pixel: ClassVar[bool] = False

    type: Literal["hist1d"]
    tof_range: Range
    num_bins: Count
    det_range: Range | None = None
    region: Annotated[Region | None, AfterValidator(_alone)] = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the published data."""
        return (self.num_bins,)

    @property
    def table_bytes(self) -> int:
        """For the region."""
        return self.region.table_bytes if self.region else 0

    def check(self) -> None:
        """Raise ValueError where the bins are too fine for numpy."""
        check_edges("num_bins", self.num_bins, self.tof_range)

    def axes(self) -> dict[str, npt.NDArray[np.float64]]:
        """Edges of the time of flight in ns, float64 (num_bins + 1,)."""
        return {"time_of_flight": regular_edges("num_bins", self.num_bins, self.tof_range)}

    def pixels(self) -> tuple[int, int]:
        """First and last pixel id that counts; wide enough for all where no det_range is given."""
        first, last = self.det_range or (_LEAST_PIXEL, _MOST_PIXEL)
        # Beyond 32 bits a limit changes nothing, and int64 may not hold it.
        return (
            math.ceil(min(max(first, _LEAST_PIXEL), _MOST_PIXEL + 1)),
            math.floor(min(max(last, _LEAST_PIXEL - 1), _MOST_PIXEL)),
        )

    def simulated(self, draw: np.random.Generator, events: int) -> tuple[Int64Array, Int64Array]:
        """A peak in the middle of tof_range and one in det_range; without pixel ids where that has none.

        With a region one in each of its rows.
        """
        tof_ns = peak(draw, *carried(*self.tof_range), events)
        if self.region:
            return tof_ns, peaks(draw, self.region.left_edges, self.region.width, events)
        pixel_id = peak(draw, *(carried(*self.det_range) if self.det_range else ANY_PIXELS), events)
        first, last = self.pixels()
        return tof_ns, pixel_id[(first <= pixel_id) & (pixel_id <= last)]

    def accumulator(self) -> Hist1d:
        """Make an empty accumulator."""
        return Hist1d(self)


class Hist1d(Accumulator):
    """Counts per time-of-flight bin, int64 (num_bins,)."""

    def __init__(self, config: Hist1dConfig) -> None:
        from histsvc.kernels import axis, hist1d, regions  # loads numba: only where events are filled

        self._room = np.zeros(config.num_bins + 1, np.int64)
        super().__init__(config, self._room[:-1])
        self._edges = config.axes()["time_of_flight"]
        self._axis = axis.axis(self._edges)
        self._fill: Callable[..., None] = hist1d.fill
        self._filter: tuple[Any, ...] = config.pixels()
        if config.region:
            lefts = np.array(config.region.left_edges, np.int64)
            self._fill = hist1d.fill_region
            self._filter = regions.held(lefts, config.region.width)

    def fill_events(self, rows: Int64Array, batch: EventBatch) -> None:
        """Count messages that have times of flight."""
        self._fill(rows, batch.table, *self._axis, *self._filter, self._room, self.tally)

    def fill_frames(self, rows: Int64Array, batch: FrameBatch) -> None:
        """Count messages that are histograms of times of flight; no pixels are filtered."""
        for row in rows.tolist():
            frame = batch.frames[row]
            if frame is not None and add_frame(frame, self._edges, self.counts, self.tally):
                self.warning = self.warning or _OTHER_EDGES

    def snapshot(self) -> Snapshot:
        """Counts (tof bins,) and edges in ns."""
        dim = "time_of_flight"
        return Snapshot(
            (
                Variable("counts", Role.COUNTS, (dim,), self.counts.copy(), "counts"),
                Variable("tof_edges", Role.EDGES, (dim,), self._edges, "ns", "time of flight"),
            )
        )
