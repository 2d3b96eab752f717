"""The newest of each name in some topics: what is there at once, then what comes, and never a backlog."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Generic, TypeVar

from histsvc.client.tail import Message, Place, Span, Tail
from histsvc.clock import Deadline, Every, SystemClock
from histsvc.errors import BrokerError
from histsvc.model import Partition, Stream
from histsvc.settings import KafkaSettings

T = TypeVar("T")
_log = logging.getLogger(__name__)
# To wait longer at once would delay what comes by as much.
_READ_S = 0.02
# How often to look for topics and partitions that are new, and how long that may take.
_LOOK_S, BROKER_S, _AGAIN_S = 2.0, 10.0, 1.0
_BACK_S = 5.0
# Whatever runs is published once in 10 s at the latest.
_QUIET_MS = 11_000
# Who is so many messages behind, and for each name so many more, goes to the end and reads backwards.
_BEHIND, _BEHIND_EACH = 50, 4
_DRAIN_S = 1.0


class Following(ABC, Generic[T]):
    """Follows topics; `latest` has the newest of each name that was seen. To be used by one thread.

    Iterating gives every change, for ever. What cannot be read is counted in `ignored`. Who does not `skip`
    reads everything, however far behind, and gives what `_must_give` says beside the newest.
    """

    def __init__(self, kafka: KafkaSettings, *, skip: bool = True) -> None:
        self.latest: dict[str, T] = {}
        self.ignored = 0
        self._kafka = kafka
        self._clock = SystemClock()
        self._tail = Tail(kafka.security)
        self._places: dict[str, Place] = {}
        self._skips = skip
        self._owed: dict[Place, T] = {}
        self._look_due = Every(self._clock, _LOOK_S)
        self._looked_for: frozenset[Stream] = frozenset()
        self._missing: set[Stream] = set()

    def __iter__(self) -> Iterator[T]:
        """Every change, waiting for the next one."""
        while True:
            yield from self.poll(1.0)

    def poll(self, timeout_s: float) -> list[T]:
        """The newest of each name that has changed, waiting no longer than about `timeout_s` for the first.

        Raises BrokerError where brokers refuse, or do not answer at the very beginning; later outages are
        waited for.
        """
        deadline, draining = Deadline(self._clock, timeout_s), Deadline(self._clock, timeout_s + _DRAIN_S)
        changed: set[str] = set()
        while True:
            changed |= self._look()
            messages = self._tail.read(0 if changed else min(_READ_S, deadline.remaining_s()))
            changed |= self._take(messages)
            behind = self._tail.behind() > _BEHIND + _BEHIND_EACH * len(self._places)
            if behind and self._skips:
                changed |= self._catch_up()
            if draining.expired() or (not behind and (deadline.expired() or (changed and not messages))):
                return self._given(changed)

    def close(self) -> None:
        """Let go of the connections."""
        self._tail.close()

    @abstractmethod
    def _streams(self) -> frozenset[Stream]:
        """What to follow, as far as it is known now."""

    @abstractmethod
    def _read(self, topic: str, payload: bytes) -> tuple[str, T]:
        """The name and the value of a message; raises ValueError where it is something else."""

    def _wants(self, name: str) -> bool:
        """Whether anybody wants to have what has this name."""
        return True

    def _is_outdated(self, name: str, value: T) -> bool:
        """Whether a value, though it came later, is older than what there is."""
        return False

    def _must_give(self, value: T) -> bool:
        """Whether a value is given though a newer one has come, where nothing is skipped."""
        return False

    def _expected(self, streams: Collection[Stream]) -> set[str]:
        """The names that must be there, where they are known."""
        return set()

    def _given(self, changed: Collection[str]) -> list[T]:
        """The newest of these names, behind what is owed beside them, in the order of time."""
        newest = [self.latest[name] for name in changed]
        owed, self._owed = self._owed, {}
        ordered = sorted(owed, key=lambda place: (place.timestamp_ms, place.offset))
        return [*(owed[at] for at in ordered if not any(owed[at] is each for each in newest)), *newest]

    def _look(self) -> set[str]:
        """Look for streams and partitions that are new, and read what they hold; says what has changed."""
        streams = self._streams()
        if not self._look_due.due() and streams == self._looked_for:
            return set()
        first, self._looked_for = not self._looked_for, streams
        found = self._find(first)
        new = found.keys() - self._known(found).keys()
        return self._read_back({p: found[p] for p in new}, new) if new else set()

    def _find(self, first: bool = False) -> dict[Partition, Span]:
        """What brokers hold that answer; raises BrokerError where they refuse, or ours do not at `first`."""
        found: dict[Partition, Span] = {}
        missing: set[Stream] = set()
        for brokers in {brokers for brokers, _ in self._looked_for}:
            streams = {stream for stream in self._looked_for if stream[0] == brokers}
            must_answer = first and brokers == self._kafka.brokers
            deadline = Deadline(self._clock, BROKER_S if must_answer else _AGAIN_S)
            try:
                spans = self._tail.find(streams, deadline)
            except BrokerError as error:
                if must_answer or error.denied:
                    raise
                continue  # who cannot be reached is told by the clients' log, and asked again
            found |= spans
            missing |= streams - {p[:2] for p in spans}
        self._tell_missing(missing)
        return found

    def _known(self, found: Mapping[Partition, Span]) -> dict[Partition, int]:
        """Where reading has come to; not in partitions that are new, lost, or were made again."""
        return {p: at for p, at in self._tail.positions.items() if p in found and at <= found[p].end}

    def _tell_missing(self, missing: set[Stream]) -> None:
        for brokers, topic in missing - self._missing:
            _log.warning("there is no topic %r on %s yet; waiting for it", topic, ", ".join(brokers))
        self._missing = missing

    def _catch_up(self) -> set[str]:
        """Skip what is not the newest of its name."""
        found = self._find()
        known = self._known(found)
        spans = {p: Span(known.get(p, span.begin), span.end) for p, span in found.items()}
        return self._read_back(spans, found.keys() - known.keys()) if found else set()

    def _read_back(self, spans: Mapping[Partition, Span], new: Collection[Partition]) -> set[str]:
        """Read the ends of these spans until all that is expected was found; go on behind them."""
        # Offsets of a topic that was made again say nothing about what was there before.
        self._places = {name: place for name, place in self._places.items() if place.partition not in new}
        expected = self._expected({(p.brokers, p.topic) for p in spans})
        deadline = Deadline(self._clock, _BACK_S)
        changed: set[str] = set()
        for messages in self._tail.read_back(spans, None if expected else _QUIET_MS, deadline):
            changed |= self._take(messages)
            if expected and expected <= changed:
                break
        if expected and not self._skips:
            # What was expected may have come after what must be given.
            for messages in self._tail.read_back(spans, _QUIET_MS, deadline):
                changed |= self._take(messages)
        self._tail.go_on(spans)
        return changed

    def _take(self, messages: Iterable[Message]) -> set[str]:
        changed: set[str] = set()
        for place, payload in messages:
            try:
                name, value = self._read(place.partition.topic, payload)
            except ValueError:
                self.ignored += 1
                continue
            newest = name not in self._places or place.is_behind(self._places[name])
            if newest:
                self._places[name] = place
            if not self._wants(name) or self._is_outdated(name, value):
                continue
            if newest:
                self.latest[name] = value
                changed.add(name)
            if not self._skips and self._must_give(value):
                self._owed[place] = value
        return changed
