"""hs01: histograms, as the ESS streaming-data-types define them."""

from __future__ import annotations

import numpy as np
from streaming_data_types.histogram_hs01 import deserialise_hs01, serialise_hs01

from histsvc.model import Snapshot
from histsvc.wire.histogram import HistogramMessage, content, received

# The integer types that the schema has, and that the stock serialiser writes as they are.
_INTEGERS = (np.int32, np.int64)
SCHEMA = "hs01"


def serialise(
    snapshot: Snapshot, source: str, timestamp_ns: int, info: str, *, integers: bool = False
) -> bytes:
    """Make a message of a snapshot; `info` is JSON text, counts are float64 or the smallest of `integers`."""
    types = _INTEGERS if integers else ()
    made: bytes = serialise_hs01(content(snapshot, source, timestamp_ns, info, types))
    return made


def deserialise(payload: bytes) -> HistogramMessage:
    """Read a message; raises what the stock deserialiser raises."""
    return received(SCHEMA, deserialise_hs01(payload))
