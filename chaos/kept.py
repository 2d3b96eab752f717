"""What the broker has of what was sent: a count that is wrong may be that of who sent it twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from confluent_kafka import Consumer, TopicPartition

from histsvc.clock import Deadline, SystemClock
from histsvc.kafka.connection import consumer_settings
from histsvc.settings import Security

_ANSWER_S, _READ_S = 30.0, 300.0
_MESSAGES = 1000


def differences(bootstrap: str, topics: Iterable[str], partitions: int, sent: int) -> list[str]:
    """What is not there exactly once; the keys of messages are their numbers, from 0 to below `sent`.

    Raises KafkaException where the broker does not answer.
    """
    consumer = Consumer({**consumer_settings((bootstrap,), Security()), "error_cb": lambda _: None})
    try:
        places = [TopicPartition(topic, number, 0) for topic in topics for number in range(partitions)]
        found = Counter(key for place in places for key in _keys(consumer, place))
    finally:
        consumer.close()
    other = [f"{number} ({found[number]} times)" for number in range(sent) if found[number] != 1]
    some = ", ".join(other[:5])
    return [f"not once on the broker: {len(other)} of {sent} messages, such as {some}"] if other else []


def _keys(consumer: Consumer, place: TopicPartition) -> Iterable[int]:
    """The numbers of all messages of a partition."""
    _, end = consumer.get_watermark_offsets(place, timeout=_ANSWER_S)
    consumer.assign([place])
    deadline, offset = Deadline(SystemClock(), _READ_S), 0
    while offset < end and not deadline.expired():
        for message in consumer.consume(_MESSAGES, 1.0):
            if message.error() is None:
                offset = message.offset() + 1
                yield int(message.key())
