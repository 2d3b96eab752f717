"""What the stock decoders return for a vector, made uniform."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def vector(read: object) -> npt.NDArray[np.int64]:
    """Turn a decoded vector, or the 0 that stands for an absent one, into int64 (events,)."""
    return read.astype(np.int64) if isinstance(read, np.ndarray) else np.empty(0, np.int64)
