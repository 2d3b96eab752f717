"""ev42: events with unsigned times of flight (ns) and pixel ids, and one pulse time.

Schema: `ev42_events` of the ESS streaming-data-types. Slots are vtable offsets of its table.
"""

from __future__ import annotations

import numpy.typing as npt
from streaming_data_types.eventdata_ev42 import deserialise_ev42, serialise_ev42

from histsvc.model import EventLayout, Pulse
from histsvc.wire.vector import vector

SCHEMA = "ev42"
LAYOUT = EventLayout(
    SCHEMA, source=4, reference_time=8, reference_time_is_vector=False, tof=10, pixel=12, unsigned=True
)


def serialise(
    source: str,
    message_id: int,
    reference_time_ns: int,
    tof_ns: npt.ArrayLike,
    pixel_id: npt.ArrayLike,
) -> bytes:
    """Make a message of one pulse; `tof_ns` and `pixel_id` are (events,) and fit uint32."""
    made: bytes = serialise_ev42(source, message_id, reference_time_ns, tof_ns, pixel_id)
    return made


def deserialise(payload: bytes) -> Pulse:
    """Read a message with the field's usual decoder; raises what that raises."""
    read = deserialise_ev42(payload)
    return Pulse(
        source=read.source_name,
        reference_time_ns=int(read.pulse_time),
        tof_ns=vector(read.time_of_flight),
        pixel_id=vector(read.detector_id),
    )
