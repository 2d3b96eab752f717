"""Published histograms as the field's usual decoders read them, in the shape in which those of hs00 do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from streaming_data_types.dataarray_da00 import deserialise_da00
from streaming_data_types.histogram_hs00 import deserialise_hs00
from streaming_data_types.histogram_hs01 import deserialise_hs01


def _deserialise_da00(payload: bytes) -> dict[str, Any]:
    """A data array with all that histograms have; KeyError where it is not there."""
    read = deserialise_da00(payload)
    variables = {each.name: each for each in read.data}
    assert len(variables) == len(read.data)
    signal = variables["signal"]
    edges = [variables[name] for name in signal.axes]
    assert [each.axes for each in edges] == [[name] for name in signal.axes]
    return {
        "source": read.source_name,
        "timestamp": read.timestamp_ns,
        "data": signal.data,
        "current_shape": [int(length) for length in signal.shape],
        "info": variables["info"].data,
        "dim_metadata": [
            {
                "length": int(each.shape[0]) - 1,
                "unit": "pixel" if each.unit is None else each.unit,
                "label": each.label,
                "bin_boundaries": each.data,
            }
            for each in edges
        ],
    }


STOCK: Mapping[str, Callable[[bytes], dict[str, Any]]] = {
    "hs00": deserialise_hs00,
    "hs01": deserialise_hs01,
    "da00": _deserialise_da00,
}
"""By schema."""
INTEGERS: Mapping[str, tuple[str, str]] = {
    "hs00": ("uint32", "uint64"),
    "hs01": ("int32", "int64"),
    "da00": ("int32", "int64"),
}
"""The types of counts that are integers, by schema."""
