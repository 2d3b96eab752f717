"""The fuzzer's child with a fault in it: `planted.py FAULT PART …`; so it is seen that faults are found."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from fuzz import child
from fuzz.trial import Trial
from histsvc.kernels import hist1d
from histsvc.model import Column, Int64Array

EVENTS = 13
"""The fault shows with messages of so many events."""
_FAR_BYTES = 400_000
_fill: Callable[..., None] = hist1d.fill
_run = Trial.run


def reads_behind(rows: Int64Array, table: Int64Array, *room: Any) -> None:
    """Take a vector for longer than it is."""
    _fill(rows, _changed(rows, table, Column.TOF_LENGTH, _FAR_BYTES // 4), *room)


def reads_before(rows: Int64Array, table: Int64Array, *room: Any) -> None:
    """Look for a vector before its message."""
    _fill(rows, _changed(rows, table, Column.TOF_ADDRESS, -_FAR_BYTES), *room)


def miscounts(rows: Int64Array, table: Int64Array, *room: Any) -> None:
    """Count one event that is none."""
    _fill(rows, table, *room)
    room[-2][0] += int(_victims(rows, table).size > 0)


def raises_together(trial: Trial, messages: Sequence[bytes]) -> None:
    """Raise where more than one message is tried."""
    _run(trial, messages)
    if len(messages) > 1:
        raise IndexError("planted")


def hangs(trial: Trial, messages: Sequence[bytes]) -> None:
    """Do not come to an end with an empty message."""
    _run(trial, messages)
    if b"" in messages:
        time.sleep(600)


def _victims(rows: Int64Array, table: Int64Array) -> Int64Array:
    victims: Int64Array = rows[table[Column.TOF_LENGTH, rows] == EVENTS]
    return victims


def _changed(rows: Int64Array, table: Int64Array, column: Column, by: int) -> Int64Array:
    changed = table.copy()
    changed[column, _victims(rows, table)] += by
    return changed


if __name__ == "__main__":
    fault = globals()[sys.argv[1]]
    if fault in (raises_together, hangs):
        Trial.run = fault  # type: ignore[method-assign]
    else:
        hist1d.fill = fault
    child.HANGS_S = 2
    child.main(sys.argv[2:])
