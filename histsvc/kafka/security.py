"""From our settings to those of librdkafka."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from confluent_kafka import KafkaException

from histsvc.errors import SettingsError
from histsvc.settings import Security

T = TypeVar("T")
Config = dict[str, str | int | bool]

# Measured on a real broker: with the defaults a frozen broker goes unnoticed for 61 s. Without rebootstrap a
# client has no brokers for ever after one that comes back has said that it knows none; the many errors that
# it brings in an outage are for kafka/trouble.py (docs/adr/0004-kafka-client-settings.md).
_RESILIENCE: Config = {
    "metadata.recovery.strategy": "rebootstrap",
    "reconnect.backoff.ms": 100,
    "reconnect.backoff.max.ms": 1000,
    "socket.timeout.ms": 6000,
    "socket.keepalive.enable": True,
    "topic.metadata.refresh.interval.ms": 10000,
    "retry.backoff.ms": 100,
    # What librdkafka would print itself comes by error_cb too, where it is logged with measure.
    "log_level": 2,
}
# Nothing is sent twice, and nothing is given up: who waits has a deadline of their own. With more than one
# request in flight librdkafka may write a message twice all the same when leaders change: it takes a new
# epoch for all partitions, also for those whose last request the broker has but could not answer
# (https://github.com/confluentinc/librdkafka/issues/4953).
_ONCE: Config = {
    "acks": "all",
    "enable.idempotence": True,
    "max.in.flight.requests.per.connection": 1,
    "message.timeout.ms": 0,
}


def create(kind: Callable[[dict[str, Any]], T], config: Mapping[str, Any]) -> T:
    """Make a client; raises SettingsError for what librdkafka refuses, such as a certificate not found."""
    try:
        return kind(dict(config))
    except KafkaException as error:
        raise SettingsError(f"Kafka settings: {error.args[0].str()}") from error


def client_config(brokers: Sequence[str], security: Security) -> Config:
    """What every client is made with: where the brokers are, how to talk to them, how to survive them."""
    given = {
        "security.protocol": security.protocol,
        "sasl.mechanism": security.sasl_mechanism,
        "sasl.username": security.sasl_username,
        "sasl.password": security.sasl_password,
        "ssl.ca.location": security.ssl_cafile,
        "ssl.certificate.location": security.ssl_certfile,
        "ssl.key.location": security.ssl_keyfile,
    }
    config: Config = {"bootstrap.servers": ",".join(brokers), **_RESILIENCE}
    config.update({key: value for key, value in given.items() if value is not None})
    return config


def producer_config(brokers: Sequence[str], security: Security) -> Config:
    """What every producer is made with: what it is given is written once, whatever happens to the brokers."""
    return client_config(brokers, security) | _ONCE
