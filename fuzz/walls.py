"""Memory between walls: whoever reads a byte beyond a message that lies at one of them dies at once.

Bounds checks of compiled kernels end where they read by address; what cannot be read there is found by the
processor.
"""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Sequence
from enum import StrEnum

import numpy as np

from histsvc.model import InPlace

_PROT_NONE = 0
# Wide, so that also who jumps far off does not land in another cell; what cannot be touched needs no memory.
_WALL_BYTES = 16 * 1024 * 1024
_libc = ctypes.CDLL(None, use_errno=True)


class Side(StrEnum):
    """The wall that a message touches."""

    FRONT = "front"
    BACK = "back"


class Walls:
    """Cells of whole pages, each between two walls of pages that cannot be touched."""

    def __init__(self, cells: int, cell_bytes: int) -> None:
        """Make cells for messages of up to `cell_bytes`; raises OSError where the system has none."""
        self.cells = cells
        self.cell_bytes = max(1, -(-cell_bytes // mmap.PAGESIZE)) * mmap.PAGESIZE
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        self._memory = mmap.mmap(-1, self._begin(cells), flags)
        self._view = np.frombuffer(self._memory, np.uint8)
        self._address: int = self._view.__array_interface__["data"][0]
        for cell in range(cells + 1):
            wall = ctypes.c_void_p(self._address + self._begin(cell) - _WALL_BYTES)
            if _libc.mprotect(wall, ctypes.c_size_t(_WALL_BYTES), _PROT_NONE) != 0:
                raise OSError(ctypes.get_errno(), "mprotect")

    def _begin(self, cell: int) -> int:
        return cell * (self.cell_bytes + _WALL_BYTES) + _WALL_BYTES

    def place(self, payloads: Sequence[bytes], side: Side) -> InPlace:
        """Put each into a cell of its own, at one of its walls; they are there until the next are placed.

        Behind the back wall they need not be aligned; behind the front wall they are.
        """
        sizes = np.array([len(payload) for payload in payloads], np.int64)
        begins = np.array([self._begin(cell) for cell in range(len(payloads))], np.int64)
        if side is Side.BACK:
            begins += self.cell_bytes - sizes
        for begin, payload in zip(begins.tolist(), payloads, strict=True):
            self._view[begin : begin + len(payload)] = np.frombuffer(payload, np.uint8)
        return InPlace(self._address + begins, sizes, self)
