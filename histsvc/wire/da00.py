"""da00: arrays with named variables; here the histograms that monitors make themselves.

Schema: `da00_DataArray` of the ESS streaming-data-types. Its stock decoder unpacks every variable of a
message; here the variables are looked through first, and only the two that make the frame are unpacked.
The histograms that go out as da00 are in `da00_histogram.py`.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

import flatbuffers.table
import numpy as np
import numpy.typing as npt
from flatbuffers.number_types import UOffsetTFlags
from streaming_data_types.dataarray_da00 import Variable, serialise_da00
from streaming_data_types.exceptions import StreamingDataTypesException
from streaming_data_types.fbschemas.dataarray_da00.da00_DataArray import da00_DataArray
from streaming_data_types.fbschemas.dataarray_da00.da00_dtype import da00_dtype
from streaming_data_types.fbschemas.dataarray_da00.da00_Variable import da00_Variable
from streaming_data_types.utils import check_schema_identifier

from histsvc.model import Frame, Int64Array
from histsvc.wire.histogram import DA00_VARIABLES

SCHEMA = "da00"

_SIGNAL, *_, _INFO = (name.encode() for name in DA00_VARIABLES)
_EDGES = (b"frame_time", b"time_of_arrival", b"tof")
_NS = {None: 1.0, "": 1.0, "ns": 1.0, "us": 1e3, "\u00b5s": 1e3, "\u03bcs": 1e3, "ms": 1e6, "s": 1e9}
# No more is exact in what is published, and many such frames do not wrap int64.
_MOST_COUNTS = 1 << 53
# Variables may share what they point to: so many, each of names so long (bytes), are looked at.
_MOST_VARIABLES = 100
_LONGEST_NAME = 1000
_SOURCE_NAME, _NAME, _UNIT, _AXES = 4, 4, 6, 14  # vtable offsets of da00_DataArray, and of da00_Variable
# What the stock code raises on bytes that are no message: reads behind the end, offsets that are no
# offsets, fields left out, data types that there are not, vectors and texts that do not fit, other schemas.
_TROUBLE = (struct.error, TypeError, AttributeError, KeyError, ValueError, StreamingDataTypesException)


class _Line(NamedTuple):
    """A one-dimensional variable that has not been unpacked yet."""

    name: bytes
    dim: bytes
    length: int
    variable: da00_Variable


def serialise(
    source: str, time_ns: int, edges_ns: npt.ArrayLike, counts: npt.ArrayLike, dim: str = "frame_time"
) -> bytes:
    """Make a message of one frame: `edges_ns` (bins + 1,) and `counts` (bins,), in the types they have."""
    made: bytes = serialise_da00(
        source,
        time_ns,
        [
            Variable("signal", np.asarray(counts), [dim], unit="counts"),
            Variable(dim, np.asarray(edges_ns), [dim], unit="ns"),
        ],
    )
    return made


def deserialise(payload: bytes) -> Frame:
    """Read a frame with the field's usual decoder.

    Raises ValueError, and nothing else, for what is not a frame that can be counted: no da00 message, or one
    without a source name; no one-dimensional `signal` of whole numbers ≥ 0 with a sum of at most 2⁵³; no
    single variable along its dimension that is one longer, ascending and finite, in a unit of time; more
    variables or longer names than a monitor sends; a histogram that a service like this one has published,
    which has all that was in those before it.
    """
    try:
        # What overflows or is no number is found by the checks.
        with np.errstate(all="ignore"):
            return _frame(payload)
    except _TROUBLE as error:
        raise ValueError(f"not a countable frame: {type(error).__name__}: {error}") from error


def _frame(payload: bytes) -> Frame:
    check_schema_identifier(payload, SCHEMA.encode())
    array = da00_DataArray.GetRootAs(payload, 0)
    lines = _lines(array)
    signal = _only([line for line in lines if line.name == _SIGNAL], "the signal")
    edges = _edges_of(signal, lines)
    source = _field_text(array._tab, _SOURCE_NAME)
    return Frame(source.decode(), int(array.Timestamp()), _edges_ns(edges), _counts(signal))


def _lines(array: da00_DataArray) -> list[_Line]:
    number = array.DataLength()
    if number > _MOST_VARIABLES:
        raise ValueError(f"{number} variables are more than {_MOST_VARIABLES}")
    lines = []
    for variable in (array.Data(j) for j in range(number)):
        axes = variable.AxesLength()
        if axes == variable.ShapeLength() == 1:
            lines.append(_Line(*_names(variable._tab), int(variable.Shape(0)), variable))
        elif not axes and variable.DataType() == da00_dtype.c_string:
            _refuse_published(variable)
    return lines


def _refuse_published(text: da00_Variable) -> None:
    """Frames are added up; what a service publishes holds what it has published before."""
    if _field_text(text._tab, _NAME) == _INFO:
        raise ValueError("it is what a service has published, not what a monitor has counted")


def _names(table: flatbuffers.table.Table) -> tuple[bytes, bytes]:
    """The name of a variable, and that of its first axis."""
    return _field_text(table, _NAME), _text(table, table.Vector(table.Offset(_AXES)))


def _field_text(table: flatbuffers.table.Table, slot: int) -> bytes:
    """The string that is a field."""
    at = table.Offset(slot)
    if not at:
        raise ValueError("a name is left out")
    return _text(table, table.Pos + at)


def _text(table: flatbuffers.table.Table, at: int) -> bytes:
    """The string that the offset at `at` points to; Python would cut off what reaches out of the message."""
    length = table.Get(UOffsetTFlags, table.Indirect(at))
    if length > _LONGEST_NAME:
        raise ValueError(f"a name of {length} bytes is longer than {_LONGEST_NAME}")
    text: bytes = table.String(at)
    if len(text) < length:
        raise ValueError("a text does not lie inside of the message")
    return text


def _only(lines: Sequence[_Line], what: str) -> _Line:
    if len(lines) != 1:
        raise ValueError(f"{len(lines)} one-dimensional variables could be {what}; it must be one")
    return lines[0]


def _edges_of(signal: _Line, lines: Sequence[_Line]) -> _Line:
    """The variable that holds the edges of the signal's bins: one of a usual name, else the only one."""
    fitting = [line for line in lines if line.dim == signal.dim and line.length == signal.length + 1]
    for name in (*_EDGES, signal.dim):
        named = [line for line in fitting if line.name == name]
        if named:
            return _only(named, "the edges")
    return _only(fitting, "the edges")


def _unpacked(line: _Line) -> Variable:
    if line.length < 1:
        raise ValueError(f"the length of {line.name!r} is {line.length}")
    return Variable.unpack(line.variable)


def _counts(signal: _Line) -> Int64Array:
    values: npt.NDArray[Any] = _unpacked(signal).data
    if not np.all((values >= 0) & (values < 2.0**64) & (values == np.floor(values))):
        raise ValueError("the signal has values that are not whole numbers ≥ 0")
    counts = values.astype(np.uint64)
    # The sum itself might wrap: its halves cannot.
    total = (int((counts >> 32).sum()) << 32) + int((counts & 0xFFFFFFFF).sum())
    if total > _MOST_COUNTS:
        raise ValueError(f"the sum of the signal, {total}, is more than 2^53")
    return counts.astype(np.int64)


def _edges_ns(line: _Line) -> npt.NDArray[np.float64]:
    read = _unpacked(line)
    table = line.variable._tab
    if table.Offset(_UNIT):
        _text(table, table.Pos + table.Offset(_UNIT))
    if read.unit not in _NS:
        raise ValueError(f"the edges are in {read.unit!r}, which is no unit of time that is known here")
    edges_ns: npt.NDArray[np.float64] = read.data.astype(np.float64) * _NS[read.unit]
    # No edge is infinite where the way from the first to the last is not.
    if not np.all(edges_ns[1:] > edges_ns[:-1]) or not np.isfinite(edges_ns[-1] - edges_ns[0]):
        raise ValueError("the edges are not finite and ascending")
    return edges_ns
