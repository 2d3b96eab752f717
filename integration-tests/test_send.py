"""histsvc send: what it prints and how it ends (section 7)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from kafka_broker import Broker, MakeTopic
from service_process import Service


def send(
    broker: Broker, topics: tuple[str, str], file: Path | str, *options: str, text: str | None = None
) -> subprocess.CompletedProcess[str]:
    commands, responses = topics
    where = ["-b", broker.bootstrap, "-t", commands, "-rt", responses]
    return subprocess.run(
        [sys.executable, "-m", "histsvc", "send", str(file), *where, *options],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def topics_of(service: Service) -> tuple[str, str]:
    return service.commands, service.responses


def printed(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The reply, alone on stdout."""
    (line,) = done.stdout.splitlines()
    reply: dict[str, Any] = json.loads(line)
    return reply


@pytest.mark.parametrize("msg_id", [None, "mine", 7])
def test_ack_is_printed_and_ends_with_0(
    service: Service, broker: Broker, tmp_path: Path, msg_id: Any
) -> None:
    command = {"cmd": "ping"} if msg_id is None else {"cmd": "ping", "msg_id": msg_id}
    file = tmp_path / "command.json"
    file.write_text(json.dumps(command))
    for source, text in ((str(file), None), ("-", json.dumps(command))):
        done = send(broker, topics_of(service), source, text=text)
        assert (done.returncode, done.stderr) == (0, "")
        reply = printed(done)
        assert reply["response"] == "ACK"
        assert reply["service"]["name"] == "histsvc"
        # What has none is given one, and its reply is found by it.
        assert reply["msg_id"] == msg_id if msg_id else len(reply["msg_id"]) > 8


def test_err_is_printed_and_ends_with_1(service: Service, broker: Broker) -> None:
    for command, code, field in (
        ({"cmd": "stop", "ids": ["nobody"], "msg_id": "mine"}, "NOT_FOUND", "ids[0]"),
        ({"cmd": "conjure", "msg_id": 5}, "INVALID_ARGUMENT", "cmd"),
    ):
        done = send(broker, topics_of(service), "-", text=json.dumps(command))
        assert (done.returncode, done.stderr) == (1, "")
        reply = printed(done)
        assert (reply["response"], reply["code"], reply["field"]) == ("ERR", code, field)
        assert reply["message"]
        assert reply["msg_id"] == command["msg_id"]


def test_no_reply_in_time_ends_with_3_and_a_line(broker: Broker, topic: MakeTopic) -> None:
    """Nobody reads these commands; the command is sent all the same."""
    commands = topic("commands")
    topics = commands, topic("responses")
    done = send(broker, topics, "-", "--timeout", "0.5", text='{"cmd": "ping"}')
    assert (done.returncode, done.stdout) == (3, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("histsvc send:")
    assert "no reply" in line
    assert "0.5 s" in line
    assert broker.topic_size(commands) == 1
