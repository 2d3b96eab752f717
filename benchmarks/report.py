"""What was measured, as a table to read and as JSON."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import confluent_kafka
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.pairs import Sides, Spread
from benchmarks.rates import BOTH, DISCARD, NAIVE, NAIVE_PART, SPECTRUM, Rate

_MILLION, _BILLION = 1e6, 1e9
# Ratios that the service is held to, and those of the usual way by shape.
_TARGETS = {SPECTRUM: 0.85, BOTH: 0.6}
_NAIVE_TARGETS = {"compact 1,000": 12.0, "efu 1,000": 5.0}


@dataclass(frozen=True)
class Row:
    """One comparison: `ratio` is how fast `side` is with `to` as 1; rates and CPU are medians."""

    shape: str
    side: str
    to: str
    ratio: Spread
    target: float
    events_per_s: float
    megabytes_per_s: float
    messages_per_s: float
    cpu_s_per_billion: float
    runs: int


def rows(rate: Rate) -> list[Row]:
    """The comparisons of one shape: the yardstick itself first."""
    made = [_row(rate, DISCARD, DISCARD, rate.sides.ratio(DISCARD, DISCARD), 0.0)]
    made += [_row(rate, side, DISCARD, rate.sides.ratio(side, DISCARD), _TARGETS[side]) for side in _TARGETS]
    if NAIVE in rate.sides.runs:
        fewer = rate.sides.ratio(SPECTRUM, NAIVE)
        whole = Spread(*(NAIVE_PART * number for number in (fewer.median, fewer.low, fewer.high)))
        made.append(_row(rate, SPECTRUM, NAIVE, whole, _NAIVE_TARGETS[rate.filled.shape.name]))
    return made


def _row(rate: Rate, side: str, to: str, ratio: Spread, target: float) -> Row:
    sides: Sides = rate.sides
    seconds = sides.seconds(side).median
    return Row(
        rate.filled.shape.name,
        side,
        to,
        ratio,
        target,
        rate.filled.events / seconds,
        rate.filled.bytes / seconds / _MILLION,
        rate.filled.messages / seconds,
        sides.cpu_s(side).median / rate.filled.events * _BILLION,
        len(sides.runs[side]),
    )


def table(found: Sequence[Row]) -> Table:
    """All comparisons, to be printed."""
    made = Table(title="events of one stream, counted once (median, quartiles)")
    for name in ("messages", "side", "compared with", "ratio", "target"):
        made.add_column(name)
    for name in ("10\u2076 events/s", "MB/s", "messages/s", "CPU s per 10\u2079 events"):
        made.add_column(name, justify="right")
    for row in found:
        met = "green" if row.ratio.median >= row.target else "red"
        made.add_row(
            row.shape,
            row.side,
            row.to if row.to != row.side else "",
            f"[{met}]{row.ratio:.2f}[/]" if row.target else "",
            f"{row.target:g}" if row.target else "",
            f"{row.events_per_s / _MILLION:,.1f}",
            f"{row.megabytes_per_s:,.0f}",
            f"{row.messages_per_s:,.0f}",
            f"{row.cpu_s_per_billion:,.1f}",
        )
    return made


def machine() -> dict[str, Any]:
    """On what it was measured."""
    return {
        "platform": platform.platform(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "librdkafka": confluent_kafka.libversion()[0],
    }


def document(found: Sequence[Row]) -> dict[str, Any]:
    """All of it, for JSON."""
    return {"machine": machine(), "rates": [asdict(row) for row in found]}


def show(found: Sequence[Row], console: Console) -> None:
    """Print the table."""
    console.print(table(found))
