"""librdkafka's own C functions, where confluent-kafka has none for it, in the copy that this has loaded.

They are declared in rdkafka.h and rdkafka_mock.h.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from confluent_kafka import Consumer, cimpl, libversion, version

from histsvc.errors import BrokerError
from histsvc.model import Int64Array


class TopicPartition(ctypes.Structure):
    """``rd_kafka_topic_partition_t``, as far as it is read here."""

    _fields_ = (("topic", ctypes.c_char_p), ("partition", ctypes.c_int32), ("offset", ctypes.c_int64))


_POINTER, _TEXT, _INT = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
_FUNCTIONS: tuple[tuple[str, Any, list[Any]], ...] = (
    ("rd_kafka_new", _POINTER, [_INT, _POINTER, _TEXT, ctypes.c_size_t]),
    ("rd_kafka_name", _TEXT, [_POINTER]),
    ("rd_kafka_conf_new", _POINTER, []),
    ("rd_kafka_conf_set", _INT, [_POINTER, _TEXT, _TEXT, _TEXT, ctypes.c_size_t]),
    ("rd_kafka_destroy", None, [_POINTER]),
    ("rd_kafka_queue_get_consumer", _POINTER, [_POINTER]),
    ("rd_kafka_queue_yield", None, [_POINTER]),
    ("rd_kafka_queue_destroy", None, [_POINTER]),
    ("rd_kafka_topic_name", _TEXT, [_POINTER]),
    ("rd_kafka_event_error", _INT, [_POINTER]),
    ("rd_kafka_event_error_string", _TEXT, [_POINTER]),
    ("rd_kafka_event_topic_partition", ctypes.POINTER(TopicPartition), [_POINTER]),
    ("rd_kafka_topic_partition_destroy", None, [ctypes.POINTER(TopicPartition)]),
    ("rd_kafka_mock_cluster_new", _POINTER, [_POINTER, _INT]),
    ("rd_kafka_mock_cluster_bootstraps", _TEXT, [_POINTER]),
    ("rd_kafka_mock_cluster_destroy", None, [_POINTER]),
    ("rd_kafka_mock_topic_create", _INT, [_POINTER, _TEXT, _INT, _INT]),
    ("rd_kafka_mock_set_controller_id", _INT, [_POINTER, ctypes.c_int32]),
)


@cache
def library() -> ctypes.CDLL:
    """The functions; symbols of what a library was linked with are found by way of it."""
    made = ctypes.CDLL(cimpl.__file__)
    for name, result, arguments in _FUNCTIONS:
        function = getattr(made, name)
        function.restype, function.argtypes = result, arguments
    return made


def addresses(names: Sequence[str]) -> Int64Array:
    """Where functions are in memory, int64 (names,), for kernels that call them."""
    found = [ctypes.cast(getattr(library(), name), ctypes.c_void_p).value for name in names]
    return np.array(found, np.int64)


def handle(consumer: Consumer) -> int:
    """The ``rd_kafka_t *`` of a consumer, which confluent-kafka keeps first in its objects.

    Raises BrokerError where it is not there (docs/adr/0025).
    """
    found = ctypes.c_void_p.from_address(id(consumer) + object.__basicsize__).value
    name = library().rd_kafka_name(found) if found else b""
    if b"#consumer-" not in name:
        versions = f"confluent-kafka {version()}, librdkafka {libversion()[0]}"
        raise BrokerError(f"{versions}: the handle of a consumer is not where it was", retriable=False)
    return found or 0
