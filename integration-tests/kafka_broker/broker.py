"""The broker as the tests see it."""

import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    NewTopic,
    OffsetSpec,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from kafka_broker.config import Member, Setup, Tls, address, members, server_properties
from kafka_broker.errors import BrokerError
from kafka_broker.process import GroupProcess, java_command, require_java, run_to_end, tail

_START_TIMEOUT_S = 60.0
_ADMIN_TIMEOUT_S = 20.0
_POLL_S = 0.05


class MakeTopic(Protocol):
    """What the `topic` fixture is: makes a topic that no other test uses and returns its name."""

    def __call__(self, name: str, partitions: int = 1, config: dict[str, str] | None = None) -> str:
        """Make it, with a name that begins with `name`."""
        ...


class Broker:
    """Apache Kafka in one process, with a listener for everybody and one that asks for a password.

    With `tls` there are two more: for clients with a certificate, and for clients with a password. With
    `acls` who logs in with a password has only the rights that it is given.

    After `stop` or `kill`, `start` takes up where it was: same addresses, same topics. `close`, or the end of
    a `with` block, removes its data too. Start it in a thread that lives as long as the broker shall (see
    `GroupProcess`).
    """

    def __init__(
        self,
        tls: Tls | None = None,
        *,
        acls: bool = False,
        front: str | None = None,
        member: Member | None = None,
    ) -> None:
        """`front` is an address of somebody in front of it; `member` its place among others."""
        require_java()
        self._setup = Setup(tls, acls, front)
        self._home = tempfile.TemporaryDirectory(prefix="kafka-broker-")
        self._member = member or members(1)[0]
        self._ports = self._member.own
        self._process: GroupProcess | None = None
        self._admin: Any = None
        self.log = Path(self._home.name) / "broker.log"

    def __enter__(self) -> Self:
        """Start it; nothing is left behind if that fails."""
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it and remove its data."""
        self.close()

    @property
    def bootstrap(self) -> str:
        """Address for clients without a password."""
        return address(self._ports.plain)

    @property
    def sasl_bootstrap(self) -> str:
        """Address for clients that log in with `SASL_CLIENT`."""
        return address(self._ports.sasl)

    @property
    def tls_bootstrap(self) -> str:
        """Address for clients with a certificate; nobody listens there without `tls`."""
        return address(self._ports.tls)

    @property
    def sasl_tls_bootstrap(self) -> str:
        """Address for clients that log in over TLS; nobody listens there without `tls`."""
        return address(self._ports.sasl_tls)

    @property
    def pid(self) -> int | None:
        """Id of the broker's process and of its group; None while it does not run."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.launch()
        self.await_answer()

    def launch(self) -> None:
        """Start it; one of several answers when most of them are there."""
        if self._process:
            raise BrokerError("the broker has been started already")
        properties = Path(self._home.name) / "server.properties"
        if not properties.exists():
            self._format(properties)
        self._process = GroupProcess(java_command("kafka.Kafka", str(properties)), self.log)

    def await_answer(self) -> None:
        """Wait until it answers."""
        try:
            self._until(self._answers, _START_TIMEOUT_S, "answer")
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Shut it down in good order, by force if that takes too long."""
        process, self._process = self._process, None
        if process:
            process.stop()

    def kill(self) -> None:
        """End it as a power cut would."""
        process, self._process = self._process, None
        if process:
            process.kill()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It keeps its connections and answers nothing, as long as the ``with`` statement lasts."""
        assert self.pid is not None
        os.killpg(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self.pid, signal.SIGCONT)

    def restart(self) -> None:
        """Stop it if it runs, and start it."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Stop it and remove its data."""
        self.stop()
        self._admin = None
        self._home.cleanup()

    def create_topic(self, name: str, partitions: int = 1, config: dict[str, str] | None = None) -> None:
        """Create a topic and wait until every partition of it answers."""
        new = NewTopic(name, num_partitions=partitions, config=config or {})
        self._until(lambda: self._created(new), _ADMIN_TIMEOUT_S, f"make topic {name}")
        self.ready(name, partitions)

    def _created(self, new: NewTopic) -> bool:
        """Create a topic; False where a busy machine held the broker up, so that it counts as gone."""
        try:
            self._client().create_topics([new])[new.topic].result(_ADMIN_TIMEOUT_S)
        except KafkaException as error:
            if error.args[0].code() == KafkaError.INVALID_REPLICATION_FACTOR:
                return False
            raise
        return True

    def ready(self, topic: str, partitions: int) -> None:
        """Wait until every partition of a topic answers."""
        every = [TopicPartition(topic, partition) for partition in range(partitions)]
        self._until(lambda: self._have_leaders(every), _ADMIN_TIMEOUT_S, f"make topic {topic} ready")

    def set_password(self, user: str, password: str) -> None:
        """Let a user log in with SCRAM-SHA-512 and this password, and no other."""
        info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        change = UserScramCredentialUpsertion(user, info, password.encode())
        for future in self._client().alter_user_scram_credentials([change]).values():
            future.result(_ADMIN_TIMEOUT_S)

    def delete_records(self, topic: str, partition: int, before: int) -> None:
        """Delete the messages of a partition below an offset, as retention would."""
        target = TopicPartition(topic, partition, before)
        for future in self._client().delete_records([target]).values():
            future.result(_ADMIN_TIMEOUT_S)

    def topic_size(self, topic: str) -> int:
        """Number of offsets from the oldest message of a topic to its end, summed over its partitions."""
        partitions = self._client().list_topics(topic, _ADMIN_TIMEOUT_S).topics[topic].partitions
        every = [TopicPartition(topic, partition) for partition in partitions]
        return self._offsets(every, OffsetSpec.latest()) - self._offsets(every, OffsetSpec.earliest())

    def _format(self, properties: Path) -> None:
        home = Path(self._home.name)
        draft = home / "server.properties.new"
        draft.write_text(server_properties(self._member, home / "data", self._setup))
        arguments = ("format", "-t", self._member.cluster_id, "-c", str(draft))
        run_to_end(java_command("kafka.tools.StorageTool", *arguments), self.log)
        draft.rename(properties)  # only now it counts as formatted

    def _client(self) -> Any:
        # Started brokers are waited for and stopped ones are meant: neither needs librdkafka's word on it.
        if self._admin is None:
            quiet = {"log_level": 0, "reconnect.backoff.max.ms": 200, "metadata.recovery.strategy": "none"}
            self._admin = AdminClient({"bootstrap.servers": self.bootstrap, **quiet})
        return self._admin

    def _answers(self) -> bool:
        if self._process is None or not self._process.running:
            raise BrokerError(f"the broker ended while it started:\n{tail(self.log)}")
        try:
            return bool(self._client().list_topics(timeout=1.0).brokers)
        except KafkaException:
            return False

    def _have_leaders(self, partitions: list[Any]) -> bool:
        try:
            self._offsets(partitions, OffsetSpec.latest())
        except KafkaException:
            # A client that once found no leader goes on saying so from its cache for minutes.
            self._admin = None
            return False
        return True

    def _offsets(self, partitions: list[Any], which: Any) -> int:
        """Sum over partitions; raises if one of them has no leader that answers."""
        futures = self._client().list_offsets(dict.fromkeys(partitions, which), request_timeout=2.0)
        return sum(int(future.result(_ADMIN_TIMEOUT_S).offset) for future in futures.values())

    def _until(self, fact: Callable[[], bool], timeout_s: float, what: str) -> None:
        deadline = time.monotonic() + timeout_s
        while not fact():
            if time.monotonic() > deadline:
                raise BrokerError(f"the broker did not {what} within {timeout_s:g} s:\n{tail(self.log)}")
            time.sleep(_POLL_S)
