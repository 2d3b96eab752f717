"""roihist: regions of interest, rows of consecutive pixel ids from each left edge, as an image."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from histsvc.histograms.base import HistogramConfig
from histsvc.histograms.image import image_snapshot
from histsvc.histograms.keys import Count, LeftEdges
from histsvc.histograms.region import table_bytes
from histsvc.histograms.simulation import ANY_TOF_NS, peak, peaks
from histsvc.histograms.spill import SpillingAccumulator
from histsvc.model import EventBatch, Int64Array, Snapshot


class RoihistConfig(HistogramConfig):
    """Configuration of roihist: `width` ids from each of `left_edges`."""

    needs_tof: ClassVar[bool] = False
    needs_pixel: ClassVar[bool] = True

    type: Literal["roihist"]
    left_edges: LeftEdges
    width: Count

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the published data."""
        return (self.width, len(self.left_edges))

    @property
    def table_bytes(self) -> int:
        """For the regions."""
        return table_bytes(len(self.left_edges))

    def axes(self) -> dict[str, npt.NDArray[np.float64]]:
        """Edges 0..width and 0..rows."""
        return {
            "x": np.arange(self.width + 1, dtype=np.float64),
            "row": np.arange(len(self.left_edges) + 1, dtype=np.float64),
        }

    def simulated(self, draw: np.random.Generator, events: int) -> tuple[Int64Array, Int64Array]:
        """A peak in the middle of every row; only the rows that one schema carries together."""
        return peak(draw, *ANY_TOF_NS, events), peaks(draw, self.left_edges, self.width, events)

    def accumulator(self) -> Roihist:
        """Make an empty accumulator."""
        return Roihist(self)


class Roihist(SpillingAccumulator):
    """Counts per row and pixel in it, int64 (rows, width); a pixel in two rows counts in both."""

    def __init__(self, config: RoihistConfig) -> None:
        from histsvc.kernels import regions, roihist, transpose  # loads numba: only where events are filled

        super().__init__(config, (len(config.left_edges), config.width))
        self._regions = regions.regions(np.array(config.left_edges, np.int64), config.width)
        self._fill = roihist.fill
        self._turn = transpose.transpose

    def fill_events(self, rows: Int64Array, batch: EventBatch) -> None:
        """Count messages that have pixel ids."""
        self._fill(rows, batch.table, *self._regions, self._low, self._high, self.tally)

    def _as_filled(self, counts: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return counts.T

    def snapshot(self) -> Snapshot:
        """Counts (width, rows), indexed [x][row]."""
        return image_snapshot(self._output(self._turn), "row")
