"""Sends messages to any cluster; every message is answered by its delivery report."""

from __future__ import annotations

from concurrent.futures import Future

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from histsvc.errors import BrokerError
from histsvc.kafka.security import create, producer_config
from histsvc.kafka.trouble import Trouble, broker_error
from histsvc.model import Place
from histsvc.ports import Outgoing
from histsvc.settings import Security

# librdkafka's own limit counts before compression; what is too large is for the topic to say.
_LARGEST_BYTES = 1_000_000_000


class KafkaSender:
    """A Sender with one producer for each list of brokers; to be used by one thread."""

    def __init__(self, security: Security, compression: str) -> None:
        self._security = security
        self._compression = compression
        self._producers: dict[tuple[str, ...], Producer] = {}

    def send(self, message: Outgoing) -> Future[Place]:
        """Hand a message over; raises BrokerError where the client refuses it at once."""
        sent: Future[Place] = Future()

        def delivered(error: KafkaError | None, reported: Message) -> None:
            if error is None:
                sent.set_result(Place(reported.partition() or 0, reported.offset() or 0))
            else:
                sent.set_exception(broker_error(error))

        try:
            self.connect(message.brokers).produce(
                message.topic, value=message.value, key=message.key, on_delivery=delivered
            )
        except BufferError as error:
            raise BrokerError(f"the queue to the broker is full: {error}", retriable=True) from error
        except KafkaException as error:
            if error.args[0].fatal():  # this producer will never send again; the next message gets a new one
                producer = self._producers.pop(message.brokers)
                producer.purge()
                producer.poll(0)
            raise broker_error(error.args[0]) from error
        return sent

    def serve(self, timeout_s: float) -> None:
        """Let delivery reports come in, for no longer than `timeout_s`."""
        for producer in self._producers.values():
            producer.poll(timeout_s / len(self._producers))

    def give_up(self) -> None:
        """Drop what has not been delivered; its futures end with an error."""
        for producer in self._producers.values():
            if len(producer):
                producer.purge()

    def connect(self, brokers: tuple[str, ...]) -> Producer:
        """Make the producer for these brokers, if it is not there yet.

        The first message of an idempotent producer waits 0.5 to 1 s for its id, so this is done ahead.
        """
        if brokers not in self._producers:
            self._producers[brokers] = create(
                Producer,
                {
                    **producer_config(brokers, self._security),
                    "message.max.bytes": _LARGEST_BYTES,
                    "queue.buffering.max.kbytes": 2_097_151,
                    "linger.ms": 1,
                    "compression.type": self._compression,
                    "error_cb": Trouble(brokers, self._security),
                },
            )
        return self._producers[brokers]
