"""Which messages count: start, stop, leeway (protocol.md, section 3). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

# A partition is done when the clock is this long past stop and its end of that time is reached.
STOP_GRACE_MS = 5000
# Behind all timestamps, and negative before them.
_NEVER_MS = 1 << 62
NO_LIMIT = np.int64(np.iinfo(np.int64).max)
"""The limit of a partition that has none: every offset lies below it."""


class Verdict(IntEnum):
    """What a message is to a job."""

    SKIPPED = 0
    OUT_OF_WINDOW = 1
    COUNTS = 2


@dataclass(frozen=True)
class Window:
    """Messages with start ≤ Kafka timestamp ≤ stop count (ms); None is no bound."""

    start_ms: int | None
    stop_ms: int | None
    leeway_ms: int

    @property
    def bounds(self) -> tuple[int, int, int]:
        """The first and the last timestamp that count, and the last that ends nothing, in ms; int64 each."""
        first = -_NEVER_MS if self.start_ms is None else self.start_ms
        last = _NEVER_MS if self.stop_ms is None else self.stop_ms
        return _int64(first), _int64(last), _int64(last + self.leeway_ms)

    def grace_is_over(self, now_ms: int) -> bool:
        """Whether the clock alone says that nothing more will come."""
        return self.stop_ms is not None and now_ms > self.stop_ms + STOP_GRACE_MS


def _int64(ms: int) -> int:
    return min(max(ms, -_NEVER_MS), _NEVER_MS)
