"""The service as users run it: a subprocess, its topics, and a client that talks to it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, TypeVar
from uuid import uuid4

from kafka_broker import Broker

from histsvc.client import Client, Histogram, TopicReader, histogram
from histsvc.errors import CommandError
from histsvc.ports import OffsetAt
from histsvc.protocol.info import State
from histsvc.settings import KafkaSettings

T = TypeVar("T")
TIMEOUT_S = 30.0


class Service:
    """A running service; its log is in `lines`."""

    running: ClassVar[list[Service]] = []

    def __init__(
        self,
        broker: Broker,
        *options: str,
        kafka: KafkaSettings | None = None,
        instead_of: Service | None = None,
        on_topics: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`instead_of` is one that is gone, and that had the same topics; `on_topics` is told of its own."""
        self.broker = broker
        self.kafka = kafka or KafkaSettings((broker.bootstrap,))
        self.bootstrap = self.kafka.brokers[0]
        unique = uuid4().hex[:8]
        topics = tuple(f"{name}-{unique}" for name in ("commands", "responses", "heartbeat", "histograms"))
        if instead_of is None:
            for topic in topics:
                broker.create_topic(topic)
                on_topics(topic)
        self.topics: tuple[str, ...] = topics if instead_of is None else instead_of.topics
        self.commands, self.responses, self.heartbeat, self.output = self.topics
        named = ["-t", self.commands, "-rt", self.responses, "-hb", self.heartbeat]
        self.lines: list[str] = []
        self.running.append(self)
        self._ready = threading.Event()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "histsvc", "serve", "-b", *self.kafka.brokers, *named, *options],
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        assert self._ready.wait(120), self.log
        assert self.process.poll() is None, self.log
        self.client = Client(self.kafka, self.commands, self.responses)

    @property
    def log(self) -> str:
        return "\n".join(self.lines)

    def _read(self) -> None:
        for line in self.process.stderr or ():
            self.lines.append(line.rstrip())
            if " ready: " in line:
                self._ready.set()
        self._ready.set()

    def terminate(self) -> int:
        """SIGTERM, as an operator would; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(TIMEOUT_S)
        self._reader.join(TIMEOUT_S)
        return code

    def close(self) -> None:
        self.running.remove(self)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(TIMEOUT_S)
        self._reader.join(TIMEOUT_S)
        assert self.process.stderr is not None
        self.process.stderr.close()
        if hasattr(self, "client"):
            self.client.__exit__(None, None, None)

    def histogram(self, kind: str, *data_topics: str, **keys: Any) -> dict[str, Any]:
        """A histogram's configuration with the brokers and topics of this service."""
        common = {"data_brokers": list(self.kafka.brokers), "topic": self.output}
        return {"type": kind, **common, "data_topics": list(data_topics), **keys}

    def config(self, histograms: list[dict[str, Any]], **keys: Any) -> dict[str, Any]:
        return self.client.send({"cmd": "config", "histograms": histograms, **keys})

    def refused(self, command: dict[str, Any]) -> CommandError:
        """The error that a command is refused with."""
        try:
            self.client.send(command)
        except CommandError as error:
            return error
        raise AssertionError(f"{command} was accepted")

    @contextmanager
    def following(self, at: OffsetAt = OffsetAt.LATEST) -> Iterator[Histograms]:
        """What is published from now on (or was from the beginning)."""
        follower = TopicReader(self.kafka, [self.output], at)
        try:
            yield Histograms(follower)
        finally:
            follower.close()

    def heartbeat_until(self, fact: Callable[[dict[str, Any]], T | None], timeout_s: float = TIMEOUT_S) -> T:
        """Wait until a heartbeat from now on says something."""
        follower = TopicReader(self.kafka, [self.heartbeat], OffsetAt.LATEST)
        last: dict[str, Any] = {}
        deadline = time.monotonic() + timeout_s
        try:
            while time.monotonic() < deadline:
                for _, payload in follower.poll(0.05):
                    last = json.loads(payload)
                    found = fact(last)
                    if found:
                        return found
        finally:
            follower.close()
        raise AssertionError(f"no heartbeat said so in {timeout_s} s; the last: {last}\n{self.log}")


class Histograms:
    """The histogram messages of a service's output topic, in order."""

    def __init__(self, follower: TopicReader) -> None:
        self._follower = follower
        self.all: list[Histogram] = []

    def poll(self, timeout_s: float = 0.05) -> list[Histogram]:
        received = [histogram(topic, payload) for topic, payload in self._follower.poll(timeout_s)]
        self.all += received
        return received

    def until(self, fact: Callable[[Histogram], bool], timeout_s: float = TIMEOUT_S) -> Histogram:
        """The first message of which something is true."""
        seen = 0
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            self.poll()
            for received in self.all[seen:]:
                seen += 1
                if fact(received):
                    return received
        raise AssertionError(f"it was not published in {timeout_s} s; {[h.info for h in self.all[-4:]]}")

    def finished(self, *ids: str, timeout_s: float = TIMEOUT_S) -> dict[str, Histogram]:
        """The FINISHED messages of these ids."""
        return {
            name: self.until(lambda h, n=name: h.info.id == n and h.info.state is State.FINISHED, timeout_s)  # type: ignore[misc]
            for name in ids
        }

    def of(self, name: str) -> list[Histogram]:
        return [received for received in self.all if received.info.id == name]
