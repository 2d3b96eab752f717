"""Every message of some topics, from a place on: for those who must not miss one."""

from __future__ import annotations

from collections.abc import Sequence

from histsvc.client.asking import answer
from histsvc.clock import Deadline, SystemClock
from histsvc.errors import BrokerError
from histsvc.kafka.cluster import KafkaClusters
from histsvc.kafka.reader import KafkaReader
from histsvc.model import Partition, Start
from histsvc.ports import OffsetAt
from histsvc.settings import KafkaSettings

_BROKER_S = 10.0


class TopicReader:
    """Reads all messages of some topics from a place on; to be used by one thread."""

    def __init__(self, kafka: KafkaSettings, topics: Sequence[str], at: OffsetAt) -> None:
        """Begin at the beginning or the end of each topic; raises BrokerError where it cannot be found."""
        cluster = KafkaClusters(kafka.security).of(kafka.brokers)
        deadline = Deadline(SystemClock(), _BROKER_S)
        facts = answer(kafka.brokers, lambda: cluster.describe(topics), deadline)
        missing = [topic for topic in topics if not facts[topic].partitions]
        if missing:
            raise BrokerError(f"there is no topic {', '.join(missing)}", retriable=False)
        partitions = [Partition(kafka.brokers, t, n) for t in topics for n in range(facts[t].partitions)]
        found = answer(kafka.brokers, lambda: cluster.offsets(partitions, at), deadline)
        self._topics = [partition.topic for partition in partitions]
        self._reader = KafkaReader(kafka.security)
        self._reader.assign([Start(partition, found[partition].offset) for partition in partitions])

    def poll(self, timeout_s: float) -> list[tuple[str, bytes]]:
        """Topic and payload of what has come, waiting no longer than `timeout_s`.

        Raises BrokerError where messages were removed before they were read, or the topic was.
        """
        raw = self._reader.read(timeout_s)
        if raw.failures:
            raise BrokerError("; ".join(raw.failures.values()), retriable=False)
        slots = raw.slot.tolist()
        return [(self._topics[slot], payload) for slot, payload in zip(slots, raw.payload, strict=True)]

    def close(self) -> None:
        """Let go of the connections."""
        self._reader.close()
