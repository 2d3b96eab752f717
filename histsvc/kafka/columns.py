"""What a consumer of events brings, as columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import itemgetter

import numpy as np
from confluent_kafka import KafkaError, Message

from histsvc.model import Int64Array, RawMessages

# Topic and number of each partition that is read, and what it is called here.
Slots = Mapping[tuple[str, int], int]
# Of what Message.timestamp() gives: its kind, and ms.
_MILLISECONDS = itemgetter(1)
_NO_ERROR = frozenset({type(None)})
_LOST = {
    KafkaError._AUTO_OFFSET_RESET: "was removed by the broker before it was read",
    KafkaError.OFFSET_OUT_OF_RANGE: "was removed by the broker before it was read",
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "may not be read any more (no READ permission)",
    KafkaError.UNKNOWN_TOPIC_OR_PART: "does not exist any more",
    KafkaError._UNKNOWN_PARTITION: "does not exist any more",
    KafkaError._UNKNOWN_TOPIC: "does not exist any more",
}


def columns(
    messages: list[Message], slots: Slots, told: Callable[[KafkaError], None], *, alone: bool, waited: bool
) -> RawMessages:
    """Columns of what was read from the partitions `slots`; `alone`: it has been one all the time.

    Errors of no partition go to `told`. `map` with methods keeps loops over messages out of the interpreter.
    """
    ends: dict[int, int] = {}
    failures: dict[int, str] = {}
    errors = list(map(Message.error, messages))
    if not _NO_ERROR.issuperset(map(type, errors)):  # errors themselves cannot be compared with None
        bad = [message for message, error in zip(messages, errors, strict=True) if error is not None]
        messages = [message for message, error in zip(messages, errors, strict=True) if error is None]
        ends, failures = _events(bad, slots, told)
    messages, numbers = _placed(messages, slots, alone)
    payload = list(map(Message.value, messages))
    if None in payload:
        payload = [value or b"" for value in payload]
    number = len(messages)
    return RawMessages(
        numbers,
        np.fromiter(map(Message.offset, messages), np.int64, number),
        np.fromiter(map(_MILLISECONDS, map(Message.timestamp, messages)), np.int64, number),
        payload,
        ends,
        failures,
        waited,
    )


def _placed(messages: list[Message], slots: Slots, alone: bool) -> tuple[list[Message], Int64Array]:
    """The messages of partitions that are read, and their slots, int64 (messages,)."""
    ends = {(message.topic(), message.partition()) for message in (*messages[:1], *messages[-1:])}
    if alone and slots.keys() == ends:  # what was queued before it was assigned would come first
        return messages, np.full(len(messages), slots[ends.pop()], np.int64)
    keys = zip(map(Message.topic, messages), map(Message.partition, messages), strict=True)
    found = list(map(slots.get, keys))
    if None in found:  # a message of a partition that was just dropped may still have been queued
        messages = [m for m, slot in zip(messages, found, strict=True) if slot is not None]
        found = [slot for slot in found if slot is not None]
    return messages, np.fromiter(found, np.int64, len(found))


def _events(
    bad: list[Message], slots: Slots, told: Callable[[KafkaError], None]
) -> tuple[dict[int, int], dict[int, str]]:
    """What messages without data say: ends of partitions, and partitions that cannot be read any more."""
    ends: dict[int, int] = {}
    failures: dict[int, str] = {}
    for message in bad:
        error, topic = message.error(), message.topic()
        if error.code() == KafkaError._PARTITION_EOF:
            slot = slots.get((topic, message.partition()))
            if slot is not None:
                ends[slot] = message.offset()
        elif error.code() not in _LOST:
            told(error)
        else:
            for (name, number), slot in slots.items():
                if name == topic and message.partition() in (number, -1):
                    where = f"partition {number} of {name!r} at offset {message.offset()}"
                    failures[slot] = f"{where} {_LOST[error.code()]}: {error.str()}"
    return ends, failures
