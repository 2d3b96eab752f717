"""Every command ends in exactly one reply, in order; nothing that is sent ends the service."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from unit.serving import Service, handle

from histsvc.clock import Deadline
from histsvc.commands.context import Context
from histsvc.commands.steps import Steps
from histsvc.errors import Code, CommandError
from histsvc.protocol.commands import Command


def short(value: object) -> str:
    """A name for a parameter."""
    return repr(value)[:20]


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    made = Service()
    handle(monkeypatch, "slow", made.slow)
    handle(monkeypatch, "stuck", made.stuck)
    yield made
    made.send({"cmd": "ping", "msg_id": "still alive"})
    assert made.work()[-1]["msg_id"] == "still alive"
    assert not made.dispatcher.busy


def test_ping_says_who_is_there(service: Service) -> None:
    service.send({"cmd": "ping", "msg_id": 7})
    wanted = {
        "name": "histsvc",
        "id": "me",
        "version": "0",
        "protocol": "1.0",
        "uptime_ms": 5,
        "host": "",
        "pid": 0,
    }
    assert service.work() == [{"msg_id": 7, "response": "ACK", "service": wanted}]


def test_one_reply_each_in_the_order_of_the_commands(service: Service) -> None:
    service.send(*({"cmd": "slow" if n % 2 else "ping", "msg_id": f"m{n}", "n": n} for n in range(9)))
    assert service.dispatcher.busy
    assert [reply["msg_id"] for reply in service.work()] == [f"m{n}" for n in range(9)]
    assert service.done == ["1", "3", "5", "7"]


def test_without_a_msg_id_it_is_done_and_not_answered(service: Service) -> None:
    service.send({"cmd": "slow", "n": 1}, {"cmd": "nonsense"})
    assert service.work() == []
    assert service.done == ["1"]
    assert service.dispatcher.counters == {"commands": 2, "commands_failed": 1}


@pytest.mark.parametrize("msg_id", [None, "", 0, False, 0.0])
def test_a_msg_id_that_is_none(service: Service, msg_id: object) -> None:
    service.send({"cmd": "ping", "msg_id": msg_id}, {"cmd": "nonsense", "msg_id": msg_id})
    assert service.work() == []


ANY_JSON = [
    "m",
    "ä😀",
    "\ud800",
    "0",
    1,
    -1,
    1.5,
    10**30,
    True,
    [1, [None]],
    {"a": {"b": 0}},
    [0],
    " ",
    [],
    {},
]


@pytest.mark.parametrize("msg_id", ANY_JSON, ids=repr)
def test_any_other_msg_id_is_echoed_as_it_came(service: Service, msg_id: object) -> None:
    service.send({"cmd": "ping", "msg_id": msg_id}, {"cmd": "nonsense", "msg_id": msg_id})
    replies = service.work()
    assert [reply["response"] for reply in replies] == ["ACK", "ERR"]
    assert [json.dumps(reply["msg_id"]) for reply in replies] == [json.dumps(msg_id)] * 2


def test_a_command_for_another_service_is_ignored_silently(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for target in ("you", "ME", " me"):
        service.send({"cmd": "ping", "msg_id": 1, "target": target})
        service.send({"cmd": "nonsense", "msg_id": 1, "target": target})
        service.send(b'{"cmd": "config", "msg_id": 1, "start": NaN, "target": "you"}')
    assert service.work() == []
    assert caplog.messages == []


def test_a_command_for_this_service_or_for_all_is_done(service: Service) -> None:
    service.send(*({"cmd": "ping", "msg_id": 1, "target": target} for target in ("me", None, "")))
    assert len(service.work()) == 3


NOT_OBJECTS = [
    b"",
    b"\0",
    b"\xff\xfe",
    b"stop",
    b"[]",
    b'"x"',
    b"5",
    b"null",
    b"true",
    b"{",
    b'{"cmd": "ping"} x',
]
NOT_OBJECTS += [
    b'{"msg_id": 1, "cmd": "ping"',
    b"[" * 100_000,
    b'{"msg_id": 1, "a":' * 5000,
    b"NaN",
    b"[1e999]",
]


@pytest.mark.parametrize("payload", NOT_OBJECTS, ids=short)
def test_what_is_no_object_is_logged_once_counted_and_not_answered(
    service: Service, payload: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    service.send(payload)
    assert service.work() == []
    assert service.dispatcher.counters == {"commands": 1, "commands_failed": 1}
    assert len(caplog.messages) == 1
    assert len(caplog.messages[0]) < 1000


@pytest.mark.parametrize(
    "cmd", ["", "nonsense", "PING", None, 5, [], {}, True, "x" * 100_000, "a\nb"], ids=repr
)
def test_unknown_commands_are_named(service: Service, cmd: object, caplog: pytest.LogCaptureFixture) -> None:
    service.send({"cmd": cmd, "msg_id": "m"}, {"msg_id": "m"})
    replies = service.work()
    assert [(r["response"], r["code"], r["field"]) for r in replies] == [
        ("ERR", "INVALID_ARGUMENT", "cmd")
    ] * 2
    assert all("ping" in reply["message"] and len(reply["message"]) < 1000 for reply in replies)
    assert len(caplog.messages) == 2
    assert all("\n" not in line for line in caplog.messages)


def test_each_command_leaves_one_line(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    service.send({"cmd": "slow", "msg_id": "m7", "n": 1})
    service.dispatcher.step()
    service.clock.advance(0.25)
    service.work()
    (line,) = caplog.messages
    for part in ("offset=0", "slow", "m7", "ACK", "250"):
        assert part in line


def test_a_bug_is_one_internal_error(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def at_once(context: Context, command: Command, deadline: Deadline) -> Steps[Mapping[str, Any]]:
        raise ZeroDivisionError("at once")

    def later(context: Context, command: Command, deadline: Deadline) -> Steps[Mapping[str, Any]]:
        yield
        raise ZeroDivisionError("later")

    handle(monkeypatch, "later", later)
    handle(monkeypatch, "at_once", at_once)
    service.send({"cmd": "later", "msg_id": 1}, {"cmd": "at_once", "msg_id": 2}, {"cmd": "ping", "msg_id": 3})
    got = [(reply["msg_id"], reply["response"], reply.get("code")) for reply in service.work()]
    assert got == [(1, "ERR", "INTERNAL"), (2, "ERR", "INTERNAL"), (3, "ACK", None)]
    assert service.supervisor.discarded == 2


@pytest.mark.parametrize("msg_id", ["ä" * 400_000, "\ud800", "\U0001f600"])
def test_an_echo_is_not_longer_than_what_it_echoes(service: Service, msg_id: str) -> None:
    command = {"cmd": "ping", "msg_id": msg_id}
    sent = json.dumps(command) if msg_id == "\ud800" else json.dumps(command, ensure_ascii=False)
    service.send(sent.encode("utf-8", "surrogatepass"))
    assert [(reply["msg_id"], reply["response"]) for reply in service.work()] == [(msg_id, "ACK")]


def test_a_refusal_becomes_the_error(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(context: Context, command: Command, deadline: Deadline) -> Steps[Mapping[str, Any]]:
        yield
        raise CommandError(Code.NOT_FOUND, "ids[0]: there is no 'x'", "ids[0]")

    handle(monkeypatch, "refuse", refuse)
    service.send({"cmd": "refuse", "msg_id": 1})
    wanted = {"code": "NOT_FOUND", "message": "ids[0]: there is no 'x'", "field": "ids[0]"}
    assert service.work() == [{"msg_id": 1, "response": "ERR", **wanted}]


def test_the_time_of_a_command_ends(service: Service) -> None:
    service.send({"cmd": "stuck", "msg_id": 1})
    service.work()
    service.clock.advance(3.99)
    assert service.work() == []
    service.clock.advance(0.02)
    assert [reply["code"] for reply in service.work()] == ["UNAVAILABLE"]


def test_however_many_wait_each_is_answered_within_its_time(service: Service) -> None:
    service.send(*({"cmd": "stuck", "msg_id": n} for n in range(1, 6)))
    service.work()
    service.clock.advance(4.01)
    assert [reply["msg_id"] for reply in service.work()] == [1, 2, 3, 4, 5]
