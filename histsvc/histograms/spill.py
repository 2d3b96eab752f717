"""What the types with many bins share: counts in bytes, which caches hold better (docs/adr/0022)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from histsvc.histograms.base import Accumulator, HistogramConfig
from histsvc.model import Int64Array

Bytes = npt.NDArray[np.uint8]
Counts = npt.NDArray[Any]
"""uint32 or int64."""


class SpillingAccumulator(Accumulator):
    """Counts whose lowest eight bits are kept apart.

    `_low`, uint8, and `_high`, int64, are both (bins + 1,); the last one has no meaning.
    """

    def __init__(self, config: HistogramConfig, shape: tuple[int, ...]) -> None:
        bins = math.prod(shape)
        self._low, self._high = np.zeros(bins + 1, np.uint8), np.zeros(bins + 1, np.int64)
        # Without the last, in the shape of the bins.
        self._bytes = self._low[:-1].reshape(shape)
        super().__init__(config, self._high[:-1].reshape(shape))

    @property
    def counts(self) -> Int64Array:
        """The counts, int64, brought together."""
        self._high += self._low
        self._low[:] = 0
        return super().counts

    def _output(self, add: Callable[[Int64Array, Bytes, Counts], object]) -> Counts:
        """A copy of the counts in the shape of the output, for which `add` writes the sums of both parts.

        It is uint32 as long as that holds all counts together, then int64.
        """
        dtype = np.uint32 if self.sum <= np.iinfo(np.uint32).max else np.int64
        # Memory that is zero already, and not touched before it is read.
        out: Counts = np.zeros(self.config.shape, dtype)
        if self.sum:
            add(self._counts, self._bytes, out)
        return out
