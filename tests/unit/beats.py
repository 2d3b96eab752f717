"""Heartbeats to be shown, as they are received."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rich.cells import cell_len
from rich.text import Text

from histsvc.client import Heartbeat, HistogramInfo, State
from histsvc.protocol.heartbeat import ServiceIdentity, WorkerStatus

NOW_MS = 1_700_000_000_000
IDENTITY = ServiceIdentity("histsvc", "", "0.1.0", "1.0", 3_600_000, "host", 4711)
# What a terminal would act on: an escape sequence, a new line, DEL, C1, and letters from right to left.
NASTY = "a\x1b[2J\nb\x7f\x9b\u202ec"
ESCAPED = r"a\x1b[2J\nb\x7f\x9b\u202ec"


def beat(
    *histograms: HistogramInfo,
    after_ms: int = 0,
    counters: dict[str, int] | None = None,
    workers: Sequence[tuple[Any, ...]] = (),
    **identity: Any,
) -> Heartbeat:
    """A heartbeat of a service, `after_ms` after NOW_MS; workers: id, state, restarts and, or not, load."""
    who = {"uptime_ms": IDENTITY.uptime_ms + after_ms, **identity}
    return Heartbeat(
        message=NOW_MS + after_ms,
        message_interval=1000,
        identity=replace(IDENTITY, **who),
        histograms=histograms,
        workers=tuple(WorkerStatus(*worker) for worker in workers),
        counters=counters or {},
    )


def info(name: str, state: State = State.COUNTING, **keys: Any) -> HistogramInfo:
    """What a heartbeat tells of a histogram."""
    return HistogramInfo(**{"id": name, "state": state, "job": "job0", "topic": "output", **keys})


def plain(lines: Sequence[Text]) -> list[str]:
    return [line.plain for line in lines]


def widest(lines: Sequence[str]) -> int:
    """How many columns of a terminal the longest of some lines takes."""
    return max(cell_len(line) for line in lines)
