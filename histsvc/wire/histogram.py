"""Received histograms; and what hs00 and hs01 have in common: one data array and an axis per dimension."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import flatbuffers
import numpy as np
import numpy.typing as npt

from histsvc.model import Snapshot, Variable
from histsvc.wire import in_place

# Slots of the table EventHistogram, and the number of its union's member ArrayDouble, in both schemas.
_SOURCE, _TIMESTAMP, _DIM_METADATA, _SHAPE, _DATA_TYPE, _DATA, _INFO = 0, 1, 2, 4, 6, 7, 10
_DOUBLE = 3
_NAMES = {"time of flight": "tof", "pixel id": "pixel"}
DA00_VARIABLES = ("signal", "errors", "start_time", "end_time", "info")
"""What histograms have in da00 beside the edges of their axes: nothing that an axis can be called."""


class Traits(NamedTuple):
    """What UHI asks of an axis: whether it goes round, and whether its bins are no intervals."""

    circular: bool = False
    discrete: bool = False


@dataclass(frozen=True, eq=False)
class Axis:
    """One axis of a received histogram: `edges` (bins + 1,); `name` is short, `label` is for people.

    As a sequence it is what plotters of scikit-hep's UHI expect (``uhi.typing.plottable.PlottableAxis``): of
    each bin its lower and upper edge.
    """

    edges: npt.NDArray[Any]
    unit: str
    label: str
    name: str = ""

    @property
    def traits(self) -> Traits:
        """Bins are intervals from one end to the other."""
        return Traits()

    def __len__(self) -> int:
        return max(0, self.edges.size - 1)

    def __getitem__(self, bin_number: int) -> tuple[float, float]:
        """Lower and upper edge of a bin, from the end where negative; raises IndexError where it is none."""
        lower = range(len(self))[bin_number]
        return float(self.edges[lower]), float(self.edges[lower + 1])

    def __iter__(self) -> Iterator[tuple[float, float]]:
        return pairwise(map(float, self.edges))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Axis):
            return NotImplemented
        told = (self.name, self.label, self.unit) == (other.name, other.label, other.unit)
        return told and np.array_equal(self.edges, other.edges)

    def __hash__(self) -> int:
        return hash((self.name, self.label, self.unit, len(self)))


@dataclass(frozen=True, eq=False)
class HistogramMessage:
    """A received histogram; `info` is JSON text, `timestamp_ns` when it was published."""

    schema: str
    source: str
    timestamp_ns: int
    axes: tuple[Axis, ...]
    data: npt.NDArray[Any]
    info: str


def message(
    schema: str,
    integers: Sequence[type[np.integer[Any]]],
    snapshot: Snapshot,
    source: str,
    timestamp_ns: int,
    info: str,
) -> bytes:
    """Make a message of a snapshot; both schemas have the same tables, but for the names of their arrays.

    Counts go out as the first of `integers` that holds them all, else as float64: whole, exact up to 2⁵³.
    They are converted into the message itself, which is nowhere copied.
    """
    counts = snapshot.counts
    axes = [snapshot.edges(dim) for dim in counts.dims]
    dtype = smallest(counts.data, integers)
    kind = 1 + integers.index(dtype.type) if dtype.type in integers else _DOUBLE
    size = counts.data.size * dtype.itemsize + sum(axis.data.size for axis in axes) * 8
    made, builder = in_place.begin(size + len(info.encode()) + len(source.encode()))
    source_at, info_at = builder.CreateString(source), builder.CreateString(info)
    shape_at = builder.CreateNumpyVector(np.array(counts.data.shape, np.uint32))
    axes_at = in_place.offsets(builder, [_axis(builder, axis) for axis in axes])
    data_at = _array(builder, counts.data, dtype)
    builder.StartObject(11)
    builder.PrependUOffsetTRelativeSlot(_INFO, info_at, 0)
    builder.PrependUOffsetTRelativeSlot(_DATA, data_at, 0)
    builder.PrependUOffsetTRelativeSlot(_SHAPE, shape_at, 0)
    builder.PrependUOffsetTRelativeSlot(_DIM_METADATA, axes_at, 0)
    builder.PrependInt64Slot(_TIMESTAMP, timestamp_ns, 0)
    builder.PrependUOffsetTRelativeSlot(_SOURCE, source_at, 0)
    builder.PrependUint8Slot(_DATA_TYPE, kind, 0)
    in_place.finish(builder, schema, builder.EndObject())
    return made


def smallest(counts: npt.NDArray[Any], integers: Sequence[type[np.integer[Any]]]) -> np.dtype[Any]:
    """The type in which counts go out: the first of `integers` that holds them all, else float64."""
    most = int(counts.max(initial=0))
    return np.dtype(next((each for each in integers if most <= np.iinfo(each).max), np.float64))


def _axis(builder: flatbuffers.Builder, axis: Variable) -> int:
    unit_at, label_at = builder.CreateString(axis.unit), builder.CreateString(axis.label)
    edges_at = _array(builder, axis.data, np.dtype(np.float64))
    builder.StartObject(5)
    builder.PrependInt32Slot(0, axis.data.size - 1, 0)
    builder.PrependUOffsetTRelativeSlot(1, unit_at, 0)
    builder.PrependUOffsetTRelativeSlot(2, label_at, 0)
    builder.PrependUint8Slot(3, _DOUBLE, 0)
    builder.PrependUOffsetTRelativeSlot(4, edges_at, 0)
    offset: int = builder.EndObject()
    return offset


def _array(builder: flatbuffers.Builder, values: npt.NDArray[Any], dtype: np.dtype[Any]) -> int:
    """A table of one vector, which is converted in place."""
    in_place.place(builder, values.shape, dtype)[...] = values
    vector_at = builder.EndVector()
    builder.StartObject(1)
    builder.PrependUOffsetTRelativeSlot(0, vector_at, 0)
    offset: int = builder.EndObject()
    return offset


def received(schema: str, read: Mapping[str, Any]) -> HistogramMessage:
    """What the stock deserialisers give, made uniform."""
    names = axis_names([axis["label"] for axis in read["dim_metadata"]])
    return HistogramMessage(
        schema,
        read["source"],
        int(read["timestamp"]),
        tuple(
            Axis(np.asarray(axis["bin_boundaries"]), axis["unit"], axis["label"], name)
            for axis, name in zip(read["dim_metadata"], names, strict=True)
        ),
        np.asarray(read["data"]),
        read["info"],
    )


def axis_names(labels: Sequence[str]) -> list[str]:
    """What axes are called, each another name, by their labels, which is all that hs00 and hs01 have."""
    names: list[str] = []
    for number, label in enumerate(labels):
        name = _NAMES.get(label, label)
        free = name.isidentifier() and not name.startswith("dim_") and name not in (*names, *DA00_VARIABLES)
        names.append(name if free else f"dim_{number}")
    return names
