"""Producers write once what they are given: shown on the broker that librdkafka has for tests of its own."""

from __future__ import annotations

import logging

from confluent_kafka import Producer

from histsvc.clock import Deadline, SystemClock
from histsvc.kafka.security import producer_config
from histsvc.settings import Security

_RTT_MS, _TIMEOUT_S = 100, 20.0
_SENT, _ANSWERED = "Sent ProduceRequest", "Received ProduceResponse"


class _Heard(logging.Handler):
    """What becomes of the requests of a producer, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.order: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        said = record.getMessage()
        self.order += [what for what in (_SENT, _ANSWERED) if what in said]


def test_a_request_waits_for_the_answer_to_the_one_before() -> None:
    heard, logger = _Heard(), logging.Logger("librdkafka")
    logger.addHandler(heard)
    broker = {"test.mock.num.brokers": 1, "test.mock.broker.rtt": _RTT_MS}
    told = {"debug": "protocol", "log_level": 7, "linger.ms": 0}
    producer = Producer({**producer_config(["mock:1"], Security()), **broker, **told}, logger=logger)
    producer.produce("topic", b"first")
    deadline = Deadline(SystemClock(), _TIMEOUT_S)
    while _SENT not in heard.order and not deadline.expired():
        producer.poll(0.01)
    producer.produce("topic", b"second")  # while the first is not answered
    assert producer.flush(_TIMEOUT_S) == 0
    producer.poll(0)
    assert heard.order == [_SENT, _ANSWERED, _SENT, _ANSWERED]
