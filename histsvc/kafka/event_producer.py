"""The tools' producer: sends fast, and knows exactly what Kafka has acknowledged."""

from __future__ import annotations

from collections.abc import Callable

from confluent_kafka import KafkaError, KafkaException, Producer

from histsvc.clock import Clock
from histsvc.errors import BrokerError
from histsvc.kafka.security import Config, create, producer_config
from histsvc.kafka.trouble import Trouble
from histsvc.settings import KafkaSettings

_SETTINGS: Config = {
    "topic.metadata.propagation.max.ms": 10_000,  # then a topic that does not exist is said to be missing
    "linger.ms": 50,
    "batch.size": 1_000_000,  # not more: brokers refuse larger batches, and nobody splits them
    "message.max.bytes": 1_000_000_000,
    "queue.buffering.max.kbytes": 262_144,  # bounds the memory when the broker is slower than we are
}

_NO_REPORT = "the broker did not acknowledge it"


class EventProducer:
    """Sends messages without waiting for each, counts those delivered and failed, waits where Kafka is slow.

    After `flush`, `delivered` and `failed` add up to what `produce` was given; `failure` is why the first one
    failed. Not for more than one thread. Raises SettingsError for settings that librdkafka refuses.
    """

    def __init__(
        self, kafka: KafkaSettings, clock: Clock, *, compression: str = "lz4", first_delivery_s: float = 30.0
    ) -> None:
        self.delivered = 0
        self.failed = 0
        self.failure: str | None = None
        self._clock = clock
        self._brokers = ", ".join(kafka.brokers)
        self._first_delivery_s = first_delivery_s
        self._first_sent_s: float | None = None
        self._trouble = Trouble(kafka.brokers, kafka.security)
        config = producer_config(kafka.brokers, kafka.security) | _SETTINGS
        own = {"compression.type": compression, "error_cb": self._trouble}
        self._producer = create(Producer, {**config, **own})

    def produce(
        self,
        topic: str,
        payload: bytes,
        timestamp_ms: int,
        key: bytes | None = None,
        partition: int | None = None,
        *,
        give_up: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Hand a message over, waiting while the queue is full; says whether it was, or `give_up` ended it.

        `timestamp_ms` (since the Unix epoch, UTC) must be positive: Kafka's library takes 0 for "now". What
        the library refuses counts as failed. Raises BrokerError as `poll` does.
        """
        if timestamp_ms <= 0:
            raise ValueError(f"timestamp_ms must be positive, not {timestamp_ms}")
        place = {} if partition is None else {"partition": partition}
        if self._first_sent_s is None:
            self._first_sent_s = self._clock.monotonic_s()
        self.poll(0)  # not after the message is taken: who calls must know that it was
        while True:
            try:
                self._producer.produce(
                    topic, payload, key, timestamp=timestamp_ms, on_delivery=self._on_delivery, **place
                )
            except BufferError:
                if not len(self._producer):  # an empty queue that is too small stays too small
                    return self._refused("the message is larger than the queue of the producer")
                self.poll(0.1)
                if give_up():
                    return False
            except KafkaException as error:
                return self._refused(error.args[0].str())
            else:
                return True

    def poll(self, timeout_s: float) -> None:
        """Take in what Kafka reports; raises BrokerError if after 30 s nothing at all was reported."""
        self._producer.poll(timeout_s)
        if self.delivered or self.failed or self._first_sent_s is None:
            return
        if self._clock.monotonic_s() - self._first_sent_s > self._first_delivery_s:
            reason = f": {self._trouble.last}" if self._trouble.last else ""
            waited = f"{self._first_delivery_s:g} s"
            raise BrokerError(f"{self._brokers} took no message for {waited}{reason}", retriable=True)

    def flush(self, patience_s: Callable[[], float]) -> None:
        """Wait for all reports until none came for `patience_s()` seconds; the rest is dropped and failed."""
        unreported, since_s = len(self._producer), self._clock.monotonic_s()
        while unreported:
            left = self._producer.flush(0.1)
            if left < unreported:
                unreported, since_s = left, self._clock.monotonic_s()
            elif self._clock.monotonic_s() - since_s >= patience_s():
                self._producer.purge()
                unreported = self._producer.flush(5.0)
                break
        for _ in range(unreported):  # not even reported as dropped: the sum must be right all the same
            self._failed(_NO_REPORT)

    def _refused(self, reason: str) -> bool:
        self._failed(reason)
        return True

    def _failed(self, reason: str) -> None:
        self.failed += 1
        self.failure = self.failure or reason

    def _on_delivery(self, error: KafkaError | None, message: object) -> None:
        if error is None:
            self.delivered += 1
        elif error.code() in (KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT):
            self._failed(self._trouble.last or _NO_REPORT)
        else:
            self._failed(error.str())
