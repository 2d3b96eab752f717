"""What can be followed: the heartbeats of services, and histograms."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence
from fnmatch import fnmatchcase

from histsvc.client.following import BROKER_S, Following
from histsvc.client.received import Histogram, heartbeat, histogram
from histsvc.clock import Deadline
from histsvc.model import Stream
from histsvc.names import plain_ids
from histsvc.protocol.heartbeat import Heartbeat
from histsvc.protocol.info import State
from histsvc.settings import KafkaSettings

_log = logging.getLogger(__name__)


class HeartbeatFollowing(Following[Heartbeat]):
    """The heartbeats of all services on a topic, by name, id, host and process."""

    def __init__(self, kafka: KafkaSettings, topic: str) -> None:
        super().__init__(kafka)
        self._topic = frozenset({(kafka.brokers, topic)})

    def _streams(self) -> frozenset[Stream]:
        return self._topic

    def _read(self, topic: str, payload: bytes) -> tuple[str, Heartbeat]:
        read = heartbeat(payload)
        who = read.identity
        return f"{who.name}/{who.id}/{who.host}/{who.pid}", read


class HistogramFollowing(Following[Histogram]):
    """Histograms whose id fits one of `patterns`, in `topics` or where heartbeats tell of them.

    With `keep_finished` every one that is FINISHED is given, also where newer ones of its id have come.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        topics: Sequence[str],
        patterns: Sequence[str],
        beats: Following[Heartbeat] | None,
        *,
        keep_finished: bool = False,
    ) -> None:
        super().__init__(kafka, skip=not keep_finished)
        self._named = frozenset((kafka.brokers, topic) for topic in topics)
        self._patterns = patterns
        self._beats = beats
        self._own: frozenset[str] = frozenset()
        self._foreign: set[tuple[str, ...]] = set()

    @property
    def complete(self) -> bool:
        """Whether everything is there that is named, or that heartbeats tell of."""
        expected = {name for _, name in self._told()}
        expected |= set(plain_ids(self._patterns))
        return bool(self.latest) and expected <= self.latest.keys()

    def _streams(self) -> frozenset[Stream]:
        if self._beats is None:
            return self._named
        self._beats.poll(0)
        return frozenset(stream for stream, _ in self._told())

    def _read(self, topic: str, payload: bytes) -> tuple[str, Histogram]:
        read = histogram(topic, payload)
        return read.id, read

    def _is_outdated(self, name: str, value: Histogram) -> bool:
        """A worker that was replaced may have its last word after its successor's first."""
        before = self.latest.get(name)
        if before is None or (value.info.job, value.info.index) != (before.info.job, before.info.index):
            return False
        return value.info.epoch < before.info.epoch

    def _wants(self, name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in self._patterns)

    def _must_give(self, value: Histogram) -> bool:
        return value.state is State.FINISHED

    def _expected(self, streams: Collection[Stream]) -> set[str]:
        if self._beats is not None:
            return {name for stream, name in self._told() if stream in streams}
        return {name for name, seen in self.latest.items() if seen.state is not State.FINISHED}

    def _told(self) -> Iterator[tuple[Stream, str]]:
        """Stream and name of each histogram that heartbeats tell of."""
        beats = self._beats.latest.values() if self._beats is not None else ()
        for info in (info for beat in beats for info in beat.histograms):
            if info.topic and info.brokers and self._wants(info.name):
                brokers = self._reachable(tuple(sorted(set(info.brokers))))
                if brokers:
                    yield (brokers, info.topic), info.name

    def _reachable(self, brokers: tuple[str, ...]) -> tuple[str, ...]:
        """The brokers to ask, none where that would show our secrets to somebody whom a message names."""
        if not self._own:
            deadline = Deadline(self._clock, BROKER_S)
            self._own = self._tail.addresses(self._kafka.brokers, deadline) | set(self._kafka.brokers)
        if self._own.issuperset(brokers):
            return self._kafka.brokers
        if self._kafka.security.sasl_password is None and self._kafka.security.ssl_keyfile is None:
            return brokers
        if brokers not in self._foreign:
            self._foreign.add(brokers)
            _log.warning("%s: not brokers of our cluster, not asked with our secrets", ", ".join(brokers))
        return ()
