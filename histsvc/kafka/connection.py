"""One consumer of events: its settings, what it is to read, and the thread that reads ahead."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor, wait

from confluent_kafka import Consumer, KafkaException, TopicPartition

from histsvc.kafka.security import Config, client_config, create
from histsvc.kafka.taker import AHEAD_S, TakerKind
from histsvc.kafka.trouble import Trouble
from histsvc.model import RawMessages, joined
from histsvc.settings import Security

# How long the thread waits for the first message: processes may end.
_EXPECT_S = 1.0
# How old what is known of the ends of partitions may be.
_ENDS_S = 0.1
# What an answer about a topic may take; it comes within some ms, or has no use.
_ASK_S = 0.5


def consumer_settings(brokers: tuple[str, ...], security: Security) -> Config:
    """What a consumer of events is set to."""
    return client_config(brokers, security) | {
        "group.id": "histsvc",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "enable.partition.eof": True,
        "allow.auto.create.topics": False,
        "fetch.error.backoff.ms": 100,
        # The defaults starve it: 1,700 instead of over 15,000 messages of 80 kB a second.
        "fetch.queue.backoff.ms": 0,
        "queued.min.messages": 100_000,
        "queued.max.messages.kbytes": 32_768,
        "fetch.max.bytes": 33_554_432,
        "max.partition.fetch.bytes": 8_388_608,
        # A new assignment waits for the fetch under way; new data ends that wait at once.
        "fetch.wait.max.ms": 100,
    }


class Connection:
    """One consumer, and the slots of its partitions."""

    def __init__(self, brokers: tuple[str, ...], security: Security, kind: TakerKind) -> None:
        # Made anew where one is dropped: the thread may be looking at it.
        self.slots: dict[tuple[str, int], int] = {}
        # The end offset of each slot as the last fetch told it.
        self.ends: dict[int, int] = {}
        self._ends_s = float("-inf")
        self.trouble = Trouble(brokers, security)
        self._thread = ThreadPoolExecutor(1, "read ahead")
        self._ahead: Future[RawMessages] | None = None
        self._flowing = False
        self._expecting = False
        self._hurry = False
        self._known: set[str] = set()
        # What is read no more, but for what the consumer has not been told yet.
        self._dropped: deque[tuple[str, int]] = deque()
        self.consumer = create(Consumer, consumer_settings(brokers, security) | {"error_cb": self.trouble})
        self._taker = kind(self.consumer, lambda: self.slots, self.trouble)

    def read(self, timeout_s: float) -> RawMessages:
        """What has come, or was read ahead."""
        if self._ahead is None:
            read = self._read(timeout_s)
        elif self._expecting and not wait([self._ahead], timeout_s).done:
            return joined([])
        else:
            read = self._ahead.result()
        self._ahead, self._expecting, self._flowing = None, False, bool(read.payload)
        return read

    def read_ahead(self) -> None:
        """Begin to read the next batch if data flows."""
        if self._flowing and self._ahead is None:
            self._ahead = self._thread.submit(self._read, AHEAD_S)

    def expect(self, ring: Callable[[], None]) -> bool:
        """Wait for messages in the thread, and ring when they are here; returns whether they are."""
        if self._ahead is None:
            self._expecting = True
            self._ahead = self._thread.submit(self._first)
            self._ahead.add_done_callback(lambda _: ring())
        return self._ahead.done()

    def assign(self, wanted: list[TopicPartition]) -> None:
        """Read these partitions from their offsets, and no others.

        Topics that it does not know yet it is asked about: then it reads them some 0.9 s earlier.
        One question takes 50 ms, about one topic or all.
        """
        unknown = {partition.topic for partition in wanted} - self._known
        if unknown:
            with contextlib.suppress(KafkaException):  # of brokers that are away it reads when they are back
                self.consumer.list_topics(next(iter(unknown)) if len(unknown) == 1 else None, _ASK_S)
        self._known |= {partition.topic for partition in wanted}
        self.consumer.assign(wanted)

    def extend(self, wanted: list[TopicPartition]) -> None:
        """Read these partitions as well."""
        self._unassign()
        self.consumer.incremental_assign(wanted)

    def move(self, slot: int, offset: int) -> None:
        """Read a slot from another offset; a seek would fail where the one before is out of range."""
        moved = [key for key, number in self.slots.items() if number == slot]
        if moved:
            self.settle()
            self._unassign()
            self.consumer.incremental_unassign([TopicPartition(*key) for key in moved])
            self.consumer.incremental_assign([TopicPartition(*key, offset) for key in moved])

    def drop(self, slots: Collection[int]) -> None:
        """Read these no more; the consumer is told when it does not wait for messages."""
        self._dropped += [key for key, slot in self.slots.items() if slot in slots]
        self.slots = {key: slot for key, slot in self.slots.items() if slot not in slots}
        if not self._busy:
            self._unassign()

    def release(self) -> None:
        """Read nothing any more, and drop the batch that was read ahead."""
        self.settle()
        self._ahead, self._expecting, self._flowing = None, False, False
        self.ends, self._ends_s = {}, float("-inf")
        if self.slots or self._dropped:
            self.consumer.unassign()
        self.slots = {}
        self._dropped.clear()

    def rest(self) -> None:
        """Nothing is to be read: what librdkafka wants to tell would pile up otherwise."""
        if not self._busy:
            self._unassign()
            self.consumer.poll(0)

    def settle(self) -> None:
        """Wait for the batch that is read ahead, and keep it: then slots may be changed."""
        if self._ahead is not None:
            self._hurry = True
            self._taker.hurry()
            wait([self._ahead])
            self._hurry = False

    def close(self) -> None:
        """Let go of thread and consumer."""
        self.settle()
        self._thread.shutdown()
        self._taker.close()
        self.consumer.close()

    @property
    def _busy(self) -> bool:
        """Whether the thread has the consumer."""
        return self._ahead is not None and not self._ahead.done()

    def _first(self) -> RawMessages:
        """What comes first, as long as nobody is in a hurry; nothing after some time."""
        for _ in range(round(_EXPECT_S / self._taker.patience_s)):
            read = self._read(self._taker.patience_s)
            if read.payload or read.ends or read.failures or self._hurry or not self.slots:
                break
        return read

    def _unassign(self) -> None:
        gone = []
        while self._dropped:
            gone.append(TopicPartition(*self._dropped.popleft()))
        if gone:
            self.consumer.incremental_unassign(gone)

    def _read(self, timeout_s: float) -> RawMessages:
        self._unassign()
        read = self._taker.take(timeout_s)
        self._look_at_ends()
        return read

    def _look_at_ends(self) -> None:
        """Here, as whoever asks a consumer that is waiting for messages has to wait as well."""
        if time.monotonic() - self._ends_s < _ENDS_S:
            return
        self._ends_s = time.monotonic()
        ends = self.ends.copy()  # the other thread may be looking at those there are
        for key, slot in self.slots.items():
            known = self.consumer.get_watermark_offsets(TopicPartition(*key), cached=True)
            if known is not None and known[1] >= 0:
                ends[slot] = known[1]
        self.ends = ends
