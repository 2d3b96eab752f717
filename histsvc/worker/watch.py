"""Which topics are there: consumers are not told when one is deleted, grows, or is made anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace

from histsvc.clock import Clock, Every
from histsvc.errors import BrokerError
from histsvc.model import Stream, WorkerSpec
from histsvc.ports import Clusters, TopicFacts

_LOOK_S = 1.0
# A broker that has just started may not know its topics yet: once is not enough.
_TIMES = 3


@dataclass(frozen=True)
class Grown:
    """The partitions from number `first` on, below `partitions`, have come into being."""

    stream: Stream
    first: int
    partitions: int


@dataclass(frozen=True)
class Gone:
    """A stream cannot be read any more; `reason` is one sentence for the user."""

    stream: Stream
    reason: str


def known_topics(spec: WorkerSpec) -> dict[Stream, TopicFacts]:
    """The topics that a worker reads, with what was known of them when their job began."""
    known: dict[Stream, TopicFacts] = {}
    ids = dict(spec.topic_ids)
    for brokers, topic, number in (start.partition for start in spec.starts):
        stream = brokers, topic
        before = known[stream].partitions if stream in known else 0
        known[stream] = TopicFacts(max(number + 1, before), ids.get(stream, ""))
    return known


class TopicWatch:
    """Looks once a second; never waits for an answer."""

    def __init__(
        self, known: Mapping[Stream, TopicFacts], awaited: Iterable[Stream], clusters: Clusters, clock: Clock
    ) -> None:
        """`known` are the streams that are read, `awaited` those that do not exist yet."""
        self._known = dict(known)
        self._awaited = set(awaited)
        self._clusters = clusters
        self._clock = clock
        self._due = Every(clock, _LOOK_S)
        self._asked: dict[tuple[str, ...], Future[dict[str, TopicFacts]]] = {}
        # When the question was asked that is under way, and the one that was answered last.
        self._asked_s: dict[tuple[str, ...], float] = {}
        self._seen_s: dict[tuple[str, ...], float] = {}
        self._missing: dict[Stream, int] = {}

    def changes(self) -> list[Grown | Gone]:
        """What has come and what is gone, each once."""
        found: list[Grown | Gone] = []
        for brokers, asked in list(self._asked.items()):
            if asked.done():
                del self._asked[brokers]
                found += self._judge(brokers, asked)
        if self._due.due():
            self.look()
        return found

    def seen_since(self, brokers: tuple[str, ...], since_s: float) -> bool:
        """Whether these brokers have said what there is at this (monotonic) time, or later."""
        return self._seen_s.get(brokers, float("-inf")) >= since_s

    def look(self) -> None:
        """Ask now all brokers that owe no answer."""
        streams = self._known.keys() | self._awaited
        for brokers in {stream[0] for stream in streams} - self._asked.keys():
            topics = sorted(topic for where, topic in streams if where == brokers)
            self._asked_s[brokers] = self._clock.monotonic_s()
            self._asked[brokers] = self._clusters.of(brokers).describe(topics)

    def _judge(
        self, brokers: tuple[str, ...], asked: Future[dict[str, TopicFacts]]
    ) -> Iterator[Grown | Gone]:
        try:
            facts = asked.result()
        except BrokerError:
            return  # brokers that do not answer say nothing about their topics
        self._seen_s[brokers] = self._asked_s[brokers]
        for topic, found in facts.items():
            stream = (brokers, topic)
            if stream in self._awaited:
                if found.partitions:
                    self._awaited.discard(stream)
                    self._known[stream] = found
                    yield Grown(stream, 0, found.partitions)
            elif stream in self._known:
                yield from self._compare(stream, self._known[stream], found)

    def _compare(self, stream: Stream, known: TopicFacts, found: TopicFacts) -> Iterator[Grown | Gone]:
        self._missing[stream] = 0 if found.partitions else self._missing.get(stream, 0) + 1
        if self._missing[stream] == _TIMES:
            del self._known[stream]
            yield Gone(stream, f"the data topic {stream[1]!r} does not exist any more")
        elif not found.partitions:
            return
        elif known.topic_id and found.topic_id and known.topic_id != found.topic_id:
            del self._known[stream]
            reason = "was deleted and made anew; the counts are those of the one before"
            yield Gone(stream, f"the data topic {stream[1]!r} {reason}")
        else:
            self._known[stream] = replace(found, topic_id=found.topic_id or known.topic_id)
            if found.partitions > known.partitions:
                yield Grown(stream, known.partitions, found.partitions)
