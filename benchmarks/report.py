"""What was found, as a table to read and as JSON."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from typing import Any

import confluent_kafka
import numba
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.finding import Finding
from histsvc.view.text import short


def table(found: Sequence[Finding]) -> Table:
    """All findings, to be printed."""
    made = Table(title="median (quartiles)")
    for name, justify in (("#", "right"), ("work", "left"), ("", "left"), ("measured", "right")):
        made.add_column(name, justify=justify)  # type: ignore[arg-type]
    made.add_column("target", justify="right")
    made.add_column("also")
    for each in found:
        style = {True: "green", False: "red", None: ""}[each.met]
        value = f"{each.value.median:.3g} ({each.value.low:.3g} to {each.value.high:.3g}) {each.unit}"
        made.add_row(
            str(each.row),
            each.work,
            each.measured,
            f"[{style}]{value}[/]" if style else value,
            "" if each.target is None else f"{'≤' if each.at_most else '≥'} {each.target:g}",
            figures(each.also),
        )
    return made


def figures(also: Mapping[str, float]) -> str:
    """Figures beside a finding, on one line."""
    return ", ".join(f"{short(value)} {name.replace('_', ' ')}" for name, value in also.items())


def machine() -> dict[str, Any]:
    """On what it was measured."""
    return {
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": numba.__version__,
        "librdkafka": confluent_kafka.libversion()[0],
    }


def document(found: Sequence[Finding]) -> dict[str, Any]:
    """All of it, for JSON."""
    return {"machine": machine(), "findings": [each.document() for each in found]}


def show(found: Sequence[Finding], console: Console) -> None:
    """Print the table."""
    console.print(table(found))
