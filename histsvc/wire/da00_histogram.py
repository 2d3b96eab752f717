"""da00: published histograms, for clients that read arrays with named variables only.

Schema: `da00_DataArray` of the ESS streaming-data-types. What is written is a data array as scipp has it:
`signal` with a dimension for each axis, and edges that are called as the dimension they belong to. The frames
of monitors, which come in as da00, are in `da00.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import flatbuffers
import numpy as np
import numpy.typing as npt
from streaming_data_types.dataarray_da00 import Variable, deserialise_da00
from streaming_data_types.fbschemas.dataarray_da00 import da00_DataArray, da00_Variable
from streaming_data_types.fbschemas.dataarray_da00.da00_dtype import da00_dtype

from histsvc.model import Snapshot
from histsvc.wire import in_place
from histsvc.wire.da00 import SCHEMA
from histsvc.wire.histogram import DA00_VARIABLES, Axis, HistogramMessage, axis_names, smallest

# scipp has no unsigned ones.
_INTEGERS = (np.int32, np.int64)
_KINDS = {"int32": da00_dtype.int32, "int64": da00_dtype.int64, "float64": da00_dtype.float64}
_SIGNAL, _ERRORS, _START, _END, _INFO = DA00_VARIABLES
_PULSES = {_START: ("first_pulse_time", "first pulse"), _END: ("last_pulse_time", "last pulse")}
# No library of units has this one, and scipp raises on what it does not know: edges in it go without a unit.
_PIXEL = "pixel"
_FLOAT64 = np.dtype(np.float64)


class _About(NamedTuple):
    """What is said of a variable beside its values."""

    name: str
    axes: Sequence[str] = ()
    unit: str | None = None
    label: str | None = None


def serialise(
    snapshot: Snapshot, source: str, timestamp_ns: int, info: str, *, integers: bool = False
) -> bytes:
    """Make a message of a snapshot; `info` is the text of a JSON object.

    Counts are float64 or, with `integers`, int32 where that holds them and else int64; errors are float64.
    The times of the first and of the last pulse are those of `info`, and left out where it has none.
    """
    counts = snapshot.counts
    edges = [snapshot.edges(dim) for dim in counts.dims]
    dtype = smallest(counts.data, _INTEGERS if integers else ())
    size = counts.data.size * (dtype.itemsize + 8) + sum(each.data.size for each in edges) * 8
    made, builder = in_place.begin(size + len(info.encode()) + len(source.encode()))
    names = axis_names([each.label for each in edges])
    variables = [
        _array(builder, _About(_SIGNAL, names, counts.unit, "counts"), counts.data, dtype),
        _roots(builder, _About(_ERRORS, names, counts.unit, "errors of the counts"), counts.data),
    ]
    for name, each in zip(names, edges, strict=True):
        unit = None if each.unit == _PIXEL else each.unit
        variables.append(_array(builder, _About(name, [name], unit, each.label), each.data, _FLOAT64))
    told = json.loads(info)
    for name, (key, label) in _PULSES.items():
        if told.get(key):
            time_ns = np.array(told[key], np.int64)
            variables.append(_array(builder, _About(name, (), "ns", label), time_ns, time_ns.dtype))
    variables.append(_text(builder, _About(_INFO), info))
    source_at, variables_at = builder.CreateString(source), in_place.offsets(builder, variables)
    da00_DataArray.Start(builder)
    da00_DataArray.AddSourceName(builder, source_at)
    da00_DataArray.AddTimestamp(builder, timestamp_ns)
    da00_DataArray.AddData(builder, variables_at)
    in_place.finish(builder, SCHEMA, da00_DataArray.End(builder))
    return made


def _array(
    builder: flatbuffers.Builder, about: _About, values: npt.NDArray[Any], dtype: np.dtype[Any]
) -> int:
    in_place.place(builder, values.shape, dtype, as_bytes=True)[...] = values
    return _variable(builder, about, _KINDS[dtype.name], values.shape, builder.EndVector())


def _roots(builder: flatbuffers.Builder, about: _About, values: npt.NDArray[Any]) -> int:
    np.sqrt(values, out=in_place.place(builder, values.shape, _FLOAT64, as_bytes=True))
    return _variable(builder, about, da00_dtype.float64, values.shape, builder.EndVector())


def _text(builder: flatbuffers.Builder, about: _About, text: str) -> int:
    content = text.encode()
    # As the stock code does it: a text has no axes, and its shape is its number of bytes.
    return _variable(builder, about, da00_dtype.c_string, (len(content),), builder.CreateByteVector(content))


def _variable(
    builder: flatbuffers.Builder, about: _About, kind: int, shape: Sequence[int], data_at: int
) -> int:
    texts = {
        add: builder.CreateSharedString(text)
        for add, text in (
            (da00_Variable.AddName, about.name),
            (da00_Variable.AddUnit, about.unit),
            (da00_Variable.AddLabel, about.label),
        )
        if text is not None
    }
    axes_at = in_place.offsets(builder, [builder.CreateSharedString(name) for name in about.axes])
    shape_at = builder.CreateNumpyVector(np.array(shape, np.int64))
    da00_Variable.Start(builder)
    for add, at in texts.items():
        add(builder, at)
    da00_Variable.AddDataType(builder, kind)
    da00_Variable.AddAxes(builder, axes_at)
    da00_Variable.AddShape(builder, shape_at)
    da00_Variable.AddData(builder, data_at)
    offset: int = da00_Variable.End(builder)
    return offset


def deserialise(payload: bytes) -> HistogramMessage:
    """Read a message; raises ValueError where a part is missing, and what the stock deserialiser raises."""
    read = deserialise_da00(payload)
    variables = {each.name: each for each in read.data}
    signal, info = _part(variables, _SIGNAL, np.ndarray), _part(variables, _INFO, str)
    return HistogramMessage(
        SCHEMA,
        read.source_name,
        int(read.timestamp_ns),
        tuple(_axis(_part(variables, name, np.ndarray)) for name in signal.axes),
        signal.data,
        info.data,
    )


def _part(variables: Mapping[str, Variable], name: str, kind: type[object]) -> Variable:
    if name not in variables:
        raise ValueError(f"there is no variable {name!r}")
    if not isinstance(variables[name].data, kind):
        raise ValueError(f"the variable {name!r} is {variables[name].data!r:.100}")
    return variables[name]


def _axis(edges: Variable) -> Axis:
    if edges.axes != [edges.name]:
        raise ValueError(f"the edges {edges.name!r} have the axes {edges.axes}")
    return Axis(edges.data, _PIXEL if edges.unit is None else edges.unit, edges.label or "", edges.name)
