"""Counts of a NeXus file, whoever wrote it: the signal of its default plot. Needs h5py (`histsvc[nexus]`)."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from histsvc.errors import needs

# A file says at each level what to plot by default: root, entry, data. More levels than these are a loop.
_LEVELS = 10


@dataclass(frozen=True, eq=False)
class Plotted:
    """The signal of a file, float64, and the seconds that it was counted for: 0 where it does not say."""

    signal: npt.NDArray[np.float64]
    seconds: float


def plotted(content: bytes) -> Plotted:
    """What a file plots by default; raises ValueError for what is no such file.

    How that is found: https://manual.nexusformat.org/datarules.html#find-plottable-data, version 3.
    """
    with needs("h5py", "nexus", "files"):
        import h5py
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            entry, data = _default(file)
            signal = np.asarray(data[_text(data.attrs["signal"])], np.float64)
            return Plotted(signal, _seconds(entry))
    except (OSError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise ValueError(f"it is no NeXus file with a signal to plot: {error}") from error


def _default(file: Any) -> tuple[Any, Any]:
    """The group that has the data, and that which it is in."""
    above, group = file, file
    for _ in range(_LEVELS):
        if "signal" in group.attrs:
            return above, group
        above, group = group, group[_text(group.attrs["default"])]
    raise KeyError("it goes round in circles")


def _seconds(entry: Any) -> float:
    """From start to end of an entry."""
    if "start_time" not in entry or "end_time" not in entry:
        return 0.0
    try:
        begin, end = (datetime.fromisoformat(_text(entry[name][()])) for name in ("start_time", "end_time"))
        return max(0.0, (end - begin).total_seconds())
    except (TypeError, ValueError):
        return 0.0  # times that nobody can read, or one with a zone and one without


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
