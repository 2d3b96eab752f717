"""What was found, as a table to read and as JSON."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import confluent_kafka
import numba
import numpy as np
from rich.table import Table

from benchmarks import plots
from benchmarks.finding import Finding
from histsvc.view.text import short

_TITLES = ("#", "work", "", "median (quartiles)", "target", "also")


def table(found: Sequence[Finding]) -> Table:
    """All findings, to be printed."""
    made = Table()
    for name in _TITLES:
        made.add_column(name)
    for each in found:
        style = {True: "green", False: "red", None: ""}[each.met]
        cells = _cells(each)
        cells[3] = f"[{style}]{cells[3]}[/]" if style else cells[3]
        made.add_row(*cells)
    return made


def markdown(found: Sequence[Finding]) -> str:
    """The same table for documents; what misses its target is bold."""
    lines = [_TITLES, ["---"] * len(_TITLES)]
    for each in found:
        cells = _cells(each)
        cells[3] = f"**{cells[3]}**" if each.met is False else cells[3]
        lines.append(cells)
    about = ", ".join(f"{name} {value}" for name, value in machine().items())
    return "\n".join([f"Measured on: {about}.", "", *(f"| {' | '.join(cells)} |" for cells in lines), ""])


def _cells(each: Finding) -> list[str]:
    return [
        str(each.row),
        each.work,
        each.measured,
        f"{each.value:.3g} {each.unit}".strip(),
        "" if each.target is None else f"{'≤' if each.at_most else '≥'} {each.target:g}",
        figures(each.also),
    ]


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


def write(found: Sequence[Finding], folder: Path) -> list[Path]:
    """Write the table, JSON and the pictures; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {"results.json": json.dumps(document(found), indent=1) + "\n", "results.md": markdown(found)}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [*(folder / name for name in texts), *plots.draw(found, folder)]
