"""Commands and their replies: several threads may talk at once, each gets its own answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from histsvc.client.topic_reader import TopicReader
from histsvc.clock import Deadline, SystemClock
from histsvc.errors import BrokerError, Code, CommandError
from histsvc.kafka.producer import KafkaSender
from histsvc.ports import OffsetAt, Outgoing
from histsvc.settings import KafkaSettings

_POLL_S = 0.02
_BROKER_S = 10.0


class Conversation:
    """Sends to a command topic; replies are those that come to the reply topic from now on."""

    def __init__(self, kafka: KafkaSettings, command_topic: str, response_topic: str) -> None:
        """Find the end of the reply topic, if there is one; raises BrokerError where it cannot be found."""
        self._kafka = kafka
        self._topic = command_topic
        self._reply_topic = response_topic
        self._clock = SystemClock()
        self._sender = KafkaSender(kafka.security, "lz4")
        self._replies: TopicReader | None = None
        self._awaited: dict[str, Future[dict[str, Any]]] = {}
        self._sending = threading.Lock()
        self._reading = threading.Lock()
        if response_topic:
            self._opened()

    def _opened(self) -> TopicReader:
        """Who reads replies, from now on; a new one where the topic was lost before."""
        if self._replies is None:
            self._replies = TopicReader(self._kafka, [self._reply_topic], OffsetAt.LATEST)
        return self._replies

    def ask(self, command: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        """Send a command that has a `msg_id` and wait for the ACK.

        Raises CommandError for an ERR, TimeoutError where no reply comes in time, and BrokerError where the
        reply topic was lost; with the next command it is looked for again.
        """
        if self._replies is None:
            with self._reading:
                self._opened()
        key = json.dumps(command["msg_id"], sort_keys=True)
        awaited = self._awaited[key] = Future()
        deadline = Deadline(self._clock, timeout_s)
        try:
            self.post(command)
            while not awaited.done() and not deadline.expired():
                self._listen(min(_POLL_S, deadline.remaining_s()))
        finally:
            del self._awaited[key]
        if not awaited.done():
            raise TimeoutError(f"no reply to {command.get('cmd')!r} within {timeout_s:g} s")
        return _accepted(awaited.result())

    def post(self, command: Mapping[str, Any]) -> None:
        """Send a command without waiting for a reply; raises BrokerError where it is not delivered."""
        deadline = Deadline(self._clock, _BROKER_S)
        with self._sending:
            value = json.dumps(command).encode()
            sent = self._sender.send(Outgoing(self._kafka.brokers, self._topic, b"", value))
            while not sent.done() and not deadline.expired():
                self._sender.serve(_POLL_S)
            if not sent.done():
                self._sender.give_up()  # or it would be done at some later time, to everybody's surprise
                raise BrokerError("the brokers did not take the command in time", retriable=True)
        sent.result()

    def _listen(self, timeout_s: float) -> None:
        """Read replies, for whoever awaits them; one thread reads, the others look again soon."""
        if not self._reading.acquire(timeout=timeout_s):
            return
        try:
            for _, payload in self._opened().poll(timeout_s):
                reply = _reply(payload)
                awaited = self._awaited.get(json.dumps(reply.get("msg_id"), sort_keys=True))
                if awaited is not None and not awaited.done():
                    awaited.set_result(reply)
        except BrokerError:
            self.close()
            self._replies = None
            raise
        finally:
            self._reading.release()

    def close(self) -> None:
        """Let go of the connections."""
        if self._replies is not None:
            self._replies.close()


def _reply(payload: bytes) -> dict[str, Any]:
    """A reply, or nothing where somebody else has sent something else."""
    try:
        read = json.loads(payload)
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) and "response" in read else {}


def _accepted(reply: dict[str, Any]) -> dict[str, Any]:
    if reply.get("response") != "ACK":
        given = reply.get("code")
        code = Code(given) if given in list(Code) else Code.INTERNAL
        raise CommandError(code, str(reply.get("message", "")), reply.get("field"))
    return reply
