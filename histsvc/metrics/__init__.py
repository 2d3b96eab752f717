"""What is told about the service, and running histograms, to systems that watch and draw curves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from histsvc.ports import CountSample
from histsvc.protocol.heartbeat import Heartbeat
from histsvc.protocol.info import HistogramInfo


class Monitor(Protocol):
    """Shows others how the service is; no call blocks."""

    def tell(self, beat: Heartbeat, unready: str) -> None:
        """How it is now; `unready` says why nobody should send commands, empty where somebody may."""
        ...

    def close(self) -> None:
        """Show it no more."""
        ...


def samples(numbered: Iterable[tuple[int, HistogramInfo]]) -> tuple[CountSample, ...]:
    """The counts of each histogram at its last pulse; one that has counted nothing yet has no such time."""
    return tuple(
        CountSample(number, info.sum, info.diff, info.last_pulse_time / 1e9)
        for number, info in numbered
        if info.last_pulse_time
    )
