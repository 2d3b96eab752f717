"""hs01: histograms, as the ESS streaming-data-types define them."""

from __future__ import annotations

import numpy as np
from streaming_data_types.histogram_hs01 import deserialise_hs01

from histsvc.model import Snapshot
from histsvc.wire.histogram import HistogramMessage, message, received

# The integer types of the schema, in the order of its union.
_INTEGERS = (np.int32, np.int64)
SCHEMA = "hs01"


def serialise(
    snapshot: Snapshot, source: str, timestamp_ns: int, info: str, *, integers: bool = False
) -> bytes:
    """Make a message of a snapshot; `info` is JSON text.

    Counts are float64 or, with `integers`, the smallest integer type of the schema that holds them.
    """
    return message(SCHEMA, _INTEGERS if integers else (), snapshot, source, timestamp_ns, info)


def deserialise(payload: bytes) -> HistogramMessage:
    """Read a message; raises what the stock deserialiser raises."""
    return received(SCHEMA, deserialise_hs01(payload))
