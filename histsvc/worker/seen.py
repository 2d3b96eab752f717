"""What a worker as a whole has seen, each message once however many histograms want it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from histsvc.model import Batch, Fault


class Seen:
    """Counters of messages and events, and the newest Kafka timestamp of each slot."""

    def __init__(self) -> None:
        self.counters: Counter[str] = Counter()
        self._newest_ms: dict[int, int] = {}

    def take(self, batch: Batch, taken: npt.NDArray[np.bool_]) -> None:
        """Account for a batch; `taken`, bool (messages,), are those that are not skipped."""
        self.counters["messages"] += int(np.count_nonzero(taken))
        self.counters["events"] += int(batch.events[taken].sum())
        faults = np.bincount(batch.fault[taken], minlength=len(Fault))
        for fault in Fault:
            if fault is not Fault.NONE and faults[fault]:
                other = fault is Fault.OTHER_SCHEMA
                name = "other_schema" if other else f"undecodable.{fault.name.lower()}"
                self.counters[name] += int(faults[fault])
        for slot in np.unique(batch.slot).tolist():
            newest = int(batch.timestamp_ms[batch.slot == slot].max())
            self._newest_ms[slot] = max(newest, self._newest_ms.get(slot, newest))

    def newest_ms(self, slots: Iterable[int]) -> int | None:
        """The newest timestamp of these slots, None where none was seen."""
        return max((self._newest_ms[slot] for slot in slots if slot in self._newest_ms), default=None)
