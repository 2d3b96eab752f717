"""Several brokers, with every topic on all of them."""

import time
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from kafka_broker.broker import Broker
from kafka_broker.config import members

_ADMIN_TIMEOUT_S = 20.0
_AGAIN_S = 0.2


class Cluster:
    """Three brokers of which one may be away: there and gone with a ``with`` block."""

    def __init__(self) -> None:
        self.brokers = [Broker(member=member) for member in members(3)]
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        """Start all, and wait until each answers."""
        try:
            for broker in self.brokers:
                self._closing.callback(broker.close)
                broker.launch()
            for broker in self.brokers:
                broker.await_answer()
        except BaseException:
            self._closing.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop all and remove their data."""
        self._closing.close()

    @property
    def addresses(self) -> tuple[str, ...]:
        """Those of all brokers."""
        return tuple(broker.bootstrap for broker in self.brokers)

    def leader(self, topic: str, partition: int = 0) -> Broker:
        """The broker that has a partition, as soon as one has: whoever is asked may have heard of it late."""
        admin = AdminClient({"bootstrap.servers": ",".join(self.addresses)})
        deadline = time.monotonic() + _ADMIN_TIMEOUT_S
        while time.monotonic() < deadline:
            found = admin.list_topics(topic, _ADMIN_TIMEOUT_S).topics[topic].partitions.get(partition)
            leader: int = 0 if found is None else found.leader
            if leader > 0:
                return self.brokers[leader - 1]
            time.sleep(_AGAIN_S)
        raise KafkaException(f"nobody leads partition {partition} of {topic}")
