"""Which messages count, one after the other in reading order, and how far their partitions are with that."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from histsvc.kernels.jit import kernel
from histsvc.model import Int64Array
from histsvc.window import Verdict

_SKIPPED, _OUT_OF_WINDOW, _COUNTS = int(Verdict.SKIPPED), int(Verdict.OUT_OF_WINDOW), int(Verdict.COUNTS)


@kernel(
    "void(int64[::1], int64[::1], int64[::1], int64, int64, int64, int64[::1], boolean[::1], int64[::1],"
    " uint8[::1])"
)
def judge(
    slot: Int64Array,
    offset: Int64Array,
    timestamp_ms: Int64Array,
    first_ms: int,
    last_ms: int,
    end_ms: int,
    position: Int64Array,
    done: npt.NDArray[np.bool_],
    limit: Int64Array,
    verdict: npt.NDArray[np.uint8],
) -> None:
    """Write the verdict on each message, uint8 (messages,), and bring `position` and `done` up to date.

    Timestamps from `first_ms` to `last_ms` count, one behind `end_ms` ends its partition. `position`, `done`
    and `limit` are of the partitions, by slot: the next offset, whether nothing more counts, and the offset
    from which on nothing does.
    """
    for i in range(slot.size):
        s = slot[i]
        verdict[i] = _SKIPPED
        if done[s] or offset[i] < position[s]:
            continue
        if offset[i] >= limit[s]:
            # It proves that the limit is reached, be the last before it a control record.
            position[s], done[s] = limit[s], True
        elif timestamp_ms[i] > end_ms:
            done[s] = True
        else:
            inside = first_ms <= timestamp_ms[i] <= last_ms
            verdict[i] = _COUNTS if inside else _OUT_OF_WINDOW
            position[s] = offset[i] + 1
            done[s] = position[s] >= limit[s]


def judge_numpy(
    slot: Int64Array,
    offset: Int64Array,
    timestamp_ms: Int64Array,
    first_ms: int,
    last_ms: int,
    end_ms: int,
    position: Int64Array,
    done: npt.NDArray[np.bool_],
    limit: Int64Array,
    verdict: npt.NDArray[np.uint8],
) -> None:
    """Do what `judge` does, in numpy: partition by partition, the messages before the one that ends it."""
    verdict[:] = _SKIPPED
    for s in np.unique(slot).tolist():
        mine = np.flatnonzero(slot == s)
        seen = np.maximum.accumulate(np.append(position[s] - 1, offset[mine]))
        mine = mine[(offset[mine] > seen[:-1]) & ~done[s]]
        ends = np.flatnonzero((offset[mine] >= limit[s]) | (timestamp_ms[mine] > end_ms))
        taken = mine[: ends[0]] if ends.size else mine
        inside = (timestamp_ms[taken] >= first_ms) & (timestamp_ms[taken] <= last_ms)
        verdict[taken] = np.where(inside, _COUNTS, _OUT_OF_WINDOW)
        position[s] = offset[taken[-1]] + 1 if taken.size else position[s]
        if ends.size and offset[mine[ends[0]]] >= limit[s]:
            position[s] = limit[s]
        done[s] |= ends.size > 0 or (mine.size > 0 and position[s] >= limit[s])
