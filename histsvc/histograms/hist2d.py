"""hist2d: ``np.histogram2d`` of times of flight and pixel ids."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BeforeValidator

from histsvc.histograms.base import HistogramConfig, check_edges, regular_edges
from histsvc.histograms.keys import Count, Range, whole
from histsvc.histograms.simulation import carried, peak
from histsvc.histograms.spill import SpillingAccumulator
from histsvc.model import EventBatch, Int64Array, Role, Snapshot, Variable


def _both(value: Any) -> Any:
    """One number of bins stands for both axes."""
    if isinstance(value, list | tuple):
        return value
    if whole(value) < 1:
        raise ValueError("it must be at least 1")
    return value, value


class Hist2dConfig(HistogramConfig):
    """Configuration of hist2d; `num_bins` one number for both axes or [tof bins, pixel bins]."""

    needs_tof: ClassVar[bool] = True
    needs_pixel: ClassVar[bool] = True

    type: Literal["hist2d"]
    tof_range: Range
    det_range: Range
    num_bins: Annotated[
        tuple[Count, Count], BeforeValidator(_both, json_schema_input_type=Count | tuple[Count, Count])
    ]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the published data."""
        return self.num_bins

    def check(self) -> None:
        """Raise ValueError where the bins are too fine for numpy."""
        check_edges("num_bins", self.num_bins[0], self.tof_range)
        check_edges("num_bins", self.num_bins[1], self.det_range)

    def axes(self) -> dict[str, npt.NDArray[np.float64]]:
        """Edges of the time of flight in ns and of the pixel ids, float64 (bins + 1,) each."""
        return {
            "time_of_flight": regular_edges("num_bins", self.num_bins[0], self.tof_range),
            "pixel": regular_edges("num_bins", self.num_bins[1], self.det_range),
        }

    def simulated(self, draw: np.random.Generator, events: int) -> tuple[Int64Array, Int64Array]:
        """A peak in the middle of both ranges."""
        tof_ns = peak(draw, *carried(*self.tof_range), events)
        return tof_ns, peak(draw, *carried(*self.det_range), events)

    def accumulator(self) -> Hist2d:
        """Make an empty accumulator."""
        return Hist2d(self)


class Hist2d(SpillingAccumulator):
    """Counts per time-of-flight bin and pixel bin, int64 (tof bins, pixel bins)."""

    def __init__(self, config: Hist2dConfig) -> None:
        from histsvc.kernels import axis, hist2d  # loads numba: only where events are filled

        super().__init__(config, config.num_bins)
        self._edges = config.axes()
        self._tof = axis.axis(self._edges["time_of_flight"])
        self._pixel = axis.axis(self._edges["pixel"])
        self._fill = hist2d.fill

    def fill_events(self, rows: Int64Array, batch: EventBatch) -> None:
        """Count messages that have times of flight and pixel ids."""
        self._fill(rows, batch.table, *self._tof, *self._pixel, self._low, self._high, self.tally)

    def snapshot(self) -> Snapshot:
        """Counts (tof bins, pixel bins) and the edges of both."""
        tof, pixel = "time_of_flight", "pixel"
        counts = self._output(lambda high, low, out: np.add(high, low, out=out, casting="unsafe"))
        return Snapshot(
            (
                Variable("counts", Role.COUNTS, (tof, pixel), counts, "counts"),
                Variable("tof_edges", Role.EDGES, (tof,), self._edges[tof], "ns", "time of flight"),
                Variable("pixel_edges", Role.EDGES, (pixel,), self._edges[pixel], "", "pixel id"),
            )
        )
