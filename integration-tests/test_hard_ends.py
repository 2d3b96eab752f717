"""Ends under bad conditions: nothing is answered, or ended, that has not happened."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from events import BASE_MS, EventSender, Sent
from kafka_broker import Broker, MakeTopic
from service_process import TIMEOUT_S, Service
from test_workers import TOF, counting

from histsvc.client import Histogram, TopicReader
from histsvc.ports import OffsetAt
from histsvc.protocol.info import State
from histsvc.wire import ev44

# So many small messages take a worker longer to count than `stop` has for it.
BACKLOG = 400_000
EVENTS = 10
Replies = Callable[[int], list[dict[str, Any]]]
OFTEN = ("--workers", "1", "--heartbeat-interval", "50")


@pytest.fixture(scope="module")
def backlog(broker: Broker) -> str:
    """A topic with many small messages; those who start at BASE_MS have to read all of them."""
    name = f"backlog-{uuid4().hex[:8]}"
    broker.create_topic(name)
    sender = EventSender(broker.bootstrap)
    payload = ev44.serialise("s", 1, 5, np.arange(EVENTS), np.arange(1, EVENTS + 1))
    for number in range(1, BACKLOG + 1):
        sender.raw(name, payload, BASE_MS)
        if number % 50_000 == 0:
            sender.flush()
    return name


@contextmanager
def replies_of(service: Service) -> Iterator[Replies]:
    """`replies(n)` waits for the first n replies from now on."""
    follower = TopicReader(service.kafka, [service.responses], OffsetAt.LATEST)
    found: list[dict[str, Any]] = []

    def replies(count: int) -> list[dict[str, Any]]:
        deadline = time.monotonic() + TIMEOUT_S
        while len(found) < count:
            assert time.monotonic() < deadline, (
                f"{len(found)} of {count} replies: {found[-3:]}\n{service.log}"
            )
            found.extend(json.loads(payload) for _, payload in follower.poll(0.05))
        return found

    try:
        yield replies
    finally:
        follower.close()


@contextmanager
def halted(pid: int) -> Iterator[None]:
    """A process stands still; one that outlives the test goes on behind it, and so finds its end."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


@contextmanager
def streaming(sender: EventSender, data: str) -> Iterator[None]:
    """Small messages, one after the other, as long as the block lasts."""
    ended = threading.Event()

    def feed() -> None:
        while not ended.is_set():
            sender.pulses(data, Sent(), [time.time_ns() // 1_000_000], events=EVENTS)

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(TIMEOUT_S)


def output_of(service: Service) -> list[Histogram]:
    """What is in the output topic at this moment, all of it."""
    size = service.broker.topic_size(service.output)
    deadline = time.monotonic() + TIMEOUT_S
    with service.following(OffsetAt.EARLIEST) as published:
        while len(published.all) < size:
            assert time.monotonic() < deadline, f"{len(published.all)} of {size} messages were read"
            published.poll()
    return published.all[:size]


def ended(histograms: list[Histogram]) -> list[Histogram]:
    return [each for each in histograms if each.info.state is State.FINISHED]


def begun(service: Service, commands: int) -> None:
    """Wait until so many commands were begun."""
    service.heartbeat_until(lambda beat: beat["counters"]["commands"] >= commands)


def a_spare(beat: dict[str, Any]) -> bool:
    return any(worker["state"] == "SPARE" for worker in beat["workers"])


def test_stop_behind_a_config_that_takes_all_the_time(
    own_service: Callable[..., Service], topic: MakeTopic, sender: EventSender
) -> None:
    service = own_service(*OFTEN, "--allow-data-brokers", "any")
    data, sent = topic("data"), Sent()
    service.config([service.histogram("hist1d", data, id="tof", publish_interval_ms=60_000, **TOF)])
    sender.pulses(data, sent, range(BASE_MS, BASE_MS + 5))
    service.heartbeat_until(lambda beat: beat["histograms"][0]["sum"] == sent.events)
    stuck = service.histogram("hist1d", data, **TOF) | {"data_brokers": ["127.0.0.1:1"]}
    with replies_of(service) as replies:
        service.client.post({"cmd": "config", "histograms": [stuck], "msg_id": 1})
        # What comes a little later has a little time left when this one has used up its own.
        begun(service, 2)
        service.client.post({"cmd": "stop", "msg_id": 2})
        first, second = replies(2)
    finished = ended(output_of(service))
    assert (first["msg_id"], first["code"], second["msg_id"]) == (1, "UNAVAILABLE", 2)
    if second["response"] == "ERR":
        assert second["code"] == "UNAVAILABLE"
        if "not delivered" in second["message"]:
            return
        # Then it goes on counting, and can still be stopped.
        assert "nothing was done" in second["message"]
        assert not finished
        service.client.send({"cmd": "stop"})
        finished = ended(output_of(service))
    assert [(each.info.sum, each.counts.sum()) for each in finished] == [(sent.events, sent.events)]


def test_sigterm_while_a_stop_counts_on(own_service: Callable[..., Service], backlog: str) -> None:
    service = own_service(*OFTEN)
    slow = service.histogram("hist1d", backlog, id="tof", publish_interval_ms=60_000, **TOF)
    service.client.send({"cmd": "ping"})
    with replies_of(service) as replies:
        service.config([slow], start=BASE_MS)
        service.client.post({"cmd": "stop", "msg_id": "stop"})
        begun(service, 3)
        code = service.terminate()
        reply = replies(2)[1]
    assert code == 0, service.log
    assert "Traceback" not in service.log
    assert reply["msg_id"] == "stop"
    assert reply.get("code") in (None, "UNAVAILABLE")
    (finished,) = ended(output_of(service))
    assert finished.counts.sum() == finished.info.sum == EVENTS * finished.info.messages
    assert finished.info.messages + finished.info.lag == BACKLOG


def test_worker_killed_while_a_stop_counts_on(
    own_service: Callable[..., Service], topic: MakeTopic, sender: EventSender, backlog: str
) -> None:
    service = own_service(*OFTEN)
    data, sent = topic("data"), Sent()
    service.config([service.histogram("hist1d", backlog, id="old", **TOF)], start=BASE_MS)
    pid = service.heartbeat_until(lambda beat: counting(beat) if a_spare(beat) else None)[0]
    # It stands still, so it cannot have ended before it is killed.
    with replies_of(service) as replies, halted(pid):
        service.client.post({"cmd": "stop", "msg_id": "stop"})
        begun(service, 2)
        os.kill(pid, signal.SIGKILL)
        (reply,) = replies(1)
    stopped = len(output_of(service))
    assert (reply["response"], reply["code"]) == ("ERR", "UNAVAILABLE")
    assert str(pid) in reply["message"]
    service.client.send({"cmd": "ping"})
    beat = service.heartbeat_until(lambda beat: beat if beat["counters"]["commands"] >= 3 else None)
    assert counting(beat) == []
    service.heartbeat_until(a_spare)
    service.config([service.histogram("hist1d", data, id="new", **TOF)])
    sender.pulses(data, sent, range(BASE_MS, BASE_MS + 5))
    service.heartbeat_until(lambda beat: [h for h in beat["histograms"] if h["sum"] == sent.events])
    after = output_of(service)[stopped:]
    assert State.INITIALISED in [each.info.state for each in after if each.info.id == "new"]
    assert [each.info.state for each in after if each.info.id == "old"] == []


def test_reset_while_every_message_is_published(
    own_service: Callable[..., Service], topic: MakeTopic, sender: EventSender
) -> None:
    service, data = own_service("--workers", "1"), topic("data")
    service.config([service.histogram("hist1d", data, id="tof", publish_interval_ms=1, **TOF)])
    with service.following() as published, streaming(sender, data):
        for generation in (2, 3, 4):
            published.until(lambda h, past=generation - 1: h.info.generation == past and h.info.sum > 0)  # type: ignore[misc]
            assert service.client.send({"cmd": "reset_counts"})["response"] == "ACK"
            published.until(lambda h, now=generation: h.info.generation == now and h.info.sum == 0)  # type: ignore[misc]


def test_sigterm_before_it_is_ready(broker: Broker) -> None:
    options = ["-b", broker.bootstrap, "-t", f"none-{uuid4().hex[:8]}"]
    log: list[str] = []
    with subprocess.Popen(
        [sys.executable, "-m", "histsvc", "serve", *options], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            log.append(line)
            if "starting" in line:
                process.send_signal(signal.SIGTERM)
        assert process.wait(TIMEOUT_S) == 0, log
    assert any("starting" in line for line in log)
    assert not any("Traceback" in line or " ready: " in line for line in log), log
