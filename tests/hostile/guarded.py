"""The parser on a message between walls: whoever reads one byte too many, on either side, dies at once."""

from __future__ import annotations

import numpy as np

from fuzz.walls import Side, Walls
from histsvc.kernels import parse
from histsvc.model import Column, Int64Array
from histsvc.wire import EVENT_LAYOUTS

_ADDRESSES = [Column.TOF_ADDRESS, Column.PIXEL_ADDRESS]


class Wall:
    """A place for one message."""

    def __init__(self, most_bytes: int = 16_384) -> None:
        self._walls = Walls(1, most_bytes)

    def parse(self, payload: bytes, names: tuple[str, ...] = ("a",)) -> tuple[int, Int64Array]:
        """The address of the payload and what the parser says about it, int64 (len(Column),).

        It says the same of it at the other wall, or an AssertionError is raised.
        """
        found = [self._parse(payload, side, names) for side in (Side.FRONT, Side.BACK)]
        (front, before), (address, row) = found
        if before[Column.FAULT] == 0:
            before[_ADDRESSES] += address - front
        np.testing.assert_array_equal(before, row)
        return address, row

    def _parse(self, payload: bytes, side: Side, names: tuple[str, ...]) -> tuple[int, Int64Array]:
        placed = self._walls.place([payload], side)
        table = np.full((len(Column), 1), 0x5A5A5A5A, np.int64)
        layouts = parse.layout_table(EVENT_LAYOUTS)
        parse.parse(placed.address, placed.size, layouts, *parse.name_table(names), table)
        return int(placed.address[0]), table[:, 0]
