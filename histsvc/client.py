"""A client of the protocol: sends commands, awaits their replies, follows histograms and heartbeats."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np
import numpy.typing as npt

from histsvc.clock import Deadline, SystemClock
from histsvc.errors import BrokerError, Code, CommandError
from histsvc.kafka.cluster import KafkaClusters
from histsvc.kafka.producer import KafkaSender
from histsvc.kafka.reader import KafkaReader
from histsvc.model import Partition, Start
from histsvc.ports import OffsetAt, Outgoing
from histsvc.protocol.info import HistogramInfo
from histsvc.settings import KafkaSettings
from histsvc.wire import HISTOGRAM_DESERIALISERS
from histsvc.wire.histogram import AxisMessage

T = TypeVar("T")
_POLL_S = 0.02
_BROKER_S = 10.0


@dataclass(frozen=True, eq=False)
class Histogram:
    """A histogram as it was received: `counts` has one dimension for each of `axes`."""

    topic: str
    schema: str
    source: str
    timestamp_ns: int
    info: HistogramInfo
    axes: tuple[AxisMessage, ...]
    counts: npt.NDArray[Any]


class Follower:
    """Reads all messages of some topics from a place on."""

    def __init__(self, kafka: KafkaSettings, topics: Sequence[str], at: OffsetAt) -> None:
        """Begin at the beginning or the end of each topic; raises BrokerError where it cannot be found."""
        cluster = KafkaClusters(kafka.security).of(kafka.brokers)
        facts = _answer(lambda: cluster.describe(topics))
        missing = [topic for topic in topics if not facts[topic].partitions]
        if missing:
            raise BrokerError(f"there is no topic {', '.join(missing)}", retriable=False)
        partitions = [Partition(kafka.brokers, t, n) for t in topics for n in range(facts[t].partitions)]
        found = _answer(lambda: cluster.offsets(partitions, at))
        self._topics = [partition.topic for partition in partitions]
        self._reader = KafkaReader(kafka.security)
        self._reader.assign([Start(partition, found[partition].offset) for partition in partitions])

    def poll(self, timeout_s: float) -> list[tuple[str, bytes]]:
        """Topic and payload of what has come, waiting no longer than `timeout_s`."""
        raw = self._reader.read(timeout_s)
        slots = raw.slot.tolist()
        return [(self._topics[slot], payload) for slot, payload in zip(slots, raw.payload, strict=True)]

    def close(self) -> None:
        """Let go of the connections."""
        self._reader.close()


class Client:
    """Talks to a service; to be used in a ``with`` statement.

    `command_topic` and `response_topic` are those of the service.
    """

    def __init__(self, kafka: KafkaSettings, command_topic: str, response_topic: str) -> None:
        self._kafka = kafka
        self._command_topic = command_topic
        self._clock = SystemClock()
        self._sender = KafkaSender(kafka.security, "lz4")
        self._replies = Follower(kafka, [response_topic], OffsetAt.LATEST)
        self._followers = [self._replies]

    def __enter__(self) -> Self:
        """Be ready; the reply topic is read from now on."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of all connections."""
        for follower in self._followers:
            follower.close()

    def send(self, command: Mapping[str, Any], timeout_s: float = 6.0) -> dict[str, Any]:
        """Send a command and wait for its reply, the ACK.

        A missing `msg_id` is made up. Raises CommandError with code and field where the reply is ERR, and
        TimeoutError where none comes in time.
        """
        msg_id = command.get("msg_id") or uuid.uuid4().hex
        self.post({**command, "msg_id": msg_id})
        deadline = Deadline(self._clock, timeout_s)
        while not deadline.expired():
            for _, payload in self._replies.poll(min(_POLL_S, deadline.remaining_s())):
                reply = _reply(payload)
                if reply.get("msg_id") == msg_id:
                    return _accepted(reply)
        raise TimeoutError(f"no reply to {command.get('cmd')!r} within {timeout_s:g} s")

    def post(self, command: Mapping[str, Any]) -> None:
        """Send a command without waiting for a reply; raises BrokerError where it is not delivered."""
        value = json.dumps(command).encode()
        sent = self._sender.send(Outgoing(self._kafka.brokers, self._command_topic, b"", value))
        deadline = Deadline(self._clock, _BROKER_S)
        while not sent.done() and not deadline.expired():
            self._sender.serve(_POLL_S)
        if not sent.done():
            raise BrokerError("the brokers did not take the command in time", retriable=True)
        sent.result()

    def follow(self, topics: Sequence[str], at: OffsetAt = OffsetAt.LATEST) -> Follower:
        """Read topics from their end (or beginning) on; closed with the client."""
        follower = Follower(self._kafka, topics, at)
        self._followers.append(follower)
        return follower


def histogram(topic: str, payload: bytes) -> Histogram:
    """Read a histogram message; raises ValueError where it is of no schema that carries one."""
    schema = payload[4:8].decode("ascii", "replace")
    if schema not in HISTOGRAM_DESERIALISERS:
        raise ValueError(f"schema {schema!r} is none of {', '.join(HISTOGRAM_DESERIALISERS)}")
    read = HISTOGRAM_DESERIALISERS[schema](payload)
    info = HistogramInfo.from_json(read.info)
    return Histogram(topic, schema, read.source, read.timestamp_ns, info, read.axes, np.asarray(read.data))


def _reply(payload: bytes) -> dict[str, Any]:
    """A reply, or nothing where somebody else has sent something else."""
    try:
        read = json.loads(payload)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def _accepted(reply: dict[str, Any]) -> dict[str, Any]:
    if reply.get("response") != "ACK":
        given = reply.get("code")
        code = Code(given) if given in set(Code) else Code.INTERNAL
        raise CommandError(code, str(reply.get("message", "")), reply.get("field"))
    return reply


def _answer(question: Callable[[], Future[T]]) -> T:
    """Ask until there is an answer; raises BrokerError where there is none in time."""
    deadline = Deadline(SystemClock(), _BROKER_S)
    while True:
        asked = question()
        wait([asked], timeout=deadline.remaining_s())
        if not asked.done():
            raise BrokerError("the brokers did not answer in time", retriable=True)
        try:
            return asked.result()
        except BrokerError as error:
            if not error.retriable or deadline.expired():
                raise
