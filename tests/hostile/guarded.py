"""Memory whose end is a wall: whoever reads one byte too many dies at once."""

from __future__ import annotations

import ctypes
import mmap

import numpy as np

from histsvc.kernels import parse
from histsvc.model import Column, Int64Array
from histsvc.wire import EVENT_LAYOUTS

_PROT_NONE = 0
_libc = ctypes.CDLL(None, use_errno=True)


class Wall:
    """Pages of which the last cannot be touched."""

    def __init__(self, pages: int = 4) -> None:
        self._size = pages * mmap.PAGESIZE
        self._memory = mmap.mmap(-1, self._size + mmap.PAGESIZE)
        self._view = np.frombuffer(self._memory, np.uint8)
        self._address = self._view.__array_interface__["data"][0]
        wall = ctypes.c_void_p(self._address + self._size)
        if _libc.mprotect(wall, ctypes.c_size_t(mmap.PAGESIZE), _PROT_NONE) != 0:
            raise OSError(ctypes.get_errno(), "mprotect")

    def place(self, payload: bytes) -> int:
        """Put a payload right before the wall; returns its address, which need not be aligned."""
        begin = self._size - len(payload)
        self._view[begin : self._size] = np.frombuffer(payload, np.uint8)
        return int(self._address + begin)

    def parse(self, payload: bytes, names: tuple[str, ...] = ("a",)) -> tuple[int, Int64Array]:
        """The address of the payload and what the parser says about it, int64 (len(Column),)."""
        address = self.place(payload)
        table = np.full((len(Column), 1), 0x5A5A5A5A, np.int64)
        parse.parse(
            np.array([address]),
            np.array([len(payload)]),
            parse.layout_table(EVENT_LAYOUTS),
            *parse.name_table(names),
            table,
        )
        return address, table[:, 0]
