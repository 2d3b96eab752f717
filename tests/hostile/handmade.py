"""Event messages as other producers may make them: fields left out, vectors of any length, odd orders."""

from __future__ import annotations

from collections.abc import Sequence

import flatbuffers
import numpy as np

from histsvc.model import EventLayout
from histsvc.wire import ev42, ev44

LAYOUTS = {"ev42": ev42.LAYOUT, "ev44": ev44.LAYOUT}
_FIELDS = {"ev42": 7, "ev44": 6}


def message(
    schema: str,
    source: str | None = "a",
    times: Sequence[int] | None = (1,),
    tof: Sequence[int] | None = (),
    pixel: Sequence[int] | None = (),
    *,
    tail: bytes = b"",
) -> bytes:
    """A message with the fields that are not None; `tail` are stale bytes behind it."""
    layout = LAYOUTS[schema]
    builder = flatbuffers.Builder(64)
    builder.ForceDefaults(True)
    dtype = np.uint32 if layout.unsigned else np.int32
    offsets: list[tuple[int, int]] = []
    if source is not None:
        offsets.append((layout.source, builder.CreateString(source)))
    if times is not None and layout.reference_time_is_vector:
        offsets.append((layout.reference_time, builder.CreateNumpyVector(np.array(times, np.int64))))
    for slot, values in ((layout.tof, tof), (layout.pixel, pixel)):
        if values is not None:
            offsets.append((slot, builder.CreateNumpyVector(np.array(values, np.int64).astype(dtype))))
    return _finish(builder, layout, offsets, times) + tail


def _finish(
    builder: flatbuffers.Builder,
    layout: EventLayout,
    offsets: list[tuple[int, int]],
    times: Sequence[int] | None,
) -> bytes:
    builder.StartObject(_FIELDS[layout.schema])
    if times is not None and not layout.reference_time_is_vector:
        builder.PrependUint64Slot((layout.reference_time - 4) // 2, times[0], 0)
    for slot, offset in offsets:
        builder.PrependUOffsetTRelativeSlot((slot - 4) // 2, offset, 0)
    builder.Finish(builder.EndObject(), file_identifier=layout.schema.encode())
    return bytes(builder.Output())


def parts(schema: str, payload: bytes) -> dict[str, int]:
    """Where the parts of a good message lie: table, vtable, and start (its length) of each vector."""
    table = flatbuffers.table.Table(bytearray(payload), int.from_bytes(payload[:4], "little"))
    layout = LAYOUTS[schema]
    soffset = int.from_bytes(payload[table.Pos : table.Pos + 4], "little", signed=True)
    places = {"root": 0, "table": table.Pos, "vtable": table.Pos - soffset}
    for name, slot in (("source", layout.source), ("tof", layout.tof), ("pixel", layout.pixel)):
        places[f"{name}_offset"] = table.Pos + table.Offset(slot)
        places[name] = table.Vector(table.Offset(slot)) - 4
    if layout.reference_time_is_vector:
        places["times"] = table.Vector(table.Offset(layout.reference_time)) - 4
    return places


def patched(payload: bytes, at: int, value: int, width: int = 4) -> bytes:
    """The payload with one little-endian number replaced."""
    raw = (value % (1 << 8 * width)).to_bytes(width, "little")
    return payload[:at] + raw + payload[at + width :]
