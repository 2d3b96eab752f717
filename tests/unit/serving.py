"""A dispatcher without a service around it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

import pytest
from fake_cluster import FakeClusters
from fakes import BROKERS, FakeClock
from unit.fake_worker import Workers

from histsvc.clock import Deadline
from histsvc.commands import dispatch
from histsvc.commands.context import Context
from histsvc.commands.dispatch import Dispatcher
from histsvc.commands.steps import Steps, wait_until
from histsvc.jobs.supervisor import Supervisor
from histsvc.protocol.commands import COMMANDS, Command, CommandKeys
from histsvc.protocol.heartbeat import Heartbeat, ServiceIdentity
from histsvc.settings import KafkaSettings, ServiceSettings


class AnyKeys(CommandKeys):
    """The keys of the commands that tests make up."""

    n: Any = None


class NoWorkers:
    """A supervisor that has none; counts how often those of a command were taken back."""

    def __init__(self) -> None:
        self.discarded = 0

    def discard_reserved(self) -> None:
        self.discarded += 1


def handle(monkeypatch: pytest.MonkeyPatch, cmd: str, handler: dispatch.Handler) -> None:
    """Let there be one more command."""
    monkeypatch.setitem(dispatch.HANDLERS, cmd, handler)
    monkeypatch.setitem(COMMANDS, cmd, AnyKeys)


def _no_constant(token: str) -> None:
    raise AssertionError(f"{token} is not JSON")


class Service:
    """A dispatcher, and what it replied."""

    def __init__(self, service_id: str = "me", workers: Workers | None = None) -> None:
        """Without `workers` there are none that count."""
        self.clock = workers.clock if workers else FakeClock()
        self.replies: list[dict[str, Any]] = []
        self.done: list[str] = []
        settings = ServiceSettings(KafkaSettings(BROKERS), "commands", service_id=service_id)
        identity = ServiceIdentity("histsvc", service_id, "0", "1.0", 5)
        heartbeat = Heartbeat(0, 1000, identity, (), ())
        self.clusters = FakeClusters()
        self.supervisor = NoWorkers()
        supervisor = workers.supervisor if workers else cast(Supervisor, self.supervisor)
        context = Context(supervisor, self.clusters, self.clusters, self.clock, settings, lambda: heartbeat)
        self.dispatcher = Dispatcher(context, service_id, self._reply)
        self._offset = 0

    def _reply(self, reply: bytes) -> None:
        self.replies.append(json.loads(reply, parse_constant=_no_constant))

    def send(self, *commands: object) -> None:
        for command in commands:
            payload = command if isinstance(command, bytes) else json.dumps(command).encode()
            self.dispatcher.receive(self._offset, payload)
            self._offset += 1

    def work(self, steps: int = 50) -> list[dict[str, Any]]:
        """Step until nothing is left to do; returns all replies so far."""
        for _ in range(steps):
            self.dispatcher.step()
        return self.replies

    def slow(self, context: Context, command: Command, deadline: Deadline) -> Steps[Mapping[str, Any]]:
        """A command that needs three steps."""
        for _ in range(3):
            yield
        self.done.append(str(command.content.get("n")))
        return {"n": command.content.get("n")}

    def stuck(self, context: Context, command: Command, deadline: Deadline) -> Steps[Mapping[str, Any]]:
        """A command that waits for what never comes."""
        yield from wait_until(lambda: None, deadline, "nobody answered")
        return {}
