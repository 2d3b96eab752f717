"""Which topics are there: a consumer is not told when one is deleted, and cannot wait for one to come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future

from histsvc.clock import Clock, Every
from histsvc.errors import BrokerError
from histsvc.model import Stream
from histsvc.ports import Clusters, TopicFacts

_LOOK_S = 1.0
# A broker that has just started may not know its topics yet: once is not enough.
_TIMES = 3


class TopicWatch:
    """Looks once a second; never waits for an answer."""

    def __init__(
        self, streams: Iterable[Stream], awaited: Iterable[Stream], clusters: Clusters, clock: Clock
    ) -> None:
        """`streams` are those that are read, `awaited` those that do not exist yet."""
        self._streams = set(streams)
        self._awaited = set(awaited)
        self._clusters = clusters
        self._clock = clock
        self._due = Every(clock, _LOOK_S)
        self._asked: dict[tuple[str, ...], Future[dict[str, TopicFacts]]] = {}
        # When the question was asked that is under way, and the one that was answered last.
        self._asked_s: dict[tuple[str, ...], float] = {}
        self._seen_s: dict[tuple[str, ...], float] = {}
        self._missing: dict[Stream, int] = {}

    def changes(self) -> list[tuple[Stream, int]]:
        """The streams that have come, with their partitions, and those that are gone, with 0; each once."""
        found: list[tuple[Stream, int]] = []
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
        streams = self._streams | self._awaited
        for brokers in {stream[0] for stream in streams} - self._asked.keys():
            topics = sorted(topic for where, topic in streams if where == brokers)
            self._asked_s[brokers] = self._clock.monotonic_s()
            self._asked[brokers] = self._clusters.of(brokers).describe(topics)

    def _judge(
        self, brokers: tuple[str, ...], asked: Future[dict[str, TopicFacts]]
    ) -> Iterator[tuple[Stream, int]]:
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
                    self._streams.add(stream)
                    yield stream, found.partitions
                continue
            self._missing[stream] = 0 if found.partitions else self._missing.get(stream, 0) + 1
            if self._missing[stream] == _TIMES:
                self._streams.discard(stream)
                yield stream, 0
