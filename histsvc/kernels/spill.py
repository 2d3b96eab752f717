"""Counts of many bins: bytes that are counted in, and where they spill over, int64 (docs/adr/0022)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from histsvc.kernels.jit import helper
from histsvc.model import Int64Array

Bytes = npt.NDArray[np.uint8]
_FULL = 256


@helper
def count(low: Bytes, high: Int64Array, i: int | np.integer[Any]) -> None:
    """Count one event in bin `i`: in `low`, uint8, and each 256th in `high`, int64, both (bins + 1,)."""
    more = np.uint8(low[i] + np.uint8(1))
    low[i] = more
    if more == 0:
        high[i] += _FULL
