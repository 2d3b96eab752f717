"""Where partitions end at a moment: asked for each by itself, so that none delays another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future

from histsvc.clock import Clock, Deadline
from histsvc.errors import BrokerError
from histsvc.model import Partition
from histsvc.ports import Clusters, FoundOffset, OffsetAt
from histsvc.worker.fill import Filling
from histsvc.worker.progress import Progress

_AGAIN_S = 0.2


class EndQueries:
    """Asks for end offsets, or those at another place, and never waits for them."""

    def __init__(
        self, clusters: Clusters, clock: Clock, counters: Counter[str], at: OffsetAt = OffsetAt.LATEST
    ) -> None:
        """Questions that fail are asked again, and counted in `counters`."""
        self._at = at
        self._counters = counters
        self._clusters = clusters
        self._clock = clock
        self._asked: dict[Partition, Future[dict[Partition, FoundOffset]]] = {}
        self._again: dict[Partition, Deadline] = {}

    def answers(self, partitions: Iterable[Partition]) -> Iterator[tuple[Partition, int]]:
        """The offsets that have come in; what has not been asked yet, or failed a while ago, is asked."""
        for partition in partitions:
            asked = self._asked.get(partition)
            if asked is None:
                if partition not in self._again or self._again[partition].expired():
                    cluster = self._clusters.of(partition.brokers)
                    self._asked[partition] = cluster.offsets([partition], self._at)
            elif asked.done():
                del self._asked[partition]
                try:
                    yield partition, asked.result()[partition].offset
                except BrokerError:
                    self._counters["end_queries_failed"] += 1
                    self._again[partition] = Deadline(self._clock, _AGAIN_S)


class Drain:
    """Histograms that count up to the end of this moment (monotonic), and no longer than `patience`."""

    def __init__(
        self, fillings: Sequence[Filling], moment_s: float, patience: Deadline, queries: EndQueries
    ) -> None:
        self.fillings = fillings
        self.moment_s = moment_s
        self.patience = patience
        self._queries = queries
        self._known: set[Partition] = set()

    def step(self, partitions: Sequence[Partition], progress: Progress) -> None:
        """Limit the histograms to the ends that have become known; `partitions` are those of the slots."""
        if self.patience.expired():
            return
        counting = [filling for filling in self.fillings if filling.counting]
        slots = {
            partition: slot
            for slot, partition in enumerate(partitions)
            if partition not in self._known
            and not progress.done[slot]
            and any(f.slots[slot] for f in counting)
        }
        for partition, offset in self._queries.answers(list(slots)):
            self._known.add(partition)
            slot = slots[partition]
            for filling in counting:
                # What came while the broker was asked may have been counted already: then it belongs to it.
                filling.limit_to(slot, max(offset, int(progress.position[slot])))
