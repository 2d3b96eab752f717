"""Mutations: what becomes of good messages on the way to something hostile. The same draws give the same."""

from __future__ import annotations

import itertools
import math
import random
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fuzz.fields import Field
from fuzz.messages import Good

EVIL = (0, 1, 2, 3, 4, 5, 7, 8, -1, -2, -4, 0xFF, 0x7FFF, 0x7FFFFFFF, 0x80000000, 0x3FFFFFFF)
"""What fields are set to: none, odd, the largest of every sign, and what makes four times itself wrap."""
_IDENTIFIERS = (b"ev42", b"ev44", b"da00", b"ev43", b"f144", b"hs00", b"\0\0\0\0", b"EV44", b"ev4\xff")
_LONGEST_STALE = 40
_NUMBERS = (
    *(struct.pack("<i", number) for number in (0, 1, -1, 2**31 - 1, -(2**31))),
    *(
        struct.pack("<d", number)
        for number in (0.0, -1.0, 0.5, 1e300, math.inf, -math.inf, math.nan, 2.0**53)
    ),
    *(struct.pack("<f", number) for number in (math.inf, math.nan)),
    *(struct.pack("<q", number) for number in (2**53, 2**53 + 1, 2**63 - 1, -(2**63))),
)
# Of a hundred messages so many are left as they are, and so many are large ones: those take long to read.
_UNTOUCHED, _LARGE = 8, 1
# How often messages of a schema are taken; all others together count as one more.
_SHARES = {"ev42": 4, "ev44": 4, "da00": 3}


@dataclass
class _Work:
    """A message under way: `fields` are those of the good one, wherever bytes have moved since."""

    payload: bytearray
    fields: Sequence[Field]

    def put(self, field: Field, value: int) -> None:
        """Write a number over a field, as far as it still lies inside."""
        raw = (value % (1 << 8 * field.width)).to_bytes(field.width, "little")
        self.payload[field.at : field.at + field.width] = raw[: max(0, len(self.payload) - field.at)]


class Mutator:
    """Makes hostile messages of good ones."""

    def __init__(self, small: Sequence[Good], large: Sequence[Good]) -> None:
        self._small = [[good for good in small if good.name.startswith(schema)] for schema in _SHARES]
        self._small.append([good for good in small if good.name[:4] not in _SHARES])
        self._large = large
        # What follows the structure finds more than what does not know it.
        self._mutations: tuple[Callable[[random.Random, _Work], None], ...] = (
            *itertools.repeat(_set_evil, 5),
            *itertools.repeat(_nudge, 4),
            *itertools.repeat(_point_elsewhere, 4),
            *itertools.repeat(_share, 3),
            *itertools.repeat(_resize_all, 2),
            *itertools.repeat(_flip, 3),
            *itertools.repeat(_write, 2),
            _copy,
            _rename,
            _cut,
            _cut_end,
            _stale,
            _move,
            self._splice,
        )

    def batch(self, draw: random.Random, size: int) -> list[bytes]:
        """So many messages, some of them left as they are."""
        return [self._message(draw) for _ in range(size)]

    def _message(self, draw: random.Random) -> bytes:
        good = draw.choice(self._large) if draw.randrange(100) < _LARGE else self._any_small(draw)
        if draw.randrange(100) < _UNTOUCHED:
            return good.payload
        work = _Work(bytearray(good.payload), good.fields)
        for _ in range(draw.choice((1, 1, 1, 2, 2, 3, 5))):
            draw.choice(self._mutations)(draw, work)
        return bytes(work.payload)

    def _any_small(self, draw: random.Random) -> Good:
        (schema,) = draw.choices(self._small, (*_SHARES.values(), 1))
        return draw.choice(schema)

    def _splice(self, draw: random.Random, work: _Work) -> None:
        """The end of another message."""
        other = self._any_small(draw).payload
        at = draw.randrange(len(other))
        work.payload[at:] = other[at:]


def _field(draw: random.Random, work: _Work) -> Field:
    """One of the structure; of a message whose structure is not known any word."""
    at = draw.randrange(0, max(1, len(work.payload)), 2)
    return draw.choice(work.fields) if work.fields else Field(at, 4, 0)


def _set_evil(draw: random.Random, work: _Work) -> None:
    work.put(_field(draw, work), draw.choice(EVIL))


def _nudge(draw: random.Random, work: _Work) -> None:
    """A little more or less than it was."""
    field = _field(draw, work)
    work.put(field, field.value + draw.choice((-8, -4, -2, -1, 1, 2, 4, 8)))


def _point_elsewhere(draw: random.Random, work: _Work) -> None:
    """Anywhere inside, or around the end."""
    field = _field(draw, work)
    end = len(work.payload) - field.at
    inside, around = draw.randint(-field.at, max(0, end)), end + draw.randint(-9, 9)
    work.put(field, draw.choice((inside, inside, around)))


def _share(draw: random.Random, work: _Work) -> None:
    """Point to where another field points to, or some bytes behind that: vectors that overlap."""
    field, other = _field(draw, work), _field(draw, work)
    work.put(field, other.at + other.value - field.at + draw.choice((0, 0, 0, 1, 2, 4, 8)))


def _resize_all(draw: random.Random, work: _Work) -> None:
    """Every field that has the value of one of them gets the same new one: vectors of equal lengths."""
    value = _field(draw, work).value
    new = draw.choice((0, 1, value - 1, value + 1, 2 * value, *EVIL))
    for field in work.fields:
        if field.value == value:
            work.put(field, new)


def _flip(draw: random.Random, work: _Work) -> None:
    for _ in range(draw.randint(1, 4) if work.payload else 0):
        byte = draw.choice((0, 1, 4, 8, 255, draw.randrange(256)))
        work.payload[draw.randrange(len(work.payload))] = byte


def _write(draw: random.Random, work: _Work) -> None:
    """A number that is odd for a time, an id, a count or an edge, where one may stand."""
    raw = draw.choice(_NUMBERS)
    at = draw.randrange(0, len(work.payload) + 1, 4)
    work.payload[at : at + len(raw)] = raw[: max(0, len(work.payload) - at)]


def _copy(draw: random.Random, work: _Work) -> None:
    """What stands at one place stands at another, too."""
    size = draw.choice((4, 8, 16))
    begin, at = (draw.randrange(0, len(work.payload) + 1, 4) for _ in range(2))
    work.payload[at : at + size] = work.payload[begin : begin + size]


def _rename(draw: random.Random, work: _Work) -> None:
    work.payload[4:8] = draw.choice(_IDENTIFIERS)


def _cut(draw: random.Random, work: _Work) -> None:
    del work.payload[draw.randrange(len(work.payload) + 1) :]


def _cut_end(draw: random.Random, work: _Work) -> None:
    del work.payload[max(0, len(work.payload) - draw.randint(1, 40)) :]


def _stale(draw: random.Random, work: _Work) -> None:
    """Bytes behind the message."""
    work.payload += draw.randbytes(draw.randint(1, _LONGEST_STALE))


def _move(draw: random.Random, work: _Work) -> None:
    """Bytes put in or taken out, so that all behind them lies elsewhere."""
    at = draw.randrange(len(work.payload) + 1)
    if draw.randrange(2):
        work.payload[at:at] = bytes(draw.randint(1, 8))
    else:
        del work.payload[at : at + draw.randint(1, 8)]
