"""dethist: one bin per pixel id of a detector, as an image."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator

from histsvc.histograms.base import HistogramConfig
from histsvc.histograms.image import image_snapshot
from histsvc.histograms.keys import Count, Range
from histsvc.histograms.simulation import ANY_TOF_NS, carried, peak
from histsvc.histograms.spill import SpillingAccumulator
from histsvc.model import EventBatch, Int64Array, Snapshot


def _whole_first(value: tuple[float, float]) -> tuple[float, float]:
    if value[0] != int(value[0]) or abs(value[0]) >= 2**53:
        raise ValueError("its first number is a pixel id and must be a whole number")
    return value


class DethistConfig(HistogramConfig):
    """Configuration of dethist: ids from det_range[0] on, `width` pixels a row, `height` rows."""

    needs_tof: ClassVar[bool] = False
    needs_pixel: ClassVar[bool] = True

    type: Literal["dethist"]
    det_range: Annotated[Range, AfterValidator(_whole_first)]
    width: Count
    height: Count

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the published data."""
        return (self.width, self.height)

    def axes(self) -> dict[str, npt.NDArray[np.float64]]:
        """Edges 0..width and 0..height."""
        return {
            "x": np.arange(self.width + 1, dtype=np.float64),
            "y": np.arange(self.height + 1, dtype=np.float64),
        }

    def simulated(self, draw: np.random.Generator, events: int) -> tuple[Int64Array, Int64Array]:
        """A blob in the middle of the image; what of it events cannot carry is spread over the rest."""
        x, y = (peak(draw, 0, size - 1, events) for size in (self.width, self.height))
        begin = int(self.det_range[0])
        first, last = carried(begin, begin + self.bins - 1)
        pixel_id = first + (begin - first + x + self.width * y) % (last - first + 1)
        return peak(draw, *ANY_TOF_NS, events), pixel_id

    def accumulator(self) -> Dethist:
        """Make an empty accumulator."""
        return Dethist(self)


class Dethist(SpillingAccumulator):
    """Counts per pixel, int64 (height, width): in the order of the ids."""

    def __init__(self, config: DethistConfig) -> None:
        from histsvc.kernels import dethist, transpose  # loads numba: only where events are filled

        super().__init__(config, (config.height, config.width))
        self._first = int(config.det_range[0])
        self._fill = dethist.fill
        self._turn = transpose.transpose

    def fill_events(self, rows: Int64Array, batch: EventBatch) -> None:
        """Count messages that have pixel ids."""
        self._fill(rows, batch.table, self._first, self._low, self._high, self.tally)

    def _as_filled(self, counts: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return counts.T

    def snapshot(self) -> Snapshot:
        """Counts (width, height), indexed [x][y]."""
        return image_snapshot(self._output(self._turn), "y")
