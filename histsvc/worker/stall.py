"""A reader that brings nothing though there is something to read: then its worker has to end."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from histsvc.clock import Clock, Every
from histsvc.model import Int64Array, Partition
from histsvc.worker.ends import EndQueries


class StalledError(Exception):
    """Nothing is read any more; the message says of what."""


class Stall:
    """Watches positions; asks brokers only where nothing has moved for half of the time that is allowed.

    A broker that does not answer proves nothing: then there may be nothing to read. One that answers again
    has half of that time to give what there is.
    """

    def __init__(self, timeout_s: float, queries: EndQueries, clock: Clock) -> None:
        """`queries` asks for the ends of what readers are given."""
        self._timeout_s = timeout_s
        self._queries = queries
        self._clock = clock
        self._due = Every(clock, timeout_s / 10)
        self._position: Int64Array = np.empty(0, np.int64)
        self._moved_s: npt.NDArray[np.float64] = np.empty(0)
        # Where partitions end of which nothing has come for a while, and when that was told.
        self._ends: dict[Partition, tuple[int, float]] = {}

    def check(
        self, partitions: Sequence[Partition], position: Int64Array, wanted: npt.NDArray[np.bool_]
    ) -> None:
        """Raises StalledError; `position`, int64, and `wanted`, bool, are both (slots,)."""
        if not self._due.due():
            return
        now_s = self._clock.monotonic_s()
        added = position.size - self._position.size
        self._position = np.append(self._position, np.full(added, -1))
        self._moved_s = np.append(self._moved_s, np.zeros(added))
        self._moved_s[(self._position != position) | ~wanted] = now_s
        self._position = position.copy()
        still = np.flatnonzero(now_s - self._moved_s > self._timeout_s / 2).tolist()
        quiet = {partitions[slot]: slot for slot in still}
        self._ends = {partition: end for partition, end in self._ends.items() if partition in quiet}
        for partition, end in list(self._queries.answers(quiet.keys() - self._ends.keys())):
            self._note(partition, quiet[partition], end)
        for partition, (end, told_s) in self._ends.items():
            slot = quiet[partition]
            if now_s > max(self._moved_s[slot] + self._timeout_s, told_s + self._timeout_s / 2):
                behind = (
                    f"{end - position[slot]} messages of partition {partition.number} of {partition.topic!r}"
                )
                raise StalledError(f"nothing was read for {self._timeout_s:g} s though there are {behind}")

    def _note(self, partition: Partition, slot: int, end: int) -> None:
        now_s = self._clock.monotonic_s()
        if end > self._position[slot]:
            self._ends[partition] = end, now_s
        else:  # there is nothing, and it is looked at again after a while
            self._moved_s[slot] = now_s
