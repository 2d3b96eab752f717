"""How far each partition of a worker has been counted, and which are done (protocol.md, section 3)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from histsvc.model import Int64Array
from histsvc.window import NO_LIMIT, Window


class Progress:
    """How far each partition (slot) of a worker has been counted, and which are done; done is final."""

    def __init__(self, window: Window, start_offsets: npt.ArrayLike) -> None:
        """Begin at `start_offsets`, one int64 per slot."""
        from histsvc.kernels.judge import judge  # loads numba: only where events are filled

        self.window = window
        self._judge = judge
        self.position = np.array(start_offsets, dtype=np.int64)
        self.done = np.zeros(self.position.size, dtype=bool)
        self._limit = np.full(self.position.size, NO_LIMIT, dtype=np.int64)

    @property
    def limited(self) -> npt.NDArray[np.bool_]:
        """Which slots have been given a limit, bool (slots,)."""
        limited: npt.NDArray[np.bool_] = self._limit != NO_LIMIT
        return limited

    def limit(self, slot: int, offset: int) -> None:
        """Count nothing from `offset` on; the slot is done when its position reaches it."""
        self._limit[slot] = min(int(self._limit[slot]), offset)
        self._finish(slot)

    def extend(self, slots: int) -> None:
        """So many more slots, to be counted from their beginning."""
        self.position = np.append(self.position, np.zeros(slots, np.int64))
        self.done = np.append(self.done, np.zeros(slots, dtype=bool))
        self._limit = np.append(self._limit, np.full(slots, NO_LIMIT))

    def lag(self, slot: int, position: int, end: int, limit: np.int64) -> int:
        """Messages between a position and the limit, own or given (else `end`), still to be counted."""
        if self.done[slot]:
            return 0
        last = min(int(limit), int(self._limit[slot]))
        return max(0, (end if last == NO_LIMIT else last) - position)

    def reached_end(self, slot: int, offset: int) -> None:
        """The reader has seen everything before `offset`, be it messages or records never delivered."""
        if not self.done[slot]:
            self.position[slot] = max(int(self.position[slot]), min(offset, int(self._limit[slot])))
            self._finish(slot)

    def _finish(self, slot: int) -> None:
        if self.position[slot] >= self._limit[slot]:
            self.done[slot] = True

    def take(self, slot: Int64Array, offset: Int64Array, timestamp_ms: Int64Array) -> npt.NDArray[np.uint8]:
        """Judge messages in reading order, uint8 (messages,) of Verdict, and advance the positions.

        A message is skipped where it was counted before, lies at or behind the limit, or at or behind the
        message that ended its partition.
        """
        verdicts = np.empty(slot.size, np.uint8)
        columns = slot, offset, timestamp_ms
        self._judge(*columns, *self.window.bounds, self.position, self.done, self._limit, verdicts)
        return verdicts
