"""Payloads that are not to be counted, by name. It grows: whatever once did harm is added here."""

from __future__ import annotations

import zlib

import numpy as np
from fakes import event_message
from hostile.handmade import message, parts, patched
from streaming_data_types.logdata_f144 import serialise_f144

from histsvc.wire.shapes import Efu

_FAR = (0x7FFFFFFF, 0x80000000, 0xFFFFFFFC, 0xFFFFFFFF)


def other_schema() -> dict[str, bytes]:
    """Normal on shared topics: they name a schema, but none that carries events."""
    return {
        "f144": serialise_f144("motor", 1.0, 1),
        "ev43": _renamed(b"ev43"),
        "ev45": _renamed(b"ev45"),
        "EV44 in capitals": _renamed(b"EV44"),
        "8 bytes of another schema": b"\x08\0\0\0al00",
        "text that looks like a schema": b"textmessage of somebody",
    }


def undecodable() -> dict[str, bytes]:
    """Broken, cut, forged, or no FlatBuffers at all."""
    corpus = {**_no_schema()}
    for schema in ("ev42", "ev44"):
        for name, payload in {**_cut(schema), **_forged(schema), **_unequal(schema)}.items():
            corpus[f"{schema}: {name}"] = payload
    return corpus


def _renamed(identifier: bytes) -> bytes:
    payload = event_message("ev44", [1], [1])
    return payload[:4] + identifier + payload[8:]


def _no_schema() -> dict[str, bytes]:
    good = event_message("ev44", [1, 2, 3], [1, 2, 3])
    return {
        "empty": b"",
        "one byte": b"\0",
        "only the root": good[:4],
        "identifier cut": good[:7],
        "zeros": bytes(100),
        "ones": b"\xff" * 100,
        "json": b'{"cmd": "stop"}',
        "utf-16": "hello".encode("utf-16"),
        "compressed": zlib.compress(good),
        "size-prefixed": len(good).to_bytes(4, "little") + good,
        "shifted by one": b"\0" + good,
        "big-endian root": good[3::-1] + b"\0\0\0\0" + good[8:],
    }


def _cut(schema: str) -> dict[str, bytes]:
    small, large = event_message(schema, range(9), range(9)), _large(schema)
    cuts = {f"cut at {n}": small[:n] for n in (8, 12, 16, 24, 32, 40, len(small) - 36)}
    halves = {"large, cut in half": large[: len(large) // 2], "large, cut at 20 kB": large[:20_000]}
    return {**cuts, **halves, "head of zeros": small[:8] + bytes(len(small) - 8)}


def _large(schema: str) -> bytes:
    (made,) = Efu(schema, "a").encode(1, np.arange(12_400), np.arange(12_400))
    return made.payload


def _forged(schema: str) -> dict[str, bytes]:
    payload = message(schema, "a", (1, 2) if schema == "ev44" else (1,), range(9), range(9))
    corpus: dict[str, bytes] = {}
    for name, at in parts(schema, payload).items():
        if name != "vtable":
            for value in _FAR:
                corpus[f"{name} is {value:#x}"] = patched(payload, at, value)
    places = parts(schema, payload)
    corpus["vtable is the table"] = patched(payload, places["table"], 0)
    corpus["vtable of no size"] = patched(payload, places["vtable"], 0, 2)
    corpus["vtable larger than the message"] = patched(payload, places["vtable"], 0xFFFE, 2)
    corpus["vtable of an odd size"] = patched(payload, places["vtable"], 13, 2)
    corpus["table larger than the message"] = patched(payload, places["vtable"] + 2, 0xFFFF, 2)
    corpus["table of no size"] = patched(payload, places["vtable"] + 2, 0, 2)
    corpus["root behind the end"] = patched(payload, 0, len(payload))
    corpus["root in the identifier"] = patched(payload, 0, 4)
    corpus["one event more than there are bytes"] = _one_more(schema)
    return corpus


def _one_more(schema: str) -> bytes:
    tof_only = message(schema, None, None, range(9), None)
    return patched(tof_only, parts_of_tof(schema, tof_only), (len(tof_only) + 3) // 4)


def parts_of_tof(schema: str, payload: bytes) -> int:
    """Where the length of the time-of-flight vector lies; found by its content."""
    return payload.index(np.arange(9, dtype="<u4").tobytes()) - 4


def _unequal(schema: str) -> dict[str, bytes]:
    return {
        "more times than pixels": event_message(schema, range(9), range(8)),
        "more pixels than times": event_message(schema, range(1), range(9)),
        "large, one pixel less": event_message(schema, range(5000), range(4999)),
    }
