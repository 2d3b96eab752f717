"""From what a reader brings to a parsed batch: small payloads joined, large ones read in place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from histsvc.model import Column, EventBatch, EventLayout, Int64Array, RawMessages

# Below this many bytes copying a payload into a segment is cheaper than a segment of its own.
JOIN_BELOW_BYTES = 16 * 1024
_PADDING = [b"\0" * n for n in range(8)]


class Decoder:
    """Parses messages of the schemas `layouts` and recognises the source names `sources`."""

    def __init__(self, layouts: Sequence[EventLayout], sources: Sequence[str]) -> None:
        from histsvc.kernels import parse  # loads numba: only where events are filled

        self._parse = parse.parse
        self._layouts = parse.layout_table(layouts)
        self._names, self._ends = parse.name_table(sources)

    def decode(self, raw: RawMessages) -> EventBatch:
        """Parse all messages; none is left out, each has its verdict in the table."""
        size = np.fromiter(map(len, raw.payload), np.int64, len(raw.payload))
        address, segments = _place(raw.payload, size)
        table = np.empty((len(Column), size.size), np.int64)
        self._parse(address, size, self._layouts, self._names, self._ends, table)
        return EventBatch(raw.slot, raw.offset, raw.timestamp_ms, table, segments)


def _place(payloads: list[bytes], size: Int64Array) -> tuple[Int64Array, tuple[object, ...]]:
    """The address of every payload, int64 (messages,), and what keeps that memory alive."""
    address = np.zeros(size.size, np.int64)
    small = np.flatnonzero(size < JOIN_BELOW_BYTES)
    joined = np.empty(0, np.uint8)
    if small.size:
        chosen = payloads if small.size == size.size else [payloads[i] for i in small.tolist()]
        joined = _join(chosen)
        padded = (size[small] + 7) // 8 * 8
        address[small] = joined.ctypes.data + np.concatenate(([0], np.cumsum(padded)[:-1]))
    large = np.flatnonzero(size >= JOIN_BELOW_BYTES).tolist()
    kept = [np.frombuffer(payloads[i], np.uint8) for i in large]
    for i, view in zip(large, kept, strict=True):
        address[i] = view.__array_interface__["data"][0]
    return address, (joined, *kept)


def _join(payloads: list[bytes]) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """Payloads one after the other, each padded to 8 bytes as their vectors' alignment asks for."""
    parts: list[bytes] = []
    for payload in payloads:
        parts += (payload, _PADDING[-len(payload) & 7])
    return np.frombuffer(b"".join(parts), np.uint8)
