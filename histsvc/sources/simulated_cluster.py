"""Clusters of the simulation mode: what they say of the virtual logs of all topics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from typing import TypeVar

from histsvc.clock import Clock, now_ms
from histsvc.model import Partition
from histsvc.ports import FoundOffset, OffsetAt, TopicFacts
from histsvc.sources.simulated_log import PERIOD_MS, end, first_since, oldest

V = TypeVar("V")

# What brokers allow unless they are told otherwise.
_LARGEST_MESSAGE = 1_048_588


class SimulatedCluster:
    """A Cluster in which every topic exists, with one partition; it answers at once."""

    def __init__(self, brokers: tuple[str, ...], clock: Clock) -> None:
        self._brokers = brokers
        self._clock = clock

    def describe(self, topics: Iterable[str]) -> Future[dict[str, TopicFacts]]:
        """One partition for every topic."""
        return _now(dict.fromkeys(topics, TopicFacts(1)))

    def offsets(
        self, partitions: Iterable[Partition], at: OffsetAt | int
    ) -> Future[dict[Partition, FoundOffset]]:
        """The offsets of this moment; what is older than messages are kept counts as removed."""
        return _now(dict.fromkeys(partitions, _find(at, now_ms(self._clock))))

    def largest_messages(self, topics: Iterable[str]) -> Future[dict[str, int]]:
        """How many bytes a batch of messages may have."""
        return _now(dict.fromkeys(topics, _LARGEST_MESSAGE))

    def create(self, topic: str, config: Mapping[str, str]) -> Future[None]:
        """Nothing: every topic is there."""
        return _now(None)

    def addresses(self) -> Future[frozenset[str]]:
        """The brokers that it was asked for."""
        return _now(frozenset(self._brokers))

    def look(self) -> None:
        """Nothing: every answer is there at once."""

    @property
    def trouble(self) -> str:
        """Empty: there is no connection that could fail."""
        return ""

    @property
    def refused(self) -> bool:
        """Never: it trusts everybody."""
        return False


class SimulatedClusters:
    """A SimulatedCluster for each list of brokers."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def of(self, brokers: tuple[str, ...]) -> SimulatedCluster:
        """The cluster of these brokers."""
        return SimulatedCluster(brokers, self._clock)


def _find(at: OffsetAt | int, now_ms: int) -> FoundOffset:
    if at in (OffsetAt.LATEST, OffsetAt.COMMITTED):
        return FoundOffset(end(now_ms), -1)
    if at == OffsetAt.EARLIEST:
        return FoundOffset(oldest(now_ms), -1)
    offset = max(oldest(now_ms), first_since(at))
    return FoundOffset(offset, offset * PERIOD_MS) if offset < end(now_ms) else FoundOffset(-1, -1)


def _now(value: V) -> Future[V]:
    future: Future[V] = Future()
    future.set_result(value)
    return future
