"""Messages that end the process that looks into them: how they are found, and how they are passed over.

Where workers die one after the other at the same place, the next one says before each batch what is in it.
One that dies leaves that batch behind as suspicious; its successor takes that one message by message. The
message at which two of them die is passed over by all that come after.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from histsvc.clock import Clock, Deadline
from histsvc.model import Extent, Partition, RawMessages
from histsvc.worker.fill import Filling

# Who has come through this time has left the place behind.
_CAREFUL_S = 60.0


class Caution:
    """Divides what was read, and tells of each part before it is looked into, and () after that."""

    def __init__(
        self, suspects: Collection[Extent], tell: Callable[[tuple[Extent, ...]], None], clock: Clock
    ) -> None:
        self._suspects = suspects
        self._tell = tell
        self._patience = Deadline(clock, _CAREFUL_S)

    @property
    def over(self) -> bool:
        """Whether it is not needed any more."""
        return self._patience.expired()

    def parts(self, raw: RawMessages, partitions: Sequence[Partition]) -> Iterator[RawMessages]:
        """All messages, in order; `partitions` are those of the slots."""
        for rows in _runs(_within(raw, partitions, self._suspects)):
            part = raw.rows(rows)
            self._tell(_extents(part, partitions))
            yield part
            self._tell(())


def pass_over(
    raw: RawMessages, partitions: Sequence[Partition], poison: Collection[Extent], fillings: Sequence[Filling]
) -> RawMessages:
    """Empty the messages that others have died of: so they are counted as undecodable, and it is said why."""
    rows = np.flatnonzero(_within(raw, partitions, poison))
    if rows.size == 0:
        return raw
    for row in rows.tolist():
        slot, offset = int(raw.slot[row]), int(raw.offset[row])
        where = f"offset {offset} of partition {partitions[slot].number} of {partitions[slot].topic!r}"
        for filling in fillings:
            if filling.counting and filling.slots[slot] and offset >= filling.floor[slot]:
                filling.remark(f"the message at {where} was not counted: workers die of it")
    return raw.emptied(rows)


def _within(
    raw: RawMessages, partitions: Sequence[Partition], extents: Collection[Extent]
) -> npt.NDArray[np.bool_]:
    """Which messages lie in these extents, bool (messages,)."""
    within = np.zeros(raw.offset.size, dtype=bool)
    for partition, first, last in extents:
        if partition in partitions:
            slot = partitions.index(partition)
            within |= (raw.slot == slot) & (first <= raw.offset) & (raw.offset <= last)
    return within


def _runs(alone: npt.NDArray[np.bool_]) -> Iterator[slice]:
    """Rows that are looked into together: each for itself where it is to be `alone`."""
    begin = 0
    for row in np.flatnonzero(alone).tolist():
        if begin < row:
            yield slice(begin, row)
        yield slice(row, row + 1)
        begin = row + 1
    if begin < alone.size:
        yield slice(begin, alone.size)


def _extents(raw: RawMessages, partitions: Sequence[Partition]) -> tuple[Extent, ...]:
    """What is in it."""
    extents = []
    for slot in np.unique(raw.slot).tolist():
        offsets = raw.offset[raw.slot == slot]
        extents.append(Extent(partitions[slot], int(offsets.min()), int(offsets.max())))
    return tuple(extents)
