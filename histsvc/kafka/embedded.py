"""An embedded broker for demos and quick tests: the mock cluster that librdkafka brings along.

It runs in threads of this process and other processes can use it. It keeps about 5 MB a partition in memory,
cannot find offsets by time, and does not answer requests to create topics: a real broker it is not.
confluent-kafka can start one but cannot make topics in it, so this talks to librdkafka itself.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from histsvc.errors import BrokerError
from histsvc.kafka.librdkafka import library

_PRODUCER = 0
_CONTROLLER_ID = 1
_LOG_LEVEL_ERROR = b"3"


class EmbeddedBroker:
    """A broker on loopback while the ``with`` statement lasts; `bootstrap` is its host:port."""

    def __init__(self, topics: Mapping[str, int]) -> None:
        """Start with these topics and their numbers of partitions; raises BrokerError where it cannot."""
        self._library = library()
        reason = ctypes.create_string_buffer(512)
        settings = self._library.rd_kafka_conf_new()
        self._library.rd_kafka_conf_set(settings, b"log_level", _LOG_LEVEL_ERROR, reason, len(reason))
        self._handle = self._library.rd_kafka_new(_PRODUCER, settings, reason, len(reason))
        if not self._handle:
            raise BrokerError(f"librdkafka: {reason.value.decode()}", retriable=False)
        self._cluster = self._library.rd_kafka_mock_cluster_new(self._handle, 1)
        # Without a controller it does not answer questions about topics.
        self._library.rd_kafka_mock_set_controller_id(self._cluster, _CONTROLLER_ID)
        self.bootstrap: str = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()
        for topic, partitions in topics.items():
            self.create_topic(topic, partitions)

    def create_topic(self, topic: str, partitions: int = 1) -> None:
        """Make a topic; raises BrokerError where librdkafka refuses."""
        error = self._library.rd_kafka_mock_topic_create(self._cluster, topic.encode(), partitions, 1)
        if error:
            raise BrokerError(f"topic {topic!r} could not be made: error {error}", retriable=False)

    def close(self) -> None:
        """End the broker; what it kept is gone."""
        if self._handle:
            self._library.rd_kafka_mock_cluster_destroy(self._cluster)
            self._library.rd_kafka_destroy(self._handle)
            self._handle = None

    def __enter__(self) -> Self:
        """Use it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self.close()
