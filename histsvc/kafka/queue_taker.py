"""Messages where librdkafka has put them: for those who read as many as can come.

The documented calls of confluent-kafka copy each payload and make an object of each message, all with the
interpreter's lock held. This takes them from the consumer's queue instead, with the functions by which
librdkafka gives events to applications, called from compiled code (docs/adr/0025).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from weakref import WeakSet

import numpy as np
from confluent_kafka import Consumer, KafkaError

from histsvc.kafka.librdkafka import addresses, handle, library
from histsvc.kafka.taker import AHEAD_S, BATCH_BYTES, GATHER_S, MOST_MESSAGES, News, Slots, Told
from histsvc.kernels.take import FUNCTIONS, Taken, let_go, take
from histsvc.model import InPlace, Int64Array, RawMessages


class _Events:
    """Events of librdkafka, which keep what their messages hold until this is gone."""

    def __init__(self, events: Int64Array, destroy: int) -> None:
        self._events = events
        self._destroy = destroy

    def let_go(self) -> None:
        """Give them back; only once."""
        events, self._events = self._events, self._events[:0]
        let_go(self._destroy, events)

    __del__ = let_go


class QueueTaker:
    """A Taker."""

    patience_s = 1.0

    def __init__(self, consumer: Consumer, slots: Callable[[], Slots], told: Told) -> None:
        """Raises BrokerError where confluent-kafka keeps its handle in a place that is not known."""
        self._slots = slots
        self._told = told
        self._library = library()
        self._queue = self._library.rd_kafka_queue_get_consumer(handle(consumer))
        self._functions = addresses(FUNCTIONS)
        self._destroy = int(addresses(["rd_kafka_event_destroy"])[0])
        self._taken = np.empty((len(Taken), MOST_MESSAGES), np.int64)
        self._held: WeakSet[_Events] = WeakSet()

    def take(self, timeout_s: float) -> RawMessages:
        """See Taker."""
        begun_s = time.monotonic()
        full, count = self._more(timeout_s, 0)
        patience_s = timeout_s - (time.monotonic() - begun_s) if timeout_s <= AHEAD_S else GATHER_S
        deadline_s = time.monotonic() + patience_s
        while count and not full and (left_s := deadline_s - time.monotonic()) > 0:
            full, count = self._more(left_s, count)
        return self._columns(self._taken[:, :count].copy(), waited=not full)

    def hurry(self) -> None:
        """See Taker."""
        self._library.rd_kafka_queue_yield(self._queue)

    def close(self) -> None:
        """See Taker."""
        for events in list(self._held):
            events.let_go()
        self._library.rd_kafka_queue_destroy(self._queue)

    def _more(self, timeout_s: float, begin: int) -> tuple[bool, int]:
        """Take what is there, and wait for the first; whether that is a whole batch, and how many."""
        room = BATCH_BYTES - int(self._taken[Taken.SIZE, :begin].sum())
        count = take(self._functions, self._queue, math.ceil(timeout_s * 1000), room, begin, self._taken)
        size = int(self._taken[Taken.SIZE, :count].sum())
        return count == MOST_MESSAGES or size >= BATCH_BYTES, count

    def _columns(self, taken: Int64Array, *, waited: bool) -> RawMessages:
        events = _Events(taken[Taken.EVENT], self._destroy)
        self._held.add(events)
        slots = self._slots()
        news = News(slots, self._told)
        for event in taken[Taken.EVENT, taken[Taken.TOPIC] == 0].tolist():
            self._hear(event, news)
        slot = self._placed(taken, slots)
        if not np.all(slot >= 0):  # news, and messages of a partition that was just dropped
            taken, slot = np.compress(slot >= 0, taken, axis=1), slot[slot >= 0]
        return RawMessages(
            slot,
            taken[Taken.OFFSET],
            taken[Taken.TIMESTAMP_MS],
            InPlace(taken[Taken.ADDRESS], taken[Taken.SIZE], events),
            news.ends,
            news.failures,
            frozenset(news.overtaken),
            frozenset(news.hindered),
            waited,
        )

    def _placed(self, taken: Int64Array, slots: Slots) -> Int64Array:
        """The slot of each message, -1 where it has none, int64; they come in runs of one partition."""
        places = taken[[Taken.TOPIC, Taken.PARTITION]]
        begins = np.any(places[:, 1:] != places[:, :-1], axis=0)
        runs = np.concatenate([np.zeros(1, np.int64), np.cumsum(begins)])[: places.shape[1]]
        heads = places[:, np.concatenate([[True], begins])[: places.shape[1]]]
        found = [
            slots.get((self._library.rd_kafka_topic_name(topic).decode(), partition), -1) if topic else -1
            for topic, partition in heads.T.tolist()
        ]
        return np.take(np.array(found, np.int64), runs)

    def _hear(self, event: int, news: News) -> None:
        """Take an event that is no message."""
        code = self._library.rd_kafka_event_error(event)
        if not code:
            return
        error = KafkaError(code, (self._library.rd_kafka_event_error_string(event) or b"").decode())
        where = self._library.rd_kafka_event_topic_partition(event)
        if not where:
            news.add(error, None, -1, -1)
            return
        place = where.contents
        news.add(error, place.topic.decode(), place.partition, place.offset)
        self._library.rd_kafka_topic_partition_destroy(where)
