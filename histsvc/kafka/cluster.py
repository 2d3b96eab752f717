"""Answers about topics and offsets from one AdminClient a cluster.

An AdminClient answers in 1 to 3 ms; a consumer that is reading takes 505 ms, because the question queues
behind its long poll. `describe_topics` never creates a topic, `list_topics` does one that it is given.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

from confluent_kafka import (
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, OffsetSpec

from histsvc.errors import BrokerError
from histsvc.kafka.admin import admin_client
from histsvc.kafka.security import client_config
from histsvc.kafka.trouble import Trouble, broker_error
from histsvc.model import Partition
from histsvc.ports import Cluster, FoundOffset, OffsetAt, TopicFacts
from histsvc.settings import Security

_READERS, _EVERYTHING = IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
# One try; who asks tries again until its own deadline.
_REQUEST_S = 2.0


class KafkaCluster:
    """The cluster of a list of brokers."""

    def __init__(self, brokers: tuple[str, ...], security: Security) -> None:
        self._trouble = Trouble(brokers, security)
        self._config = {**client_config(brokers, security), "error_cb": self._trouble}
        self._admin = admin_client(self._config)
        self._before = self._admin
        self._misled = False

    def look(self) -> None:
        """Take what has been heard of the brokers meanwhile."""
        self._admin.poll(0)  # an AdminClient's error callback runs in here only

    @property
    def trouble(self) -> str:
        """The last reason of a connection failure, empty where there was none."""
        self.look()
        return self._trouble.last

    @property
    def refused(self) -> bool:
        """Whether that was for a wrong password or certificate."""
        return self._trouble.refused

    def describe(self, topics: Iterable[str]) -> Future[dict[str, TopicFacts]]:
        """Facts about topics; never creates one."""
        wanted = list(topics)
        if not wanted:
            return _together({}, _facts, self._failed)
        asked = self._client().describe_topics(TopicCollection(wanted), request_timeout=_REQUEST_S)
        return _together(asked, _facts, self._failed)

    def offsets(
        self, partitions: Iterable[Partition], at: OffsetAt | int
    ) -> Future[dict[Partition, FoundOffset]]:
        """The offsets at a place, or of the first message with a timestamp ≥ `at` ms.

        LATEST is the end of everything that was written. A reader of committed messages reaches it when the
        transactions before it have ended, and until then nothing is done there.
        """
        names = {TopicPartition(p.topic, p.number): p for p in partitions}
        asked = self._client().list_offsets(
            {partition: _spec(at) for partition in names},
            isolation_level=_READERS if at is OffsetAt.COMMITTED else _EVERYTHING,
            request_timeout=_REQUEST_S,
        )
        answers = {names[partition]: future for partition, future in asked.items()}
        return _together(answers, _found, self._failed)

    def largest_messages(self, topics: Iterable[str]) -> Future[dict[str, int]]:
        """How many bytes a batch of messages to each of these topics may have, after compression.

        Needs the right to describe the topics' configuration: ends with a BrokerError without it.
        """
        resources = {ConfigResource(ConfigResource.Type.TOPIC, topic): topic for topic in topics}
        if not resources:
            return _together({}, _largest_message, self._failed)
        asked = self._client().describe_configs(list(resources), request_timeout=_REQUEST_S)
        answers = {resources[resource]: future for resource, future in asked.items()}
        return _together(answers, _largest_message, self._failed)

    def create(self, topic: str, config: Mapping[str, str]) -> Future[None]:
        """Make a topic of one partition; one that is there already is as good."""
        new = NewTopic(topic, num_partitions=1, replication_factor=-1, config=dict(config))
        asked = self._client().create_topics([new], request_timeout=_REQUEST_S)
        together = _together(asked, _made, self._failed)
        alone: Future[None] = Future()
        together.add_done_callback(lambda answers: _settle(alone, lambda: answers.result()[topic]))
        return alone

    def addresses(self) -> Future[frozenset[str]]:
        """Every ``host:port`` that the brokers of this cluster advertise.

        `describe_cluster` asks the same without a thread, but an answer with no brokers, as of one that has
        just stood still, ends the process then (an assertion of librdkafka 2.16).
        """
        client, answer = self._client(), Future[frozenset[str]]()

        def ask() -> None:
            try:
                known = client.list_topics(timeout=_REQUEST_S).brokers.values()
            except KafkaException as error:
                answer.set_exception(broker_error(error.args[0]))
            else:
                answer.set_result(frozenset(f"{each.host}:{each.port}" for each in known))

        # No daemon: clients are closed at the end of the process, but not while this one is asked.
        threading.Thread(target=ask, name="addresses").start()
        return answer

    def _client(self) -> AdminClient:
        """The client, a new one where the old one is misled; that may still have questions to answer."""
        if self._misled:
            self._before, self._admin = self._admin, admin_client(self._config)
            self._misled = False
        return self._admin

    def _failed(self, error: KafkaError) -> None:
        """Who once found no leader for a new topic goes on saying so from its cache, for minutes."""
        self._misled = self._misled or error.code() == KafkaError._NOENT


class KafkaClusters:
    """One KafkaCluster for each list of brokers, made when it is first asked for."""

    def __init__(self, security: Security) -> None:
        self._security = security
        self._clusters: dict[tuple[str, ...], KafkaCluster] = {}

    def of(self, brokers: tuple[str, ...]) -> Cluster:
        """The cluster of these brokers."""
        if brokers not in self._clusters:
            self._clusters[brokers] = KafkaCluster(brokers, self._security)
        return self._clusters[brokers]


def _spec(at: OffsetAt | int) -> OffsetSpec:
    if at is OffsetAt.EARLIEST:
        return OffsetSpec.earliest()
    if at in (OffsetAt.LATEST, OffsetAt.COMMITTED):
        return OffsetSpec.latest()
    return OffsetSpec.for_timestamp(int(at))


def _facts(asked: Future[Any]) -> TopicFacts:
    try:
        description = asked.result()
    except KafkaException as error:
        if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            return TopicFacts(partitions=0)
        raise
    return TopicFacts(len(description.partitions), str(description.topic_id))


def _found(asked: Future[Any]) -> FoundOffset:
    result = asked.result()
    return FoundOffset(result.offset, result.timestamp)


def _largest_message(asked: Future[Any]) -> int:
    return int(asked.result()["max.message.bytes"].value)


def _made(asked: Future[Any]) -> None:
    try:
        asked.result()
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise


def _settle(future: Future[V], result: Callable[[], V]) -> None:
    try:
        future.set_result(result())
    except BrokerError as error:
        future.set_exception(error)


def _about(key: Hashable) -> str:
    """Which topic was asked about, as the beginning of a sentence."""
    topic = key.topic if isinstance(key, Partition) else key
    return f"topic {topic!r}: " if topic else ""


def _together(
    asked: Mapping[K, Future[Any]], read: Callable[[Future[Any]], V], failed: Callable[[KafkaError], None]
) -> Future[dict[K, V]]:
    """One future of all answers; it ends with a BrokerError as soon as all are in and one is bad."""
    together: Future[dict[K, V]] = Future()
    remaining = len(asked)
    lock = threading.Lock()

    def one_more(_: object) -> None:
        nonlocal remaining
        with lock:
            remaining -= 1
            last = remaining == 0
        if last:
            finish()

    def finish() -> None:
        answers = {}
        for key, future in asked.items():
            try:
                answers[key] = read(future)
            except KafkaException as error:
                failed(error.args[0])
                together.set_exception(broker_error(error.args[0], _about(key)))
                return
        together.set_result(answers)

    if not asked:
        together.set_result({})
    for future in asked.values():
        future.add_done_callback(one_more)
    return together
