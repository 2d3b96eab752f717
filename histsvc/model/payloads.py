"""What messages hold, and where in memory it is."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Int64Array = npt.NDArray[np.int64]

# In CPython, which numba needs as well, id() is an address, and bytes lie in one piece behind their header
# (docs/adr/0019).
_HEADER_BYTES = bytes.__basicsize__ - 1


class Payloads(Protocol):
    """Payloads of messages in reading order: a list of bytes, or `InPlace`."""

    def __len__(self) -> int:
        """How many messages there are."""
        ...

    def __getitem__(self, row: int, /) -> bytes:
        """The payload of one message."""
        ...

    def __iter__(self) -> Iterator[bytes]:
        """All of them."""
        ...


@dataclass(frozen=True, eq=False)
class InPlace:
    """Payloads where somebody else keeps them: `address` and `size` in bytes, both int64 (messages,).

    They are there as long as somebody has `memory`.
    """

    address: Int64Array
    size: Int64Array
    memory: object

    def __len__(self) -> int:
        """How many messages there are."""
        return self.size.size

    def __getitem__(self, row: int, /) -> bytes:
        """A copy of the payload of one message."""
        return ctypes.string_at(int(self.address[row]), int(self.size[row]))

    def __iter__(self) -> Iterator[bytes]:
        """Copies of all of them."""
        return map(self.__getitem__, range(len(self)))


def chosen(payloads: Payloads, rows: slice) -> Payloads:
    """Some of them."""
    if isinstance(payloads, InPlace):
        return InPlace(payloads.address[rows], payloads.size[rows], payloads.memory)
    return list(payloads)[rows]


def emptied(payloads: Payloads, rows: Int64Array) -> Payloads:
    """The same with nothing in those of `rows`, int64."""
    if isinstance(payloads, InPlace):
        size = payloads.size.copy()
        size[rows] = 0
        return InPlace(payloads.address, size, payloads.memory)
    empty = set(rows.tolist())
    return [b"" if row in empty else payload for row, payload in enumerate(payloads)]


def addresses(payloads: Payloads) -> Int64Array:
    """Where payloads begin in memory, int64 (messages,); valid as long as somebody has them."""
    if isinstance(payloads, InPlace):
        return payloads.address
    return np.fromiter(map(id, payloads), np.int64, len(payloads)) + _HEADER_BYTES


def sizes(payloads: Payloads) -> Int64Array:
    """Bytes of each payload, int64 (messages,)."""
    if isinstance(payloads, InPlace):
        return payloads.size
    return np.fromiter(map(len, payloads), np.int64, len(payloads))
