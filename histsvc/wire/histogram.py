"""What hs00 and hs01 have in common: a Snapshot projected onto one data array and an axis per dimension."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from histsvc.model import Snapshot


@dataclass(frozen=True, eq=False)
class AxisMessage:
    """One axis of a received histogram: `edges` (bins + 1,)."""

    edges: npt.NDArray[Any]
    unit: str
    label: str


@dataclass(frozen=True, eq=False)
class HistogramMessage:
    """A received histogram; `info` is JSON text, `timestamp_ns` when it was published."""

    schema: str
    source: str
    timestamp_ns: int
    axes: tuple[AxisMessage, ...]
    data: npt.NDArray[Any]
    info: str


def content(
    snapshot: Snapshot, source: str, timestamp_ns: int, info: str, integers: Sequence[type[np.integer[Any]]]
) -> dict[str, Any]:
    """What the stock serialisers take.

    Counts go out as the first of `integers` that holds them all, else as float64: whole, exact up to 2⁵³.
    """
    counts = snapshot.counts
    axes = [snapshot.edges(dim) for dim in counts.dims]
    return {
        "source": source,
        "timestamp": timestamp_ns,
        "current_shape": list(counts.data.shape),
        "dim_metadata": [
            {
                "length": axis.data.size - 1,
                "bin_boundaries": axis.data.astype(np.float64),
                "unit": axis.unit,
                "label": axis.label,
            }
            for axis in axes
        ],
        "data": counts.data.astype(_dtype(counts.data, integers)),
        "info": info,
    }


def _dtype(
    counts: npt.NDArray[Any], integers: Sequence[type[np.integer[Any]]]
) -> type[np.integer[Any]] | type[np.float64]:
    most = int(counts.max(initial=0))
    return next((each for each in integers if most <= np.iinfo(each).max), np.float64)


def received(schema: str, read: Mapping[str, Any]) -> HistogramMessage:
    """What the stock deserialisers give, made uniform."""
    return HistogramMessage(
        schema,
        read["source"],
        int(read["timestamp"]),
        tuple(
            AxisMessage(np.asarray(axis["bin_boundaries"]), axis["unit"], axis["label"])
            for axis in read["dim_metadata"]
        ),
        np.asarray(read["data"]),
        read["info"],
    )
