"""Topics in memory, with all that a client has to do with them: cluster, reader and sender."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, TypeVar

import pytest
from fakes import BROKERS, NOW_MS, FakeClock, Row, raw

from histsvc.client import conversation, following, tail, topic_reader
from histsvc.errors import BrokerError
from histsvc.model import Partition, Place, RawMessages, Start
from histsvc.ports import FoundOffset, OffsetAt, Outgoing, TopicFacts
from histsvc.settings import Security

T = TypeVar("T")
Brokers = tuple[str, ...]
# How long librdkafka tries to get an answer from brokers that are away.
ASKED_S = 2.0
# The clock counts nanoseconds: who waits for the fraction of one that is left would wait for ever.
LEAST_S = 1e-6


@dataclass
class Log:
    """A partition: timestamps (ms) and payloads from the offset `begin` on; None: what nobody is given."""

    begin: int = 0
    rows: list[tuple[int, bytes | None]] = field(default_factory=list)

    @property
    def end(self) -> int:
        return self.begin + len(self.rows)

    def find(self, at: OffsetAt | int) -> FoundOffset:
        if at in (OffsetAt.EARLIEST, OffsetAt.LATEST, OffsetAt.COMMITTED):
            return FoundOffset(self.begin if at == OffsetAt.EARLIEST else self.end, -1)
        later = (FoundOffset(n, ms) for n, (ms, _) in enumerate(self.rows, self.begin) if ms >= at)
        return next(later, FoundOffset(-1, -1))


class World:
    """All clusters there are; who asks one that is away waits, on the clock of this world."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.logs: dict[Partition, Log] = {}
        self.away: set[Brokers] = set()
        self.denied: set[Brokers] = set()
        self.advertised: dict[Brokers, frozenset[str]] = {}
        self.asked: list[Brokers] = []
        self.assigned: list[dict[Partition, int]] = []
        self.given = 0
        self.batch = 10
        self.on_sent: Callable[[Outgoing], None] = lambda _: None
        self.on_given: Callable[[], None] = lambda: None

    def make(self, topic: str, partitions: int = 1, brokers: Brokers = BROKERS) -> None:
        """A topic, or a larger one than before."""
        for number in range(partitions):
            self.logs.setdefault(Partition(brokers, topic, number), Log())

    def delete(self, topic: str) -> None:
        self.logs = {p: log for p, log in self.logs.items() if p.topic != topic}

    def write(
        self,
        topic: str,
        *payloads: bytes | None,
        time_ms: int | None = None,
        number: int = 0,
        brokers: Brokers = BROKERS,
    ) -> None:
        stamp = self.clock.now_ns() // 1_000_000 if time_ms is None else time_ms
        self.logs[Partition(brokers, topic, number)].rows += [(stamp, payload) for payload in payloads]

    def retain(self, topic: str, begin: int, number: int = 0) -> None:
        """Remove what lies before an offset."""
        log = self.logs[Partition(BROKERS, topic, number)]
        del log.rows[: begin - log.begin]
        log.begin = begin

    def of(self, brokers: Brokers) -> Cluster:
        return Cluster(self, brokers)

    def reader(self) -> Reader:
        return Reader(self)

    def passed_s(self) -> float:
        return self.clock.monotonic_s()


class Cluster:
    """Answers at once, or not at all while the cluster is away."""

    def __init__(self, world: World, brokers: Brokers) -> None:
        self._world = world
        self._brokers = brokers
        self.trouble = ""
        self.refused = False

    def describe(self, topics: Iterable[str]) -> Future[dict[str, TopicFacts]]:
        known = [p.topic for p in self._world.logs if p.brokers == self._brokers]
        return self._answer({topic: TopicFacts(known.count(topic)) for topic in topics})

    def offsets(
        self, partitions: Iterable[Partition], at: OffsetAt | int
    ) -> Future[dict[Partition, FoundOffset]]:
        logs = {p: self._world.logs[p] for p in partitions}
        return self._answer({partition: log.find(at) for partition, log in logs.items()})

    def largest_messages(self, topics: Iterable[str]) -> Future[dict[str, int]]:
        raise NotImplementedError("clients do not ask this")

    def create(self, topic: str, config: Mapping[str, str]) -> Future[None]:
        raise NotImplementedError("clients make no topics")

    def addresses(self) -> Future[frozenset[str]]:
        return self._answer(self._world.advertised.get(self._brokers, frozenset(self._brokers)))

    def look(self) -> None:
        """Nothing to hear."""

    def _answer(self, value: T) -> Future[T]:
        self._world.asked.append(self._brokers)
        future: Future[T] = Future()
        if self._brokers in self._world.away:
            self._world.clock.advance(ASKED_S)
            future.set_exception(BrokerError("nobody there", retriable=True))
        elif self._brokers in self._world.denied:
            future.set_exception(BrokerError("not for you", retriable=False, denied=True))
        else:
            future.set_result(value)
        return future


class Reader:
    """Gives at most `world.batch` messages of each partition at once, and says where it has ended."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._at: list[tuple[Partition, int]] = []
        self._lost: set[int] = set()
        self._ends: dict[int, int] = {}
        self._alone = Lock()
        self.closed = False

    def assign(self, starts: Sequence[Start]) -> None:
        self._at = [(start.partition, start.offset) for start in starts]
        self._lost, self._ends = set(), {}
        self._world.assigned.append(dict(self._at))

    def read(self, timeout_s: float) -> RawMessages:
        assert self._alone.acquire(blocking=False), "two threads at once"
        try:
            return self._read(timeout_s)
        finally:
            self._alone.release()

    def _read(self, timeout_s: float) -> RawMessages:
        rows: list[Row] = []
        ends: dict[int, int] = {}
        failures: dict[int, str] = {}
        for slot, (partition, offset) in enumerate(self._at):
            log = self._world.logs.get(partition)
            if slot in self._lost or partition.brokers in self._world.away:
                continue
            if log is None or not log.begin <= offset <= log.end:
                failures[slot] = f"{partition.topic} at offset {offset} is lost"
                self._lost.add(slot)
                continue
            self._ends[slot] = log.end
            found = log.rows[offset - log.begin :][: self._world.batch]
            rows += [(slot, n, *row) for n, row in enumerate(found, offset) if row[1] is not None]  # type: ignore[misc]
            self._at[slot] = (partition, offset + len(found))
            if offset + len(found) == log.end:
                ends[slot] = log.end
        if not rows and timeout_s:
            self._world.clock.advance(max(timeout_s, LEAST_S))
        self._world.given += len(rows)
        self._world.on_given()
        return raw(rows, ends, failures)

    def ends(self) -> Mapping[int, int]:
        return self._ends

    def release(self) -> None:
        self._at.clear()

    def close(self) -> None:
        self.closed = True


class Sender:
    """Delivers at once, or when the cluster is there again."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._held: list[tuple[Outgoing, Future[Place]]] = []

    def send(self, message: Outgoing) -> Future[Place]:
        future: Future[Place] = Future()
        self._held.append((message, future))
        self._deliver()
        return future

    def _deliver(self) -> None:
        held, self._held = self._held, []
        for message, future in held:
            if message.brokers in self._world.away:
                self._held.append((message, future))
            else:
                self._world.write(message.topic, message.value, brokers=message.brokers)
                end = self._world.logs[Partition(message.brokers, message.topic, 0)].end
                self._world.on_sent(message)
                future.set_result(Place(0, end - 1))

    def serve(self, timeout_s: float) -> None:
        self._world.clock.advance(timeout_s)
        self._deliver()

    def give_up(self) -> None:
        self._held.clear()


def install(patch: pytest.MonkeyPatch) -> World:
    """Let clients talk to a world in memory, by its clock."""
    world = World()

    def of_world(kind: Callable[[World], T]) -> Callable[..., T]:
        return lambda _security, *_: kind(world)

    clusters: Callable[[Security], Any] = lambda _: world  # noqa: E731
    for module in (tail, topic_reader):
        patch.setattr(module, "KafkaClusters", clusters)
        patch.setattr(module, "KafkaReader", of_world(Reader))
    patch.setattr(conversation, "KafkaSender", of_world(Sender))
    for timed in (following, topic_reader, conversation):
        patch.setattr(timed, "SystemClock", lambda: world.clock)
    return world


__all__ = ["ASKED_S", "NOW_MS", "World", "install"]
