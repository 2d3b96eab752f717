"""The messages on the wire: one module per schema, both directions; this is where they are registered."""

from __future__ import annotations

from collections.abc import Callable

from histsvc.model import Pulse, Snapshot
from histsvc.wire import ev42, ev44, hs00, hs01
from histsvc.wire.histogram import HistogramMessage

EVENT_LAYOUTS = (ev42.LAYOUT, ev44.LAYOUT)
EVENT_DESERIALISERS: dict[str, Callable[[bytes], Pulse]] = {
    ev42.SCHEMA: ev42.deserialise,
    ev44.SCHEMA: ev44.deserialise,
}
HISTOGRAM_SERIALISERS: dict[str, Callable[[Snapshot, str, int, str], bytes]] = {
    hs00.SCHEMA: hs00.serialise,
    hs01.SCHEMA: hs01.serialise,
}
HISTOGRAM_DESERIALISERS: dict[str, Callable[[bytes], HistogramMessage]] = {
    hs00.SCHEMA: hs00.deserialise,
    hs01.SCHEMA: hs01.deserialise,
}
