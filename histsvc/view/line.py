"""A histogram as a line of text for people, and as a JSON object for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.text import Text

from histsvc.client import Histogram, HistogramInfo
from histsvc.view import table
from histsvc.view.text import clock_time, duration, printable, rate, short

# With these, and ids of 14 characters or counts of 15, a line takes 80 columns.
_LEAST = {"PUBLISHED": 12, "ID": 8, "STATE": 11, "COUNTS": 9, "RATE": 7, "LAG": 3, "AGE": 5, "SHAPE": 5}
# What goes first where there is no room for everything.
_LEAST_IMPORTANT = ("SHAPE", "ID", "LAG", "AGE", "RATE", "PUBLISHED")
# Whatever is longer sticks out: one strange id does not spread the lines of all others.
_WIDEST = 32
_ACCOUNTED = ("underflow", "overflow", "filtered", "out_of_window", "undecodable")
_LARGEST = 1 << 63
_GAP, _INDENT = "  ", 4


class Lines:
    """Makes a line of each histogram; columns grow with what is in them, and never shrink.

    Without a width everything about a histogram is on its one line. With one, of 60 columns or more, what
    does not fit has lines of its own: the id before, what was not counted, errors and warnings behind.
    """

    def __init__(self) -> None:
        self._widths = dict(_LEAST)

    def header(self, width: int | None) -> str:
        """The titles of the columns, as wide as these are by now."""
        return str(table.line({title: Text(title) for title in _LEAST}, self._columns(width)))

    def texts(self, histograms: Sequence[Histogram], now_ns: int, width: int | None) -> list[str]:
        """A text of each, with columns that are right for all of them; `now_ns` is since the epoch."""
        rows = [(_cells(histogram, now_ns), _notes(histogram.info)) for histogram in histograms]
        for cells, _ in rows:
            self._grow(cells)
        columns = self._columns(width)
        if width is None:
            return [_GAP.join([str(table.line(cells, columns)), *notes]) for cells, notes in rows]
        return ["\n".join(_rows(cells, notes, columns, width)) for cells, notes in rows]

    def _grow(self, cells: Mapping[str, Text]) -> None:
        for title, cell in cells.items():
            if self._widths[title] < cell.cell_len <= _WIDEST:
                self._widths[title] = cell.cell_len

    def _columns(self, width: int | None) -> dict[str, int]:
        return self._widths if width is None else table.fitted(self._widths, width, _LEAST_IMPORTANT)


def _cells(histogram: Histogram, now_ns: int) -> dict[str, Text]:
    info = histogram.info
    age_ms = histogram.data_age_ms(now_ns // 1_000_000)
    values = (
        clock_time(histogram.timestamp_ns, now_ns),
        printable(histogram.id),
        histogram.state,
        f"{info.sum:,}",
        rate(info.rate),
        short(info.lag),
        "-" if age_ms is None else duration(age_ms),
        "\u00d7".join(map(str, histogram.counts.shape)),
    )
    return dict(zip(_LEAST, map(Text, values), strict=True))


def _notes(info: HistogramInfo) -> list[str]:
    """What there is to be said beside the numbers: what was not counted, and what is wrong."""
    numbers = {name: getattr(info, name) for name in _ACCOUNTED}
    accounted = " ".join(f"{name}={short(number)}" for name, number in numbers.items() if number)
    return [*([accounted] if accounted else []), *(f"{kind}: {said}" for kind, said in remarks(info))]


def _rows(
    cells: Mapping[str, Text], notes: Sequence[str], columns: Mapping[str, int], width: int
) -> list[str]:
    """The lines of a histogram; the first note goes to the end of its own where it has room there."""
    *above, own = table.lines(cells, columns, width)
    texts = [Text(note) for note in notes]
    if texts and own.cell_len + len(_GAP) + texts[0].cell_len <= width:
        own = Text.assemble(own, _GAP, texts.pop(0))
    below = (row for text in texts for row in table.flowed([text], width, _INDENT))
    return [str(row) for row in (*above, own, *below)]


def remarks(info: HistogramInfo) -> list[tuple[str, str]]:
    """The error and the warning, each with its kind and escaped; empty where there is none."""
    given = (("error", info.error_message), ("warning", info.warning))
    return [(kind, printable(said)) for kind, said in given if said]


def json_object(histogram: Histogram, *, counts: bool = True) -> dict[str, Any]:
    """All that is known of a histogram, for JSON; without `counts` no edges either."""
    made: dict[str, Any] = {
        "topic": histogram.topic,
        "id": histogram.id,
        "timestamp_ns": histogram.timestamp_ns,
        "schema": histogram.schema,
        "source": histogram.source,
        "state": histogram.state,
        "info": json.loads(histogram.info.to_json()),
        "axes": [{"label": axis.label, "unit": axis.unit} for axis in histogram.axes],
    }
    if counts:
        for told, axis in zip(made["axes"], histogram.axes, strict=True):
            told["edges"] = _finite(axis.edges.tolist())
        made["counts"] = _whole(histogram.counts)
    return made


def _whole(counts: npt.NDArray[Any]) -> Any:
    """Nested lists of whole numbers; what others publish that are none is left as it is."""
    if counts.dtype.kind != "f":
        return counts.tolist()
    if np.all((counts == np.rint(counts)) & (np.abs(counts) < _LARGEST)):
        return counts.astype(np.int64).tolist()
    return _finite(counts.tolist())


def _finite(value: Any) -> Any:
    """The same with null for what JSON has no number for."""
    if isinstance(value, list):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
