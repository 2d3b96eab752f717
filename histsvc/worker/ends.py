"""Where partitions end at a moment: asked for each by itself, so that none delays another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future

from histsvc.clock import Clock, Deadline
from histsvc.errors import BrokerError
from histsvc.model import Partition
from histsvc.ports import Clusters, FoundOffset, OffsetAt

_AGAIN_S = 0.2


class EndQueries:
    """Asks for end offsets and never waits for them."""

    def __init__(self, clusters: Clusters, clock: Clock) -> None:
        self.failed = 0
        self._clusters = clusters
        self._clock = clock
        self._asked: dict[Partition, Future[dict[Partition, FoundOffset]]] = {}
        self._again: dict[Partition, Deadline] = {}

    def forget(self) -> None:
        """What is asked from now on is the end of a new moment."""
        self._asked.clear()
        self._again.clear()

    def answers(self, partitions: Iterable[Partition]) -> Iterator[tuple[Partition, int]]:
        """The end offsets that have come in; what has not been asked yet, or failed a while ago, is asked."""
        for partition in partitions:
            asked = self._asked.get(partition)
            if asked is None:
                if partition not in self._again or self._again[partition].expired():
                    cluster = self._clusters.of(partition.brokers)
                    self._asked[partition] = cluster.offsets([partition], OffsetAt.LATEST)
            elif asked.done():
                del self._asked[partition]
                try:
                    yield partition, asked.result()[partition].offset
                except BrokerError:
                    self.failed += 1
                    self._again[partition] = Deadline(self._clock, _AGAIN_S)
