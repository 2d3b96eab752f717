"""x5f2: the status of a program, with what it has to say in a JSON text.

Schema: `Status` of the ESS streaming-data-types.
"""

from __future__ import annotations

from dataclasses import dataclass

from streaming_data_types.status_x5f2 import deserialise_x5f2, serialise_x5f2

from histsvc.protocol.heartbeat import Heartbeat

SCHEMA = "x5f2"


@dataclass(frozen=True)
class StatusMessage:
    """A status; the next one comes after `update_interval_ms`."""

    software_name: str
    software_version: str
    service_id: str
    host_name: str
    process_id: int
    update_interval_ms: int
    status_json: str


def serialise(status: StatusMessage) -> bytes:
    """Make a message; process id and interval fit uint32."""
    made: bytes = serialise_x5f2(
        status.software_name,
        status.software_version,
        status.service_id,
        status.host_name,
        status.process_id,
        status.update_interval_ms,
        status.status_json,
    )
    return made


def deserialise(payload: bytes) -> StatusMessage:
    """Read a message with the field's usual decoder; raises what that raises."""
    return StatusMessage(*deserialise_x5f2(payload))


def heartbeat(beat: Heartbeat) -> bytes:
    """Make a message of a heartbeat: the same JSON object, and who sends it."""
    who = beat.identity
    status_json = beat.to_json().decode()
    return serialise(
        StatusMessage(who.name, who.version, who.id, who.host, who.pid, beat.message_interval, status_json)
    )
