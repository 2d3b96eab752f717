"""What happens when processes end: killed, terminated, or orphaned."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from events import BASE_MS, EventSender, Sent
from kafka_broker import MakeTopic
from process.workers import alive
from service_process import TIMEOUT_S, Service

from histsvc.client import TopicReader
from histsvc.ports import OffsetAt

TOF: dict[str, Any] = {"tof_range": [0, 1e8], "num_bins": 50}


def counting(beat: dict[str, Any]) -> list[int]:
    return [worker["pid"] for worker in beat["workers"] if worker["state"] == "COUNTING"]


def wait_until_gone(pids: list[int], timeout_s: float = TIMEOUT_S) -> None:
    deadline = time.monotonic() + timeout_s
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < deadline, f"still there: {pids}"
        time.sleep(0.02)


def test_killed_spare_worker_is_replaced(own_service: Callable[..., Service], topic: MakeTopic) -> None:
    service = own_service("--workers", "1")
    spare = service.heartbeat_until(
        lambda beat: [w["pid"] for w in beat["workers"] if w["state"] == "SPARE"]
    )[0]
    os.kill(spare, signal.SIGKILL)
    service.config([service.histogram("hist1d", topic("data"), id="tof", **TOF)])
    pids = service.heartbeat_until(lambda beat: counting(beat))
    assert spare not in pids


def test_sigterm_publishes_a_last_time_and_exits_with_0(
    own_service: Callable[..., Service], topic: MakeTopic, sender: EventSender
) -> None:
    service = own_service()
    data, sent = topic("data"), Sent()
    with service.following() as published:
        service.config([service.histogram("hist1d", data, id="tof", publish_interval_ms=60_000, **TOF)])
        sender.pulses(data, sent, range(BASE_MS, BASE_MS + 5))
        service.heartbeat_until(lambda beat: [h for h in beat["histograms"] if h["sum"] == sent.events])
        pids = service.heartbeat_until(lambda beat: [worker["pid"] for worker in beat["workers"]])
        assert service.terminate() == 0
        finished = published.finished("tof")["tof"]
    assert finished.info.sum == sent.events
    assert finished.counts.sum() == sent.events
    wait_until_gone(pids)
    assert "Traceback" not in service.log


def test_sigterm_to_the_whole_group_loses_nothing(
    own_service: Callable[..., Service], topic: MakeTopic, sender: EventSender
) -> None:
    """As a service manager sends it: workers get it, too."""
    service = own_service()
    data, sent = topic("data"), Sent()
    with service.following() as published:
        service.config([service.histogram("hist1d", data, id="tof", publish_interval_ms=60_000, **TOF)])
        sender.pulses(data, sent, range(BASE_MS, BASE_MS + 5))
        service.heartbeat_until(lambda beat: [h for h in beat["histograms"] if h["sum"] == sent.events])
        pids = service.heartbeat_until(lambda beat: [worker["pid"] for worker in beat["workers"]])
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
        assert service.terminate() == 0
        finished = published.finished("tof")["tof"]
    assert finished.counts.sum() == sent.events
    wait_until_gone(pids)


def test_sigterm_while_idle_is_clean(own_service: Callable[..., Service]) -> None:
    service = own_service()
    assert service.terminate() == 0
    assert "Traceback" not in service.log


def test_commands_that_wait_at_the_end_are_answered(own_service: Callable[..., Service]) -> None:
    service = own_service("--command-timeout", "30000", "--allow-data-brokers", "any")
    # A broker that does not answer holds the first one up.
    stuck = service.histogram("hist1d", "data", **TOF) | {"data_brokers": ["127.0.0.1:1"]}
    commands: list[dict[str, Any]] = [{"cmd": "config", "histograms": [stuck]}, {"cmd": "ping"}]
    follower = TopicReader(service.kafka, [service.responses], OffsetAt.LATEST)
    for number, command in enumerate(commands, 1):
        service.client.post({**command, "msg_id": number})
    service.heartbeat_until(lambda beat: beat["counters"]["commands"] == 1)
    assert service.terminate() == 0
    found = [json.loads(payload) for _ in range(100) for _, payload in follower.poll(0.02)]
    follower.close()
    assert [(reply["msg_id"], reply["code"]) for reply in found] == [(1, "UNAVAILABLE"), (2, "UNAVAILABLE")]


def test_wrong_security_options_end_the_service_with_one_line() -> None:
    options = ["-b", "127.0.0.1:1", "-t", "commands", "--security-protocol", "NONSENSE"]
    done = subprocess.run(
        [sys.executable, "-m", "histsvc", "serve", *options], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "security.protocol" in done.stderr


def test_workers_do_not_outlive_a_killed_service(
    own_service: Callable[..., Service], topic: MakeTopic
) -> None:
    service = own_service()
    service.config([service.histogram("hist1d", topic("data"), id="tof", **TOF)])
    pids = service.heartbeat_until(lambda beat: [worker["pid"] for worker in beat["workers"]])
    service.process.kill()
    service.process.wait(TIMEOUT_S)
    wait_until_gone(pids)


def test_config_that_was_replaced_many_times_leaves_no_more_workers(
    own_service: Callable[..., Service], topic: MakeTopic, sender: EventSender
) -> None:
    service = own_service("--workers", "2")
    data, other, sent = topic("data"), topic("other"), Sent()
    beside = service.histogram("hist1d", other, id="beside", **TOF)
    for number in range(20):
        service.config([service.histogram("hist1d", data, id=f"tof{number}", **TOF), beside])
    with service.following() as published:
        sender.pulses(data, sent, range(BASE_MS, BASE_MS + 5))
        published.until(lambda h: h.info.id == "tof19" and h.info.sum == sent.events)
    workers = service.heartbeat_until(lambda beat: beat["workers"])
    # The two that count, and their spares: two for the next config and one for an add.
    assert len(workers) <= 5
    assert len([worker for worker in workers if worker["state"] == "COUNTING"]) == 2
