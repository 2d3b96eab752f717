"""What the field's usual decoders make of a message, without what they make up.

Python cuts a text that reaches out of its message off at the end, and nobody notices; here it can be told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from flatbuffers import encode
from flatbuffers.number_types import UOffsetTFlags
from flatbuffers.table import Table


class Unreadable(Exception):  # noqa: N818 - it is no error, but a verdict
    """The usual decoder does not read the message; what it stumbles over may not be needed."""


class CutText(str):
    """A text that does not lie inside of its message, as far as it does."""


class _CutBytes(bytes):
    def decode(self, *_: object) -> CutText:
        """The same as text."""
        return CutText(super().decode())


def read(decoder: Callable[[bytes], Any], payload: bytes) -> Any:
    """What a decoder reads; its texts that were cut are CutText. Raises Unreadable."""
    with _telling():
        try:
            return decoder(payload)
        except Exception as error:
            raise Unreadable from error


@contextmanager
def _telling() -> Iterator[None]:
    string = Table.String

    def telling(table: Table, at: int) -> bytes:
        text: bytes = string(table, at)
        begin = at + encode.Get(UOffsetTFlags.packer_type, table.Bytes, at)
        length = encode.Get(UOffsetTFlags.packer_type, table.Bytes, begin)
        return text if len(text) == length else _CutBytes(text)

    Table.String = telling
    try:
        yield
    finally:
        Table.String = string
