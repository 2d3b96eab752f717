"""What hs00 and hs01 have in common: a Snapshot projected onto one data array and an axis per dimension."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import flatbuffers
import numpy as np
import numpy.typing as npt

from histsvc.model import Snapshot, Variable

# Slots of the table EventHistogram, and the number of its union's member ArrayDouble, in both schemas.
_SOURCE, _TIMESTAMP, _DIM_METADATA, _SHAPE, _DATA_TYPE, _DATA, _INFO = 0, 1, 2, 4, 6, 7, 10
_DOUBLE = 3
_NAMES = {"time of flight": "tof", "pixel id": "pixel"}
_from_string_and_size = ctypes.pythonapi.PyBytes_FromStringAndSize
_from_string_and_size.restype = ctypes.py_object
_from_string_and_size.argtypes = (ctypes.c_void_p, ctypes.c_ssize_t)
# More than all tables, units and labels take.
_MARGIN_BYTES = 4096


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
    kind, dtype = _kind(counts.data, integers)
    size = counts.data.size * dtype.itemsize + sum(axis.data.size for axis in axes) * 8
    made, room = _empty(size + len(info.encode()) + len(source.encode()) + _MARGIN_BYTES)
    builder = flatbuffers.Builder(0)
    builder.Bytes, builder.head = room, len(room)
    builder.ForceDefaults(True)
    source_at, info_at = builder.CreateString(source), builder.CreateString(info)
    shape_at = builder.CreateNumpyVector(np.array(counts.data.shape, np.uint32))
    axes_at = _offsets(builder, [_axis(builder, axis) for axis in axes])
    data_at = _array(builder, counts.data, dtype)
    builder.StartObject(11)
    builder.PrependUOffsetTRelativeSlot(_INFO, info_at, 0)
    builder.PrependUOffsetTRelativeSlot(_DATA, data_at, 0)
    builder.PrependUOffsetTRelativeSlot(_SHAPE, shape_at, 0)
    builder.PrependUOffsetTRelativeSlot(_DIM_METADATA, axes_at, 0)
    builder.PrependInt64Slot(_TIMESTAMP, timestamp_ns, 0)
    builder.PrependUOffsetTRelativeSlot(_SOURCE, source_at, 0)
    builder.PrependUint8Slot(_DATA_TYPE, kind, 0)
    table_at = len(room) - builder.EndObject()
    # The begin of a message says where its table is: what is between them is of no use, and of no harm.
    room[: builder.Head()] = bytes(builder.Head())
    struct.pack_into("<I4s", room, 0, table_at, schema.encode())
    return made


def _empty(size: int) -> tuple[bytes, memoryview]:
    """Make bytes, at least so many and a multiple of 8, and a view to write them before anybody reads them.

    The Python/C API has this for the purpose: https://docs.python.org/3/c-api/bytes.html.
    """
    made: bytes = _from_string_and_size(None, -(-size // 8) * 8)
    begin = id(made) + bytes.__basicsize__ - 1
    return made, memoryview((ctypes.c_uint8 * len(made)).from_address(begin)).cast("B")


def _kind(counts: npt.NDArray[Any], integers: Sequence[type[np.integer[Any]]]) -> tuple[int, np.dtype[Any]]:
    """How the counts go out: the number that the schemas have for the type, and the type."""
    most = int(counts.max(initial=0))
    for kind, each in enumerate(integers, start=1):
        if most <= np.iinfo(each).max:
            return kind, np.dtype(each)
    return _DOUBLE, np.dtype(np.float64)


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
    builder.StartVector(dtype.itemsize, values.size, dtype.itemsize)
    builder.head -= values.size * dtype.itemsize
    # Straight into the buffer, which is large enough from the start.
    place: npt.NDArray[Any] = np.frombuffer(builder.Bytes, dtype, values.size, builder.head)
    place.reshape(values.shape)[...] = values
    vector_at = builder.EndVector()
    builder.StartObject(1)
    builder.PrependUOffsetTRelativeSlot(0, vector_at, 0)
    offset: int = builder.EndObject()
    return offset


def _offsets(builder: flatbuffers.Builder, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    at: int = builder.EndVector()
    return at


def received(schema: str, read: Mapping[str, Any]) -> HistogramMessage:
    """What the stock deserialisers give, made uniform."""
    return HistogramMessage(
        schema,
        read["source"],
        int(read["timestamp"]),
        tuple(
            Axis(
                np.asarray(axis["bin_boundaries"]), axis["unit"], axis["label"], _name(axis["label"], number)
            )
            for number, axis in enumerate(read["dim_metadata"])
        ),
        np.asarray(read["data"]),
        read["info"],
    )


def _name(label: str, number: int) -> str:
    """What an axis is called, of which these schemas only have a label."""
    return _NAMES.get(label, label if label.isidentifier() else f"dim_{number}")
