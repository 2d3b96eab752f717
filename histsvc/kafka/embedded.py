"""An embedded broker for demos and quick tests: the mock cluster that librdkafka brings along.

It runs in threads of this process and other processes can use it. It keeps about 5 MB a partition in memory,
cannot find offsets by time, and does not answer requests to create topics: a real broker it is not.
confluent-kafka can start one but cannot make topics in it, so this talks to librdkafka's C functions
(declared in its rdkafka_mock.h) in the copy that confluent-kafka has loaded.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import confluent_kafka

from histsvc.errors import BrokerError

_PRODUCER = 0
_CONTROLLER_ID = 1
_LOG_LEVEL_ERROR = b"3"


def _library() -> ctypes.CDLL:
    package = Path(confluent_kafka.__file__).parent
    bundled = [*package.parent.glob("confluent_kafka.libs/librdkafka*"), *package.glob(".dylibs/librdkafka*")]
    library = ctypes.CDLL(str(bundled[0]) if bundled else "librdkafka.so.1")
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    for name, result, arguments in (
        ("rd_kafka_new", pointer, [number, pointer, text, ctypes.c_size_t]),
        ("rd_kafka_conf_new", pointer, []),
        ("rd_kafka_conf_set", number, [pointer, text, text, text, ctypes.c_size_t]),
        ("rd_kafka_destroy", None, [pointer]),
        ("rd_kafka_mock_cluster_new", pointer, [pointer, number]),
        ("rd_kafka_mock_cluster_bootstraps", text, [pointer]),
        ("rd_kafka_mock_cluster_destroy", None, [pointer]),
        ("rd_kafka_mock_topic_create", number, [pointer, text, number, number]),
        ("rd_kafka_mock_set_controller_id", number, [pointer, ctypes.c_int32]),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class EmbeddedBroker:
    """A broker on loopback while the ``with`` statement lasts; `bootstrap` is its host:port."""

    def __init__(self, topics: Mapping[str, int]) -> None:
        """Start with these topics and their numbers of partitions; raises BrokerError where it cannot."""
        self._library = _library()
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
