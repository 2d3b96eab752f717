"""Stand-ins for what answers questions about topics and offsets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Future

from fakes import BROKERS

from histsvc.model import Partition
from histsvc.ports import FoundOffset, OffsetAt, TopicFacts


class FakeCluster:
    """Answers from `end_offsets` and `topics`, at once unless `slow`; what was asked waits in `held` then."""

    def __init__(self) -> None:
        self.end_offsets: dict[tuple[str, int], int] = {}
        self.topics: dict[str, int] = {}
        self.topic_ids: dict[str, str] = {}
        self.created: dict[str, dict[str, str]] = {}
        self.slow = False
        self.held: list[tuple[Future[dict[Partition, FoundOffset]], dict[Partition, FoundOffset]]] = []
        self.asked: list[tuple[list[Partition], int]] = []
        self.trouble = ""
        self.refused = False
        self.max_message_bytes = 1_048_588
        self.advertised = frozenset(BROKERS)
        # What is kept of each partition, (offset, timestamp) ascending by offset; for questions about times.
        self.kept: dict[tuple[str, int], list[tuple[int, int]]] = {}

    def describe(self, topics: Iterable[str]) -> Future[dict[str, TopicFacts]]:
        future: Future[dict[str, TopicFacts]] = Future()
        facts = {t: TopicFacts(self.topics.get(t, 0), self.topic_ids.get(t, "")) for t in topics}
        future.set_result(facts)
        return future

    def offsets(
        self, partitions: Iterable[Partition], at: OffsetAt | int
    ) -> Future[dict[Partition, FoundOffset]]:
        wanted = list(partitions)
        self.asked.append((wanted, at))
        answer = {p: self._found((p.topic, p.number), at) for p in wanted}
        future: Future[dict[Partition, FoundOffset]] = Future()
        if self.slow:
            self.held.append((future, answer))
        else:
            future.set_result(answer)
        return future

    def _found(self, place: tuple[str, int], at: OffsetAt | int) -> FoundOffset:
        end, kept = self.end_offsets[place], self.kept.get(place, [])
        if at in (OffsetAt.LATEST, OffsetAt.COMMITTED):
            return FoundOffset(end, -1)
        if at == OffsetAt.EARLIEST:
            return FoundOffset(kept[0][0] if kept else end, -1)
        return next((FoundOffset(*row) for row in kept if row[1] >= at), FoundOffset(-1, -1))

    def largest_messages(self, topics: Iterable[str]) -> Future[dict[str, int]]:
        future: Future[dict[str, int]] = Future()
        future.set_result(dict.fromkeys(topics, self.max_message_bytes))
        return future

    def create(self, topic: str, config: Mapping[str, str]) -> Future[None]:
        future: Future[None] = Future()
        self.topics[topic] = 1
        self.end_offsets[topic, 0] = 0
        self.created[topic] = dict(config)
        future.set_result(None)
        return future

    def addresses(self) -> Future[frozenset[str]]:
        future: Future[frozenset[str]] = Future()
        future.set_result(self.advertised)
        return future

    def look(self) -> None:
        """Nothing to hear."""

    def answer(self) -> None:
        """Answer the oldest question that waits, with what was true when it was asked."""
        future, answer = self.held.pop(0)
        future.set_result(answer)


class FakeClusters:
    """One FakeCluster for each list of brokers."""

    def __init__(self) -> None:
        self.clusters: dict[tuple[str, ...], FakeCluster] = {}

    def of(self, brokers: tuple[str, ...]) -> FakeCluster:
        return self.clusters.setdefault(brokers, FakeCluster())
