"""Which messages of a batch a histogram looks into, and what becomes of the events of the others."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from histsvc.kernels.jit import kernel
from histsvc.model import Fault, Int64Array, Tally
from histsvc.window import Verdict

_NONE, _NO_SCHEMA = int(Fault.NONE), int(Fault.NO_SCHEMA)
_SKIPPED, _OUT_OF_WINDOW = int(Verdict.SKIPPED), int(Verdict.OUT_OF_WINDOW)
_T_MESSAGES, _T_OTHER, _T_UNDECODABLE = int(Tally.MESSAGES), int(Tally.OTHER_SCHEMA), int(Tally.UNDECODABLE)
_T_OUT_OF_WINDOW, _T_FILTERED = int(Tally.OUT_OF_WINDOW), int(Tally.FILTERED)


@kernel(
    "int64(int64[::1], int64[::1], uint8[::1], int64[::1], int64[::1], int64[::1], int64[::1], boolean[::1],"
    " boolean[::1], int64[::1], int64[::1], boolean[::1], int64, int64[::1], int64[::1])"
)
def account(
    slot: Int64Array,
    offset: Int64Array,
    verdict: npt.NDArray[np.uint8],
    fault: Int64Array,
    schema: Int64Array,
    source: Int64Array,
    events: Int64Array,
    lacking: npt.NDArray[np.bool_],
    slots: npt.NDArray[np.bool_],
    floor: Int64Array,
    limit: Int64Array,
    schemas: npt.NDArray[np.bool_],
    wanted_source: int,
    rows: Int64Array,
    tally: Int64Array,
) -> int:
    """Write the messages to be looked into to `rows`, int64 (messages,); returns how many they are.

    `lacking` are without a needed vector. Wanted: partitions `slots`, offsets from `floor` to below `limit`,
    all (slots,), `schemas`, (schemas + 1,), the last an unknown one, a source (-1: all). All else: `tally`.
    """
    found = 0
    for i in range(slot.size):
        s = slot[i]
        if not (slots[s] and verdict[i] != _SKIPPED and floor[s] <= offset[i] < limit[s]):
            continue
        tally[_T_MESSAGES] += 1
        if fault[i] == _NO_SCHEMA or (schemas[schema[i]] and fault[i] != _NONE):
            tally[_T_UNDECODABLE] += 1
        elif not schemas[schema[i]]:
            tally[_T_OTHER] += 1
        elif verdict[i] == _OUT_OF_WINDOW:
            tally[_T_OUT_OF_WINDOW] += events[i]
        elif lacking[i] or (wanted_source >= 0 and source[i] != wanted_source):
            tally[_T_FILTERED] += events[i]
        elif events[i] > 0:
            rows[found] = i
            found += 1
    return found


def account_numpy(
    slot: Int64Array,
    offset: Int64Array,
    verdict: npt.NDArray[np.uint8],
    fault: Int64Array,
    schema: Int64Array,
    source: Int64Array,
    events: Int64Array,
    lacking: npt.NDArray[np.bool_],
    slots: npt.NDArray[np.bool_],
    floor: Int64Array,
    limit: Int64Array,
    schemas: npt.NDArray[np.bool_],
    wanted_source: int,
    rows: Int64Array,
    tally: Int64Array,
) -> int:
    """Do what `account` does, in numpy."""
    mine = slots[slot] & (verdict != Verdict.SKIPPED) & (offset >= floor[slot]) & (offset < limit[slot])
    wanted, nameless = schemas[schema], fault == Fault.NO_SCHEMA
    tally[Tally.MESSAGES] += np.count_nonzero(mine)
    tally[Tally.OTHER_SCHEMA] += np.count_nonzero(mine & ~wanted & ~nameless)
    tally[Tally.UNDECODABLE] += np.count_nonzero(mine & (nameless | (wanted & (fault != Fault.NONE))))
    good = mine & wanted & (fault == Fault.NONE) & (events > 0)
    outside = good & (verdict == Verdict.OUT_OF_WINDOW)
    tally[Tally.OUT_OF_WINDOW] += events[outside].sum()
    unfit = lacking | (source != wanted_source) if wanted_source >= 0 else lacking
    tally[Tally.FILTERED] += events[good & ~outside & unfit].sum()
    left = np.flatnonzero(good & ~outside & ~unfit)
    rows[: left.size] = left
    return int(left.size)


@kernel("void(int64[::1], int64[::1], int64[::1])")
def note_pulses(time_ns: Int64Array, rows: Int64Array, pulse_ns: Int64Array) -> None:
    """Bring `pulse_ns`, int64 (2,), up to date with the messages `rows`; `time_ns` is the column of a batch.

    It has the oldest pulse of the first batch that had one, and the newest of all; 0 is none.
    """
    oldest_ns = 0
    for row in rows:
        if time_ns[row] > 0:  # a message need not have one
            oldest_ns = time_ns[row] if oldest_ns == 0 else min(oldest_ns, time_ns[row])
            pulse_ns[1] = max(pulse_ns[1], time_ns[row])
    if pulse_ns[0] == 0:
        pulse_ns[0] = oldest_ns


def note_pulses_numpy(time_ns: Int64Array, rows: Int64Array, pulse_ns: Int64Array) -> None:
    """Do what `note_pulses` does, in numpy."""
    known = time_ns[rows][time_ns[rows] > 0]
    if known.size:
        pulse_ns[:] = pulse_ns[0] or known.min(), max(pulse_ns[1], known.max())
