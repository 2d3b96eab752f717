"""Many histograms side by side in a terminal: a picture of each, and above it how it is."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from rich.text import Text

from histsvc.client import Histogram, State
from histsvc.view import table
from histsvc.view.line import remarks
from histsvc.view.plot import is_stale, problem
from histsvc.view.styles import STATES
from histsvc.view.terminal import picture
from histsvc.view.text import age, natural, printable, short

_GAP = 2
# No picture is smaller, where there is room for one; and so high is each where there is room for all.
_LEAST_COLUMNS, _LEAST_ROWS, _ROWS = 32, 8, 16
_LEAST_PICTURE = 3
_MOST_REMARKS = 3
# Cells are about twice as high as wide.
_RATIO = 3.5
_STALE, _REMARKS = "yellow", {"error": "red", "warning": "yellow"}


@dataclass(frozen=True)
class Tiles:
    """How histograms are shown in `columns`: with `colour` or without, with a `log` scale of the counts."""

    columns: int
    colour: bool = True
    log: bool = False

    def lines(self, histograms: Collection[Histogram], rows: int | None, now_ms: int) -> list[Text]:
        """Lines that show these in the order of their ids, with ages at `now_ms` since the epoch.

        No line is longer than `columns`, and there are no more than `rows`, if that says how many. What has
        no room there is said to be left out.
        """
        if not histograms:
            return []
        ordered = sorted(histograms, key=lambda each: natural(each.id))
        beside = self._beside(len(ordered), rows)
        below, high = math.ceil(len(ordered) / beside), _ROWS
        if rows is not None:
            fit = below if below * _LEAST_ROWS <= rows else max(1, (rows - 1) // _LEAST_ROWS)
            below, high = fit, max(1, (rows - (fit < below)) // max(1, fit))
        width = (self.columns - _GAP * (beside - 1)) // beside
        shown, left_out = ordered[: below * beside], len(ordered) - below * beside
        tiles = [self._tile(each, width, high, now_ms) for each in shown]
        lines = [
            line for at in range(0, len(tiles), beside) for line in _joined(tiles[at : at + beside], width)
        ]
        if left_out > 0:
            lines.append(Text(f"{left_out} more left out; --id chooses"[: self.columns], "bold"))
        return lines if rows is None else lines[-rows:]

    def _beside(self, number: int, rows: int | None) -> int:
        """How many to put side by side: such that pictures are twice as wide as high, about, and all fit."""
        most = max(1, min(number, (self.columns + _GAP) // (_LEAST_COLUMNS + _GAP)))
        if rows is None:
            return most
        fitting = [n for n in range(1, most + 1) if math.ceil(number / n) * _LEAST_ROWS <= rows]
        ratios = {n: self.columns / n / (rows / math.ceil(number / n)) for n in fitting}
        return min(fitting, key=lambda n: abs(math.log(ratios[n] / _RATIO)), default=most)

    def _tile(self, histogram: Histogram, columns: int, rows: int, now_ms: int) -> list[Text]:
        """What is known of one, in exactly so many rows: how it is, what is wrong, and its picture."""
        head = table.flowed(_how(histogram, now_ms), columns)
        head += [line for each in _wrong(histogram) for line in table.flowed([each], columns)][:_MOST_REMARKS]
        lines, room = head[:rows], rows - len(head)
        if room >= _LEAST_PICTURE and not problem(histogram):
            drawn = picture(histogram, columns, room, colour=self.colour, log=self.log, scaled=True)
            lines += drawn.split("\n", allow_blank=True)
        return [*lines, *[Text()] * (rows - len(lines))]


def _how(histogram: Histogram, now_ms: int) -> list[Text]:
    stale = is_stale(histogram, now_ms)
    state = f"{histogram.state} (stale)" if stale else str(histogram.state)
    return [
        Text(printable(histogram.id), "bold"),
        Text(state, _STALE if stale and histogram.state is not State.ERROR else STATES[histogram.state]),
        Text(f"{short(float(histogram.counts.sum()))} counts"),
        Text(age(histogram.data_age_ms(now_ms)), "dim"),
    ]


def _wrong(histogram: Histogram) -> list[Text]:
    said = [(_REMARKS[kind], f"{kind}: {text}") for kind, text in remarks(histogram.info)]
    why = problem(histogram)
    return [Text(text, style) for style, text in [*said, *([("red", why)] if why else [])]]


def _joined(tiles: Sequence[Sequence[Text]], width: int) -> list[Text]:
    """The lines of tiles, which are as high as one another, side by side."""
    lines = []
    for row in zip(*tiles, strict=True):
        padded = [Text.assemble(cell, " " * (width + _GAP - cell.cell_len)) for cell in row]
        lines.append(Text.assemble(*padded))
        lines[-1].rstrip()
    return lines
