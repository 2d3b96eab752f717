"""What takes messages from a consumer, and what consumers say beside messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from confluent_kafka import Consumer, KafkaError

from histsvc.model import RawMessages

Slots = Mapping[tuple[str, int], int]
"""Topic and number of each partition that is read, and what it is called here."""
Told = Callable[[KafkaError], None]

# A batch of about this many bytes stays in the caches while every histogram is filled from it.
BATCH_BYTES = 4_000_000
MOST_MESSAGES = 4096
# Who waits longer than for a batch that is read ahead is given what comes first, and within this time.
AHEAD_S = 0.01
GATHER_S = 0.002

_OVERTAKEN = frozenset({KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE})
_LOST = {
    **dict.fromkeys(_OVERTAKEN, "was removed by the broker before it was read"),
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "may not be read (no READ permission)",
    KafkaError.UNKNOWN_TOPIC_OR_PART: "does not exist any more",
    KafkaError._UNKNOWN_PARTITION: "does not exist any more",
    KafkaError._UNKNOWN_TOPIC: "does not exist any more",
}


class Taker(Protocol):
    """Takes messages from a consumer; to be used by one thread at a time.

    `patience_s` is how long it may be told to wait by who may be in a hurry then.
    """

    patience_s: float

    def take(self, timeout_s: float) -> RawMessages:
        """What has come from the partitions that are read now; may be empty.

        It waits no longer than `timeout_s` for the first, and, where that is at most AHEAD_S, so long for a
        whole batch.
        """
        ...

    def hurry(self) -> None:
        """From another thread: who waits in `take` comes back soon, if there is nothing to take."""
        ...

    def close(self) -> None:
        """Before the consumer is closed: nothing that was taken may be looked at any more."""
        ...


TakerKind = Callable[[Consumer, Callable[[], Slots], Told], Taker]
"""Makes a Taker of a consumer, of what says which partitions are read, and of what errors are told to."""


class News:
    """What a consumer says beside messages: ends of partitions, and partitions that cannot be read any more.

    Errors of no partition go to `told`.
    """

    def __init__(self, slots: Slots, told: Told) -> None:
        self.ends: dict[int, int] = {}
        self.failures: dict[int, str] = {}
        self.overtaken: set[int] = set()
        self.hindered: set[int] = set()
        self._slots = slots
        self._told = told

    def add(self, error: KafkaError, topic: str | None, partition: int, offset: int) -> None:
        """Take an error that came instead of a message; `partition` is -1 for all of the topic."""
        if error.code() == KafkaError._PARTITION_EOF:
            slot = self._slots.get((topic or "", partition))
            if slot is not None:
                self.ends[slot] = offset
        elif error.code() not in _LOST:
            self._told(error)
        else:
            for (name, number), slot in self._slots.items():
                if name == topic and partition in (number, -1):
                    where = f"partition {number} of {name!r} at offset {offset}"
                    self.failures[slot] = f"{where} {_LOST[error.code()]}: {error.str()}"
                    if error.code() in _OVERTAKEN:
                        self.overtaken.add(slot)
                    elif error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
                        self.hindered.add(slot)
