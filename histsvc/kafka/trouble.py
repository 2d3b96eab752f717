"""The reason of a connection failure: librdkafka tells it to a callback only, and many times a second."""

from __future__ import annotations

import logging
import time

from confluent_kafka import KafkaError

from histsvc.errors import BrokerError

_log = logging.getLogger(__name__)
_QUIET_S = 30.0
_RETRIABLE = frozenset(
    {
        KafkaError._TIMED_OUT,
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._UNKNOWN_PARTITION,
        KafkaError._NOENT,
        KafkaError._RESOLVE,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
    }
)
_DENIED = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError._AUTHENTICATION,
    }
)


class Trouble:
    """Remembers the last reason and logs each kind at most twice a minute."""

    def __init__(self, who: str) -> None:
        self._who = who
        self._logged_s: dict[int, float] = {}
        self.last = ""

    def __call__(self, error: KafkaError) -> None:
        """Take an error as librdkafka's error_cb gives it."""
        code, now_s = error.code(), time.monotonic()
        # That all brokers are down is the consequence, and would hide the reason that came before.
        if code != KafkaError._ALL_BROKERS_DOWN or not self.last:
            self.last = error.str()
        if now_s - self._logged_s.get(code, float("-inf")) > _QUIET_S:
            self._logged_s[code] = now_s
            _log.warning("%s: %s", self._who, error.str())


def broker_error(error: KafkaError) -> BrokerError:
    """Turn librdkafka's error into ours."""
    code = error.code()
    return BrokerError(f"{error.name()}: {error.str()}", retriable=code in _RETRIABLE, denied=code in _DENIED)
