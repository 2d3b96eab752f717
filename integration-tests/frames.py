"""Frames of monitors for tests: made by the field's usual code, sent, remembered, and counted by numpy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from events import BASE_MS, EventSender
from streaming_data_types.dataarray_da00 import Variable, serialise_da00

BINS = 20
# A whole number of µs a bin, so that the edges are the same whatever their unit and type.
END_NS = 64_000_000
EDGES_NS = np.linspace(0, END_NS, BINS + 1)
KEYS: dict[str, Any] = {"tof_range": [0, END_NS], "num_bins": BINS}
LAST_NS = (BASE_MS + 7) * 1_000_000 + 123


@dataclass
class Frames:
    """Sends frames and remembers the centre and the counts of each of their bins."""

    sender: EventSender
    topic: str
    centres: list[npt.NDArray[np.float64]] = field(default_factory=list)
    counts: list[npt.NDArray[np.int64]] = field(default_factory=list)

    def send(
        self,
        edges_ns: npt.NDArray[Any],
        *,
        in_unit: npt.NDArray[Any] | None = None,
        unit: str | None = "ns",
        name: str = "frame_time",
        dtype: str = "int64",
        source: str = "monitor",
        time_ns: int = LAST_NS,
        timestamp_ms: int = BASE_MS,
        partition: int = 0,
    ) -> None:
        counts = self.sender.rng.integers(0, 100, edges_ns.size - 1)
        wire = edges_ns if in_unit is None else in_unit
        made = [
            Variable("signal", counts.astype(dtype), ["t"], unit="counts"),
            Variable(name, wire, ["t"], unit=unit),
            # What a monitor adds: not to be mistaken for counts or edges.
            Variable("errors", np.sqrt(counts), ["t"]),
            Variable("image", np.ones((3, counts.size)), ["y", "t"]),
        ]
        self.sender.raw(self.topic, serialise_da00(source, time_ns, made), timestamp_ms, partition)
        self.centres.append(edges_ns[:-1] + np.diff(edges_ns) / 2)
        self.counts.append(counts)

    @property
    def sum(self) -> int:
        return int(sum(counts.sum() for counts in self.counts))

    def expected(self) -> npt.NDArray[Any]:
        centres, counts = np.concatenate(self.centres), np.concatenate(self.counts)
        return np.histogram(centres, bins=BINS, range=(0, END_NS), weights=counts)[0]
