"""The client that waits: for scripts, tools and tests."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from threading import Lock
from types import TracebackType
from typing import Any, Self

from histsvc.client.conversation import Conversation
from histsvc.client.following import Following
from histsvc.client.followings import HeartbeatFollowing, HistogramFollowing
from histsvc.errors import SettingsError
from histsvc.names import host_ports
from histsvc.protocol.heartbeat import Heartbeat
from histsvc.settings import KafkaSettings


class Client:
    """Talks to a service; to be used in a ``with`` statement.

    `brokers` is ``"host:port"``, several of them, or KafkaSettings with security. The topics are those of the
    service; each is needed only for what it is for: `command_topic` and `response_topic` to send commands,
    `heartbeat_topic` for heartbeats and to find the topics of histograms. `service_id` is for those services
    only that have this id, where several read one command topic.

    `send` and `post` may be called by several threads at once; what `follow` and `heartbeats` give, by one.
    """

    def __init__(
        self,
        brokers: str | Sequence[str] | KafkaSettings,
        command_topic: str = "",
        response_topic: str = "",
        heartbeat_topic: str = "",
        *,
        service_id: str = "",
    ) -> None:
        if not isinstance(brokers, KafkaSettings):
            brokers = KafkaSettings(host_ports("brokers", [brokers] if isinstance(brokers, str) else brokers))
        self._kafka = brokers
        self._command_topic = command_topic
        self._response_topic = response_topic
        self._heartbeat_topic = heartbeat_topic
        self._service_id = service_id
        self._conversation: Conversation | None = None
        self._connecting = Lock()
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        """Nothing is connected before it is needed."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of all connections."""
        self.close()

    def close(self) -> None:
        """Let go of all connections, those of followings as well."""
        self._closing.close()

    def send(self, command: Mapping[str, Any], timeout_s: float = 6.0) -> dict[str, Any]:
        """Send a command and wait for its reply, the ACK.

        A missing `msg_id` is made up. Raises CommandError with code and field where the reply is ERR,
        TimeoutError where none comes in time, and BrokerError where the command is not delivered.
        """
        if not self._response_topic:
            raise SettingsError("a reply needs a response_topic; give the one of the service")
        msg_id = command.get("msg_id") or uuid.uuid4().hex
        return self._talk().ask({**self._targeted(command), "msg_id": msg_id}, timeout_s)

    def post(self, command: Mapping[str, Any]) -> None:
        """Send a command without waiting for a reply; raises BrokerError where it is not delivered."""
        self._talk().post(self._targeted(command))

    def follow(
        self, ids: str | Sequence[str] = "*", topics: str | Sequence[str] = (), *, keep_finished: bool = False
    ) -> HistogramFollowing:
        """Follow the histograms whose id fits `ids`: names, or patterns such as ``bank*``.

        They are looked for in `topics`, or where the heartbeats of services say that they are published. What
        is there already comes at once, then the newest of each id as it is published; never a backlog.
        With `keep_finished` everything that is published is read, and every FINISHED histogram is given, also
        where one of the same id has come since. Closed with the client. Raises BrokerError where the brokers
        do not answer.
        """
        named = [topics] if isinstance(topics, str) else list(topics)
        if not named and not self._heartbeat_topic:
            raise SettingsError("no topics to follow; name them, or the heartbeat_topic that tells them")
        beats = None if named else self.heartbeats()
        patterns = [ids] if isinstance(ids, str) else list(ids)
        following = HistogramFollowing(self._kafka, named, patterns, beats, keep_finished=keep_finished)
        self._closing.callback(following.close)
        return following

    def heartbeats(self) -> Following[Heartbeat]:
        """Follow the heartbeats of all services on the heartbeat topic: the newest of each, the last at once.

        Closed with the client. Raises BrokerError where the brokers do not answer.
        """
        if not self._heartbeat_topic:
            raise SettingsError("heartbeats need a heartbeat_topic; give the one of the service")
        following = HeartbeatFollowing(self._kafka, self._heartbeat_topic)
        self._closing.callback(following.close)
        return following

    def _talk(self) -> Conversation:
        with self._connecting:
            if self._conversation is None:
                if not self._command_topic:
                    raise SettingsError("a command needs a command_topic; give the one of the service")
                made = Conversation(self._kafka, self._command_topic, self._response_topic)
                self._closing.callback(made.close)
                self._conversation = made
            return self._conversation

    def _targeted(self, command: Mapping[str, Any]) -> dict[str, Any]:
        return {"target": self._service_id, **command} if self._service_id else dict(command)
