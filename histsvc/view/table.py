"""Columns and words that share the width of a terminal, whatever letters of others are in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.text import Text

_LEFT = frozenset({"PUBLISHED", "ID", "STATE", "SHAPE", "JOB", "TOPIC"})
_GAP = "  "
# An ID has this, before other columns are left out for longer ones.
_SHORT_ID = 12
# Text.wrap asks for one, and makes no use of it.
_CONSOLE = Console()


def fitted(widths: Mapping[str, int], width: int, least_important: Sequence[str]) -> dict[str, int]:
    """Leave columns out until the others fit; an ID is narrowed instead, and in the end even more."""
    fits = dict(widths)
    over = sum(fits.values()) + len(_GAP) * (len(fits) - 1) - width

    def narrow(least: int) -> int:
        less = min(max(0, over), max(0, fits["ID"] - least))
        fits["ID"] -= less
        return less

    for title in least_important:
        if over > 0:
            over -= narrow(_SHORT_ID) if title == "ID" else fits.pop(title) + len(_GAP)
    narrow(len("ID"))
    return fits


def line(cells: Mapping[str, Text], widths: Mapping[str, int]) -> Text:
    """The cells of these columns side by side; what is longer than its column sticks out."""
    padded = []
    for title, width in widths.items():
        cell, fill = cells[title], " " * (width - cells[title].cell_len)
        padded.append(Text.assemble(cell, fill) if title in _LEFT else Text.assemble(fill, cell))
    joined = Text(_GAP).join(padded)
    joined.rstrip()
    return joined


def lines(cells: Mapping[str, Text], widths: Mapping[str, int], width: int) -> list[Text]:
    """The line of these cells; before it, an ID that has no room in it."""
    if cells["ID"].cell_len <= widths["ID"]:
        return [line(cells, widths)]
    return [*flowed([cells["ID"]], width), line({**cells, "ID": Text()}, widths)]


def flowed(parts: Iterable[Text], width: int, indent: int = 0) -> list[Text]:
    """Lines of as many parts as fit, which are broken only where one alone is too long."""
    room = max(1, width - indent)
    rows: list[Text] = []
    for part in (piece for whole in parts for piece in whole.wrap(_CONSOLE, room, overflow="fold")):
        if rows and rows[-1].cell_len + len(_GAP) + part.cell_len <= room:
            rows[-1] = Text.assemble(rows[-1], _GAP, part)
        else:
            rows.append(part)
    return [Text.assemble(" " * indent, row) for row in rows]
