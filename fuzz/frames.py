"""What is a frame of a monitor (da00), said once more, by the field's usual decoder and numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from streaming_data_types.dataarray_da00 import Variable, deserialise_da00

from fuzz import stock
from histsvc.model import Int64Array

_NAMES = ("frame_time", "time_of_arrival", "tof")
_NS = {None: 1, "": 1, "ns": 1, "us": 1000, "\u00b5s": 1000, "\u03bcs": 1000, "ms": 10**6, "s": 10**9}
_MOST_VARIABLES, _LONGEST_NAME, _MOST_COUNTS = 100, 1000, 2**53


@dataclass(frozen=True, eq=False)
class Counts:
    """A frame: `counts` is int64 (bins,), `edges_ns` is float64 (bins + 1,)."""

    source: str
    time_ns: int
    edges_ns: npt.NDArray[np.float64]
    counts: Int64Array

    @property
    def size(self) -> int:
        """How many events it stands for."""
        return int(self.counts.sum())


def read(payload: bytes) -> Counts | None:
    """The frame, or None where there is none that can be counted; raises stock.Unreadable."""
    array = stock.read(deserialise_da00, payload)
    lines = [each for each in array.data if len(each.axes) == len(each.shape) == 1]
    names = [text for each in lines for text in (each.name, each.axes[0])]
    texts = [each.name for each in array.data if not each.axes and isinstance(each.data, str)]
    if len(array.data) > _MOST_VARIABLES or not all(map(_is_name, (array.source_name, *names, *texts))):
        return None
    if "info" in texts:  # what a service publishes
        return None
    signal = _only([each for each in lines if each.name == "signal"])
    edges = _edges_of(signal, lines) if signal is not None else None
    if signal is None or edges is None or edges.unit not in _NS or isinstance(edges.unit, stock.CutText):
        return None
    with np.errstate(all="ignore"):
        counts, edges_ns = _whole(signal.data), _ascending(edges.data, _NS[edges.unit])
    if counts is None or edges_ns is None:
        return None
    return Counts(array.source_name, array.timestamp_ns, edges_ns, counts)


def _is_name(text: str) -> bool:
    return len(text.encode()) <= _LONGEST_NAME and not isinstance(text, stock.CutText)


def _only(lines: list[Variable]) -> Variable | None:
    return lines[0] if len(lines) == 1 else None


def _edges_of(signal: Variable, lines: list[Variable]) -> Variable | None:
    fitting = [each for each in lines if each.axes == signal.axes and each.shape[0] == signal.shape[0] + 1]
    for name in (*_NAMES, signal.axes[0]):
        named = [each for each in fitting if each.name == name]
        if named:
            return _only(named)
    return _only(fitting)


def _whole(values: object) -> Int64Array | None:
    """Whole numbers from 0 up whose sum is exact as a double."""
    if not isinstance(values, np.ndarray) or values.size == 0 or not np.all(np.isfinite(values)):
        return None
    numbers = [int(value) for value in values.tolist()]
    if any(n != value or n < 0 for n, value in zip(numbers, values.tolist(), strict=True)):
        return None
    return np.array(numbers, np.int64) if sum(numbers) <= _MOST_COUNTS else None


def _ascending(values: object, factor: int) -> npt.NDArray[np.float64] | None:
    if not isinstance(values, np.ndarray):
        return None
    edges: npt.NDArray[np.float64] = values.astype(np.float64) * float(factor)
    steps = np.diff(edges)
    fine = np.all(np.isfinite(edges)) and np.all(steps > 0) and np.isfinite(edges[-1] - edges[0])
    return edges if fine else None


def assert_sound(read: Counts) -> None:
    """Assert what holds for every frame, wherever it comes from."""
    assert read.edges_ns.shape == (read.counts.size + 1,)
    assert read.counts.size > 0
    assert read.counts.min() >= 0
    assert sum(read.counts.tolist()) <= _MOST_COUNTS
    assert np.isfinite(read.edges_ns).all()
    assert (np.diff(read.edges_ns) > 0).all()
