"""What every source yields: the events of one pulse at one source."""

from __future__ import annotations

from dataclasses import dataclass, replace

from histsvc.model import Int64Array


@dataclass(frozen=True, eq=False)
class Pulse:
    """The events of one pulse, not yet divided into messages.

    `reference_time_ns` is the time of the pulse in ns since the Unix epoch; `tof_ns` (ns after the pulse) and
    `pixel_id` are int64 (events,).
    """

    source: str
    reference_time_ns: int
    tof_ns: Int64Array
    pixel_id: Int64Array

    def shifted(self, by_ns: int) -> Pulse:
        """Give the same events `by_ns` later."""
        return replace(self, reference_time_ns=self.reference_time_ns + by_ns) if by_ns else self
