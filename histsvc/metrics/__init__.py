"""What is told about running histograms to systems that draw curves (protocol.md, section 6)."""

from __future__ import annotations

from collections.abc import Iterable

from histsvc.ports import CountSample
from histsvc.protocol.info import HistogramInfo


def samples(numbered: Iterable[tuple[int, HistogramInfo]]) -> tuple[CountSample, ...]:
    """The counts of each histogram at its last pulse; one that has counted nothing yet has no such time."""
    return tuple(
        CountSample(number, info.sum, info.diff, info.last_pulse_time / 1e9)
        for number, info in numbered
        if info.last_pulse_time
    )
