"""hs01: histograms, as the ESS streaming-data-types define them."""

from __future__ import annotations

from streaming_data_types.histogram_hs01 import deserialise_hs01, serialise_hs01

from histsvc.model import Snapshot
from histsvc.wire.histogram import HistogramMessage, content, received

SCHEMA = "hs01"


def serialise(snapshot: Snapshot, source: str, timestamp_ns: int, info: str) -> bytes:
    """Make a message of a snapshot; `info` is JSON text."""
    made: bytes = serialise_hs01(content(snapshot, source, timestamp_ns, info))
    return made


def deserialise(payload: bytes) -> HistogramMessage:
    """Read a message; raises what the stock deserialiser raises."""
    return received(SCHEMA, deserialise_hs01(payload))
