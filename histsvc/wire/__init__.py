"""The messages on the wire: one module per schema, both directions; this is where they are registered.

da00 has two: for frames, which come in, and for histograms, which go out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy.typing as npt

from histsvc.model import Frame, Pulse, Snapshot
from histsvc.wire import da00, da00_histogram, ev42, ev44, hs00, hs01
from histsvc.wire.histogram import HistogramMessage

EVENT_LAYOUTS = (ev42.LAYOUT, ev44.LAYOUT)
EVENT_DESERIALISERS: dict[str, Callable[[bytes], Pulse]] = {
    ev42.SCHEMA: ev42.deserialise,
    ev44.SCHEMA: ev44.deserialise,
}
FRAME_DESERIALISERS: dict[str, Callable[[bytes], Frame]] = {da00.SCHEMA: da00.deserialise}


def _frame(
    source: str, message_id: int, time_ns: int, edges_ns: npt.ArrayLike, counts: npt.ArrayLike
) -> bytes:
    return da00.serialise(source, time_ns, edges_ns, counts)


INPUT_SERIALISERS: dict[str, Callable[[str, int, int, npt.ArrayLike, npt.ArrayLike], bytes]] = {
    ev42.SCHEMA: ev42.serialise,
    ev44.SCHEMA: ev44.serialise,
    da00.SCHEMA: _frame,
}
"""Of a source, a number, a time (ns) and the two vectors that the schema has: times of flight (ns) and pixel
ids of events; edges (ns) and counts of a frame."""


class SerialiseHistogram(Protocol):
    """Makes a message of a snapshot: source, time of publication (ns), `info` as JSON text."""

    def __call__(
        self, snapshot: Snapshot, source: str, timestamp_ns: int, info: str, *, integers: bool = False
    ) -> bytes:
        """Counts are float64, or with `integers` the smallest integer type that fits."""
        ...


HISTOGRAM_SERIALISERS: dict[str, SerialiseHistogram] = {
    hs00.SCHEMA: hs00.serialise,
    hs01.SCHEMA: hs01.serialise,
    da00.SCHEMA: da00_histogram.serialise,
}
HISTOGRAM_DESERIALISERS: dict[str, Callable[[bytes], HistogramMessage]] = {
    hs00.SCHEMA: hs00.deserialise,
    hs01.SCHEMA: hs01.deserialise,
    da00.SCHEMA: da00_histogram.deserialise,
}
