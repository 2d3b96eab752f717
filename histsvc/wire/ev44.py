"""ev44: events with signed times of flight (ns) and pixel ids, and one or more reference times.

Schema: `event_44_message` of the ESS streaming-data-types. Slots are vtable offsets of its table.
"""

from __future__ import annotations

import numpy.typing as npt
from streaming_data_types.eventdata_ev44 import deserialise_ev44, serialise_ev44

from histsvc.model import EventLayout, Pulse
from histsvc.wire.vector import vector

SCHEMA = "ev44"
LAYOUT = EventLayout(
    SCHEMA, source=4, reference_time=8, reference_time_is_vector=True, tof=12, pixel=14, unsigned=False
)


def serialise(
    source: str,
    message_id: int,
    reference_time_ns: int,
    tof_ns: npt.ArrayLike,
    pixel_id: npt.ArrayLike,
) -> bytes:
    """Make a message of one pulse; `tof_ns` and `pixel_id` are (events,) and fit int32."""
    made: bytes = serialise_ev44(source, message_id, [reference_time_ns], [0], tof_ns, pixel_id)
    return made


def deserialise(payload: bytes) -> Pulse:
    """Read a message with the field's usual decoder; raises what that raises."""
    read = deserialise_ev44(payload)
    times = vector(read.reference_time)
    return Pulse(
        source=read.source_name,
        reference_time_ns=int(times.max()) if times.size else 0,
        tof_ns=vector(read.time_of_flight),
        pixel_id=vector(read.pixel_id),
    )
