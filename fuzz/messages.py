"""The good messages that everything hostile is made of: all schemas, shapes and sizes that producers send."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from hostile.handmade import message
from streaming_data_types.dataarray_da00 import Variable, deserialise_da00, serialise_da00
from streaming_data_types.eventdata_ev42 import deserialise_ev42, serialise_ev42
from streaming_data_types.eventdata_ev44 import deserialise_ev44, serialise_ev44
from streaming_data_types.histogram_hs00 import serialise_hs00
from streaming_data_types.logdata_f144 import serialise_f144

from fuzz.fields import Field, fields_of
from histsvc.wire.shapes import Efu

EVENT_SCHEMAS = ("ev42", "ev44")
DESERIALISERS: dict[str, Callable[[bytes], object]] = {
    "ev42": deserialise_ev42,
    "ev44": deserialise_ev44,
    "da00": deserialise_da00,
}
SOURCES = ("bank", "monitor")
"""The names that decoders of the fuzzer look for."""
# Numbers lie around what the histograms of the fuzzer ask for (fuzz/histograms.py).
_TOF_NS, _PIXELS = 1200, 150
_SIZES = (0, 1, 2, 3, 5, 8, 13, 40)


@dataclass(frozen=True)
class Good:
    """A message as it should be, and the numbers of its structure; of other schemas none are known."""

    name: str
    payload: bytes
    fields: tuple[Field, ...] = field(repr=False)


def small() -> tuple[Good, ...]:
    """Some of every kind, none of more than some hundred bytes."""
    draw = np.random.default_rng(42)
    made = [*_events(draw), *_extremes(), *_odd_events(draw), *_frames(draw), *_others()]
    return tuple(_good(name, payload) for name, payload in made)


def large() -> tuple[Good, ...]:
    """More events than kernels take in one piece, and the fixed size of event formation units."""
    draw = np.random.default_rng(43)
    made = []
    for schema in EVENT_SCHEMAS:
        made.append((f"{schema}: 9,000 events", event_message(schema, draw, 9000)))
        (efu,) = Efu(schema, "bank").encode(7, _numbers(draw, _TOF_NS, 700), _numbers(draw, _PIXELS, 700))
        made.append((f"{schema}: fixed size", efu.payload))
    made.append(("da00: 5,000 bins", frame(np.arange(5000), np.arange(5001) / 4)))
    return tuple(_good(name, payload) for name, payload in made)


def event_message(schema: str, draw: np.random.Generator, events: int, source: str = "bank") -> bytes:
    """A message as the field's usual serialisers make it."""
    tof, pixel = _numbers(draw, _TOF_NS, events), _numbers(draw, _PIXELS, events)
    time_ns = int(draw.integers(1, 2**60))
    if schema == "ev42":
        made: bytes = serialise_ev42(source, 1, time_ns, tof, pixel)
    else:
        made = serialise_ev44(source, 1, [time_ns - 5, time_ns], [0, events // 2], tof, pixel)
    return made


def frame(counts: npt.ArrayLike, edges: npt.ArrayLike, unit: str | None = "ns", *more: Variable) -> bytes:
    """A monitor's frame: its two variables, and others beside them."""
    signal = Variable("signal", np.asarray(counts), ["frame_time"], unit="counts")
    along = Variable("frame_time", np.asarray(edges), ["frame_time"], unit=unit)
    made: bytes = serialise_da00("monitor", 1_700_000_000_000_000_000, [*more, signal, along])
    return made


def _good(name: str, payload: bytes) -> Good:
    read = DESERIALISERS.get(name[:4])
    return Good(name, payload, fields_of(payload, read) if read else ())


def _numbers(draw: np.random.Generator, most: int, size: int) -> npt.NDArray[np.int64]:
    return draw.integers(0, most, size)


def _events(draw: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    for schema in EVENT_SCHEMAS:
        for events in _SIZES:
            for source in (*SOURCES, " bank\t", "somebody else"):
                yield f"{schema}: {events} events of {source!r}", event_message(schema, draw, events, source)
    isis = {"period_number": 1, "run_state": 1, "proton_charge": 0.5}
    yield "ev42: ISIS", serialise_ev42("bank", 1, 2, [3, 4], [5, 6], isis_specific=isis)


def _extremes() -> Iterator[tuple[str, bytes]]:
    """Around the largest and the smallest that 32 bits hold, with a sign and without."""
    half, whole = 1 << 31, 1 << 32
    unsigned = [0, 1, half - 10, half - 9, half - 1, half, half + 8, half + 9, whole - 1]
    signed = [-half, 1 - half, -4, -3, -1, 0, 5, half - 9, half - 1]
    for source in SOURCES:
        yield f"ev42: extremes of {source}", serialise_ev42(source, 1, 2**63 - 1, unsigned, unsigned[::-1])
        yield f"ev44: extremes of {source}", serialise_ev44(source, 1, [-(2**63)], [0], signed, signed[::-1])
    yield "ev42: a pulse beyond int64", serialise_ev42("bank", 1, 2**64 - 1, [1], [20])
    yield "ev44: pulses before 1970", serialise_ev44("bank", 1, [-5, -3], [0, 1], [1], [20])


def _odd_events(draw: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """Good, but not as the usual serialisers make them."""
    tof, pixel = _numbers(draw, _TOF_NS, 6).tolist(), _numbers(draw, _PIXELS, 6).tolist()
    for schema in EVENT_SCHEMAS:
        times = (3, 9, 4) if schema == "ev44" else (9,)
        yield f"{schema}: stale bytes behind", message(schema, "bank", times, tof, pixel, tail=b"\xee" * 50)
        yield f"{schema}: no pixels", message(schema, "bank", times, tof, ())
        yield f"{schema}: no times of flight", message(schema, "bank", times, (), pixel)
        yield f"{schema}: blank source", message(schema, " \t ", times, tof, pixel)


def _frames(draw: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    counts = _numbers(draw, 100, 6)
    edges = np.linspace(0, 1200, 7)
    yield "da00: the edges of a histogram", frame(_numbers(draw, 100, 12), np.linspace(0, 1200, 13))
    yield "da00: other edges", frame(counts, edges)
    yield "da00: microseconds", frame(counts.astype(np.uint32), (edges / 1e3).astype(np.float32), "us")
    yield "da00: floats", frame(counts.astype(np.float64), edges.astype(np.int64), None)
    yield "da00: bytes", frame(counts.astype(np.uint8), edges)
    image = Variable("image", np.zeros((2, 3)), ["y", "x"], label="not needed", source="camera")
    text, number = Variable("note", "as found", []), Variable("temperature", np.array([3.5]), [])
    yield "da00: among others", frame(counts, edges, "ns", image, text, number)
    errors, info = Variable("errors", np.sqrt(counts), ["frame_time"]), Variable("info", "{}", [])
    yield "da00: what a service publishes", frame(counts, edges, "ns", errors, info)


def _others() -> Iterator[tuple[str, bytes]]:
    """Normal on topics that are shared."""
    yield "f144", serialise_f144("motor", 1.0, 1)
    axis = {"length": 2, "bin_boundaries": np.array([0.0, 1.0, 2.0]), "unit": "ns", "label": "t"}
    histogram = {"source": "x", "timestamp": 1, "current_shape": [2], "dim_metadata": [axis]}
    yield "hs00", serialise_hs00({**histogram, "data": np.array([1.0, 2.0]), "info": "{}"})
