"""Messages as objects of the Kafka client: for those who read few, and want each as bytes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from confluent_kafka import Consumer, Message

from histsvc.kafka.taker import AHEAD_S, BATCH_BYTES, GATHER_S, MOST_MESSAGES, News, Slots, Told
from histsvc.model import RawMessages

_LEAST_MESSAGES = 16


class ObjectTaker:
    """A Taker; nothing ends its wait early."""

    patience_s = 0.1

    def __init__(self, consumer: Consumer, slots: Callable[[], Slots], told: Told) -> None:
        self._consumer = consumer
        self._slots = slots
        self._told = told
        # Small first batches: what comes may be large, and the mean follows quickly.
        self._mean_bytes = 50_000.0

    def take(self, timeout_s: float) -> RawMessages:
        """See Taker."""
        most = int(min(max(BATCH_BYTES / self._mean_bytes, _LEAST_MESSAGES), MOST_MESSAGES))
        if timeout_s <= AHEAD_S:
            messages = self._consumer.consume(most, timeout_s)
        else:
            first = self._consumer.poll(timeout_s)
            messages = [] if first is None else [first, *self._consumer.consume(most - 1, GATHER_S)]
        taken = self._columns(messages, waited=len(messages) < most)
        if taken.payload:
            self._mean_bytes += 0.2 * (float(taken.size.mean()) - self._mean_bytes)
        return taken

    def hurry(self) -> None:
        """See Taker."""

    def close(self) -> None:
        """See Taker: objects have copies of their own."""

    def _columns(self, messages: list[Message], *, waited: bool) -> RawMessages:
        slots = self._slots()
        news = News(slots, self._told)
        placed: list[tuple[int, Message]] = []
        for message in messages:
            topic, partition, error = message.topic(), message.partition(), message.error()
            if error is not None:
                news.add(error, topic, partition, message.offset())
            elif (topic, partition) in slots:  # not of one that was just dropped
                placed.append((slots[topic, partition], message))
        number = len(placed)
        return RawMessages(
            np.fromiter((slot for slot, _ in placed), np.int64, number),
            np.fromiter((message.offset() for _, message in placed), np.int64, number),
            np.fromiter((message.timestamp()[1] for _, message in placed), np.int64, number),
            [message.value() or b"" for _, message in placed],
            news.ends,
            news.failures,
            frozenset(news.overtaken),
            frozenset(news.hindered),
            waited,
        )
