"""What the inside of the service needs from the outside; adapters and fakes both fit these."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from enum import IntEnum
from multiprocessing.connection import Connection
from typing import Protocol

from histsvc.model import Partition, Place, RawMessages, Start

Waitable = Connection | int
"""What ``multiprocessing.connection.wait`` waits for: a pipe, or a file descriptor."""


class Reader(Protocol):
    """Reads partitions from explicit offsets; slots are indices into the `starts` it was given."""

    def assign(self, starts: Sequence[Start]) -> None:
        """Forget what was read before and begin at these offsets."""
        ...

    def extend(self, starts: Sequence[Start]) -> None:
        """Read these partitions as well; their slots follow those there are."""
        ...

    def read(self, timeout_s: float) -> RawMessages:
        """What has come, waiting no longer than `timeout_s` for the first of it; may be empty."""
        ...

    def read_ahead(self) -> None:
        """The interpreter is not needed for a while: now the next batch may be read beside the rest."""
        ...

    def wait(self, others: Sequence[Waitable], timeout_s: float) -> None:
        """Wait until there may be something to read, or to hear from one of `others`.

        For no longer than `timeout_s`. To be called when the last read has brought nothing.
        """
        ...

    def move(self, slot: int, offset: int) -> None:
        """Read a slot, of which nothing more comes, from another offset."""
        ...

    def drop(self, slots: Iterable[int]) -> None:
        """Read these slots no more."""
        ...

    def ends(self) -> Mapping[int, int]:
        """The end offset of each slot as far as it is known without asking a broker."""
        ...

    def release(self) -> None:
        """Read nothing any more; connections may be kept for the next assignment."""
        ...


@dataclass(frozen=True)
class Outgoing:
    """One message to be sent: `key` and `value` as Kafka has them."""

    brokers: tuple[str, ...]
    topic: str
    key: bytes
    value: bytes


class Sender(Protocol):
    """Sends messages; every one is answered."""

    def send(self, message: Outgoing) -> Future[Place]:
        """Hand a message over; the future ends with where it lies, or a BrokerError where it failed."""
        ...

    def serve(self, timeout_s: float) -> None:
        """Let delivery reports come in, for no longer than `timeout_s`."""
        ...

    def give_up(self) -> None:
        """Drop what has not been delivered; its futures end with an error."""
        ...


@dataclass(frozen=True)
class TopicFacts:
    """What the broker says about a topic; `partitions` is 0 where there is no such topic.

    `topic_id` is another one when a topic was deleted and made anew; empty where that is not told.
    """

    partitions: int
    topic_id: str = ""


class OffsetAt(IntEnum):
    """Places in a partition to ask for, beside timestamps in ms.

    COMMITTED is the end of what readers are given: transactions that have not ended lie behind it.
    """

    COMMITTED = -4
    EARLIEST = -2
    LATEST = -1


@dataclass(frozen=True)
class FoundOffset:
    """An offset, -1 where there is none, and the timestamp of its message in ms, -1 where not asked for."""

    offset: int
    timestamp_ms: int


class Cluster(Protocol):
    """Answers questions about topics and offsets of one Kafka cluster; futures may end with BrokerError."""

    def describe(self, topics: Iterable[str]) -> Future[dict[str, TopicFacts]]:
        """Facts about topics; never creates one."""
        ...

    def offsets(
        self, partitions: Iterable[Partition], at: OffsetAt | int
    ) -> Future[dict[Partition, FoundOffset]]:
        """The offsets at a place, or of the first message with a timestamp ≥ `at` ms."""
        ...

    def largest_messages(self, topics: Iterable[str]) -> Future[dict[str, int]]:
        """How many bytes a batch of messages to each of these topics may have, after compression."""
        ...

    def create(self, topic: str, config: Mapping[str, str]) -> Future[None]:
        """Make a topic of one partition, with as many replicas as brokers make by default."""
        ...

    def addresses(self) -> Future[frozenset[str]]:
        """Every ``host:port`` that the brokers of this cluster advertise."""
        ...

    def look(self) -> None:
        """Take what has been heard of the brokers meanwhile; to be called while an answer is waited for."""
        ...

    @property
    def trouble(self) -> str:
        """The last reason of a connection failure, empty where there was none."""
        ...

    @property
    def refused(self) -> bool:
        """Whether that was for a wrong password or certificate: somebody has to change it."""
        ...


class Clusters(Protocol):
    """Finds the one Cluster of a list of brokers."""

    def of(self, brokers: tuple[str, ...]) -> Cluster:
        """The cluster of these brokers."""
        ...


@dataclass(frozen=True)
class CountSample:
    """What histogram `number` has counted in all, and added, at a pulse; seconds since the Unix epoch."""

    number: int
    sum: int
    diff: int
    time_s: float


class Metrics(Protocol):
    """Takes counts to where curves are drawn; no call blocks, and nobody hears of a failure but here."""

    @property
    def counters(self) -> Mapping[str, int]:
        """How often it failed, named ``kind.reason``."""
        ...

    def report(self, samples: Sequence[CountSample]) -> None:
        """Send these; they may replace what has not been sent yet."""
        ...

    def close(self) -> None:
        """Begin to send nothing any more; waits for nothing."""
        ...
