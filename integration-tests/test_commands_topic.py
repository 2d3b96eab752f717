"""The command topic at the start: waited for, of several partitions, and from ready on (section 1)."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from events import EventSender
from kafka_broker import Broker, MakeTopic
from service_process import TIMEOUT_S

from histsvc.client import TopicReader
from histsvc.ports import OffsetAt
from histsvc.settings import KafkaSettings

STARTED_S = 60.0
Line = Callable[[str], str]


@contextmanager
def serving(broker: Broker, commands: str, responses: str, *options: str) -> Iterator[Line]:
    """Start a service; `line(text)` reads its log up to the line that has this text."""
    topics = ["-b", broker.bootstrap, "-t", commands, "-rt", responses, "--workers", "1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "histsvc", "serve", *topics, *options], stderr=subprocess.PIPE, text=True
    )
    log: list[str] = []

    def line(text: str) -> str:
        assert process.stderr is not None
        for each in process.stderr:
            log.append(each)
            if text in each:
                return each
        raise AssertionError("".join(log))

    try:
        yield line
    finally:
        process.terminate()
        process.wait(TIMEOUT_S)
        if process.stderr is not None:
            process.stderr.close()


def ping(sender: EventSender, topic: str, msg_id: str, partition: int = 0) -> None:
    command = json.dumps({"cmd": "ping", "msg_id": msg_id}).encode()
    sender.raw(topic, command, time.time_ns() // 1_000_000, partition)
    sender.flush()


def answered(broker: Broker, responses: str, *, until: str) -> list[Any]:
    """The msg_ids that were answered, up to one of them."""
    follower = TopicReader(KafkaSettings((broker.bootstrap,)), [responses], OffsetAt.EARLIEST)
    found: list[Any] = []
    deadline = time.monotonic() + TIMEOUT_S
    while until not in found:
        assert time.monotonic() < deadline, found
        found += [json.loads(payload)["msg_id"] for _, payload in follower.poll(0.05)]
    follower.close()
    return found


def test_missing_command_topic_is_waited_for_and_said_so(
    broker: Broker, topic: MakeTopic, sender: EventSender
) -> None:
    commands, responses, heartbeats = f"late-{uuid4().hex[:8]}", topic("responses"), topic("heartbeats")
    with serving(broker, commands, responses, "-hb", heartbeats) as line:
        waiting = line("waiting for it")
        assert commands in waiting
        assert broker.topic_size(heartbeats) == 0  # they start when it is ready
        broker.create_topic(commands)
        line(" ready: ")
        ping(sender, commands, "first")
        assert answered(broker, responses, until="first") == ["first"]
    assert broker.topic_size(heartbeats) > 0


def test_every_partition_of_the_command_topic_is_read_with_a_warning_and_from_ready_on(
    broker: Broker, topic: MakeTopic, sender: EventSender
) -> None:
    commands, responses = topic("commands", partitions=3), topic("responses")
    for partition in range(3):
        ping(sender, commands, "before the start", partition)
    with serving(broker, commands, responses) as line:
        warning = line("WARNING")
        assert commands in warning
        assert "3 partitions" in warning
        assert " INFO " in line("ready")
        for partition in (2, 0, 1):
            ping(sender, commands, f"partition {partition}", partition)
        found = answered(broker, responses, until="partition 1")
        ping(sender, commands, "last")
        found = answered(broker, responses, until="last")
    assert sorted(found) == ["last", "partition 0", "partition 1", "partition 2"]
