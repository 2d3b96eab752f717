"""Which messages count: start, stop, leeway, and when a partition is done (protocol.md, section 3). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

# A partition is done when the clock is this long past stop and its end of that time is reached.
STOP_GRACE_MS = 5000
NO_LIMIT = np.int64(np.iinfo(np.int64).max)
"""The limit of a partition that has none: every offset lies below it."""


class Verdict(IntEnum):
    """What a message is to a job."""

    SKIPPED = 0
    OUT_OF_WINDOW = 1
    COUNTS = 2


@dataclass(frozen=True)
class Window:
    """Messages with start ≤ Kafka timestamp ≤ stop count (ms); None is no bound."""

    start_ms: int | None
    stop_ms: int | None
    leeway_ms: int

    def inside(self, timestamp_ms: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Which timestamps belong, bool (messages,)."""
        inside = np.ones(timestamp_ms.size, dtype=bool)
        if self.start_ms is not None:
            inside &= timestamp_ms >= self.start_ms
        if self.stop_ms is not None:
            inside &= timestamp_ms <= self.stop_ms
        return inside

    def past(self, timestamp_ms: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_] | None:
        """Which timestamps end their partition, bool (messages,); None where there is no stop."""
        if self.stop_ms is None:
            return None
        past: npt.NDArray[np.bool_] = timestamp_ms > self.stop_ms + self.leeway_ms
        return past

    def grace_is_over(self, now_ms: int) -> bool:
        """Whether the clock alone says that nothing more will come."""
        return self.stop_ms is not None and now_ms > self.stop_ms + STOP_GRACE_MS


class Progress:
    """How far each partition (slot) of a worker has been counted, and which are done; done is final."""

    def __init__(self, window: Window, start_offsets: npt.ArrayLike) -> None:
        """Begin at `start_offsets`, one int64 per slot."""
        self.window = window
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

    def lag(self, slot: int, end: int, limit: int) -> int:
        """Messages between the position and the limit, own or given (else `end`), still to be counted."""
        if self.done[slot]:
            return 0
        limit = min(limit, int(self._limit[slot]))
        return max(0, (end if limit == NO_LIMIT else limit) - int(self.position[slot]))

    def reached_end(self, slot: int, offset: int) -> None:
        """The reader has seen everything before `offset`, be it messages or records never delivered."""
        if not self.done[slot]:
            self.position[slot] = max(int(self.position[slot]), min(offset, int(self._limit[slot])))
            self._finish(slot)

    def _finish(self, slot: int) -> None:
        if self.position[slot] >= self._limit[slot]:
            self.done[slot] = True

    def take(
        self,
        slot: npt.NDArray[np.int64],
        offset: npt.NDArray[np.int64],
        timestamp_ms: npt.NDArray[np.int64],
    ) -> npt.NDArray[np.uint8]:
        """Judge messages in reading order, uint8 (messages,) of Verdict, and advance the positions.

        A message is skipped where it was counted before, lies at or behind the limit, or at or behind the
        message that ended its partition.
        """
        open_slots = ~self.done[slot]
        ours = open_slots & self._ascending(slot, offset) & (offset < self._limit[slot])
        past = self.window.past(timestamp_ms)
        if past is not None and np.any(past & ours):
            self._end_partitions(ours, past, slot)
        taken = np.flatnonzero(ours)
        # Offsets of a partition ascend, and the last of repeated indices is what stays.
        self.position[slot[taken]] = offset[taken] + 1
        # What lies behind the limit proves that it is reached, be the last before it a control record.
        beyond = slot[open_slots & (offset >= self._limit[slot]) & ~self.done[slot]]
        self.position[beyond] = self._limit[beyond]
        self.done |= self.position >= self._limit
        verdicts = np.where(self.window.inside(timestamp_ms), Verdict.COUNTS, Verdict.OUT_OF_WINDOW)
        return np.where(ours, verdicts, Verdict.SKIPPED).astype(np.uint8)

    def _ascending(self, slot: npt.NDArray[np.int64], offset: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Which messages are newer than all before them in their slot, bool (messages,)."""
        newer = np.zeros(offset.size, dtype=bool)
        for each in np.unique(slot).tolist():
            mine = np.flatnonzero(slot == each)
            seen = np.maximum.accumulate(np.append(self.position[each] - 1, offset[mine]))
            newer[mine] = offset[mine] > seen[:-1]
        return newer

    def _end_partitions(
        self,
        ours: npt.NDArray[np.bool_],
        past: npt.NDArray[np.bool_],
        slot: npt.NDArray[np.int64],
    ) -> None:
        """Take the message that ends a partition, and all behind it, out of `ours`."""
        for ended in np.unique(slot[past & ours]).tolist():
            mine = ours & (slot == ended)
            first = int(np.flatnonzero(mine & past)[0])
            ours[first:] &= slot[first:] != ended
            self.done[ended] = True
