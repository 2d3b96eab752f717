"""Where the structure of a FlatBuffers message lies: every number that the usual decoders follow.

Found by watching them read a good message, so that it holds for every schema that they know.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flatbuffers import encode
from flatbuffers.number_types import SOffsetTFlags


@dataclass(frozen=True)
class Field:
    """A little-endian number of the structure, `width` bytes at `at`, and what it was."""

    at: int
    width: int
    value: int


def fields_of(payload: bytes, read: Callable[[bytes], object]) -> tuple[Field, ...]:
    """The whole numbers that `read` asks for, in the order of their places; those of vectors are not."""
    found: dict[int, Field] = {}
    tables: set[int] = set()
    with _watched(found, tables):
        read(payload)
    # How large a table is stands behind the size of its vtable, and they do not look at it.
    for at in tables:
        place = at - found[at].value + 2
        found[place] = Field(place, 2, int.from_bytes(payload[place : place + 2], "little"))
    return tuple(found[at] for at in sorted(found))


@contextmanager
def _watched(found: dict[int, Field], tables: set[int]) -> Iterator[None]:
    get = encode.Get

    def watching(packer: struct.Struct, buffer: bytes, head: int) -> Any:
        value = get(packer, buffer, head)
        if isinstance(value, int):
            found[head] = Field(head, packer.size, value)
        if packer is SOffsetTFlags.packer_type:
            tables.add(head)
        return value

    encode.Get = watching
    try:
        yield
    finally:
        encode.Get = get
