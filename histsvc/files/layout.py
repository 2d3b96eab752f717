"""What a NeXus file of a histogram holds: groups, fields and attributes, without HDF5.

The classes are those of https://manual.nexusformat.org/classes/base_classes: NXroot, NXentry and NXdata,
whose `signal`, `axes` and `default` let every viewer plot at once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from histsvc import __version__
from histsvc.client import Axis, Histogram

Attribute = str | int | float | bool | Sequence[str]
_SIGNAL, _TITLE = "counts", "title"
_ERRORS = f"{_SIGNAL}_errors"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LEAST, _MOST = -(1 << 63), (1 << 64) - 1


@dataclass(frozen=True, eq=False)
class Field:
    """A dataset: an array of any shape, or a text."""

    value: npt.NDArray[Any] | str
    attributes: Mapping[str, Attribute] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Group:
    """A group of a NeXus class: its attributes, and what is in it by name."""

    nx_class: str
    attributes: Mapping[str, Attribute]
    members: Mapping[str, Group | Field]


def root(histogram: Histogram, file_name: str) -> Group:
    """All of the file that has this name: the entry of one histogram."""
    entry = Group(
        "NXentry",
        {"default": "data"},
        {
            "data": _data(histogram),
            "info": Group("NXcollection", _info(histogram), {}),
            "message": Group("NXcollection", _message(histogram), {}),
            **_about(histogram),
        },
    )
    about = {"default": "entry", "creator": "histsvc", "creator_version": __version__}
    about |= {"file_name": file_name, "file_time": iso_time(histogram.timestamp_ns)}
    return Group("NXroot", about, {"entry": entry})


def iso_time(time_ns: int) -> str:
    """ISO 8601 in UTC of ns since the epoch, as ``2026-11-25T08:02:38.535025004+00:00``."""
    return f"{second(time_ns):%Y-%m-%dT%H:%M:%S}.{time_ns % 1_000_000_000:09d}+00:00"


def second(time_ns: int) -> datetime:
    """The second in UTC that ns since the epoch lie in: floating point would not have all of them."""
    return _EPOCH + timedelta(seconds=time_ns // 1_000_000_000)


def _about(histogram: Histogram) -> dict[str, Field]:
    """What an entry says of itself; times of pulses only where there were any."""
    info = histogram.info
    texts = {_TITLE: _text(histogram.id), "program_name": "histsvc", "entry_identifier": _text(info.job)}
    for name, time_ns in (("start_time", info.first_pulse_time), ("end_time", info.last_pulse_time)):
        if 0 < time_ns <= _MOST:
            texts[name] = iso_time(time_ns)
    return {name: Field(text) for name, text in texts.items() if text}


def _data(histogram: Histogram) -> Group:
    """Counts, as they were published, √n beside them, and bin edges: one more than there are bins.

    `last_good` of an axis is the edge with which the last bin begins: silx, which takes no edges for an axis,
    draws a bin at its lower one; whoever reads edges reads all of them.
    """
    counts, names = histogram.counts, _axis_names(histogram.axes)
    errors = np.sqrt(np.clip(np.asarray(counts, np.float64), 0, None))
    members: dict[str, Group | Field] = {
        _TITLE: Field(_text(f"{histogram.id} ({histogram.state})")),
        _SIGNAL: Field(counts, {"units": "counts", "long_name": "counts"}),
        _ERRORS: Field(errors, {"units": "counts", "long_name": "square root of counts"}),
    }
    indices: dict[str, Attribute] = {}
    for number, (name, axis) in enumerate(zip(names, histogram.axes, strict=True)):
        label, unit = _text(axis.label or name), _text(axis.unit)
        long_name = f"{label} ({unit})" if unit else label
        texts = {"units": unit, "long_name": long_name}
        members[name] = Field(np.asarray(axis.edges), {**texts, "last_good": axis.edges.size - 2})
        indices[f"{name}_indices"] = number
    return Group("NXdata", {"signal": _SIGNAL, "axes": names or ".", **indices}, members)


def _axis_names(axes: Sequence[Axis]) -> list[str]:
    """A name for each that NeXus allows, and that nothing else has."""
    names: list[str] = []
    for number, axis in enumerate(axes):
        name = axis.name if _NAME.fullmatch(axis.name) else f"dim_{number}"
        while name in (_SIGNAL, _ERRORS, _TITLE, *names):
            name = f"{name}_{number}"
        names.append(name)
    return names


def _info(histogram: Histogram) -> dict[str, Attribute]:
    """All keys of `info` that apply, as HDF5 can hold them."""
    return {key: _native(value) for key, value in json.loads(histogram.info.to_json()).items()}


def _message(histogram: Histogram) -> dict[str, Attribute]:
    """What the message said beside `info`."""
    texts = {"topic": histogram.topic, "schema": histogram.schema, "source": histogram.source}
    return {**{name: _text(text) for name, text in texts.items()}, "timestamp_ns": histogram.timestamp_ns}


def _native(value: Any) -> Attribute:
    """Texts and numbers as they are; JSON of what is neither, or has more than 64 bits."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool | float) or (isinstance(value, int) and _LEAST <= value <= _MOST):
        return value
    return _text(json.dumps(value))


def _text(text: str) -> str:
    """The same with zero bytes written out, which no text in HDF5 may have."""
    return text.replace("\0", "\\x00")
