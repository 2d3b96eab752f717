"""SIGTERM and SIGINT: within 5 s nothing is left, and what was not published is named."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import psutil
import pytest
from kafka_broker import Broker, MakeTopic
from started import AWAY, PROMPT_S, Started
from test_workers import wait_until_gone

from histsvc.client import Client
from histsvc.settings import KafkaSettings

COMMANDS, RESPONSES = "commands", "responses"


@contextmanager
def counting(start: Callable[..., Started], *names: str) -> Iterator[tuple[Broker, Started]]:
    """A service that counts histograms of these names on a broker of its own."""
    with Broker() as broker:
        for name in (COMMANDS, RESPONSES, "data", "histograms"):
            broker.create_topic(name)
        service = start("-b", broker.bootstrap, "-t", COMMANDS, "-rt", RESPONSES, "--workers", "1")
        service.until(" ready: ")
        histogram = {"type": "hist1d", "tof_range": [0, 1], "num_bins": 1, "topic": "histograms"}
        histogram |= {"data_brokers": [broker.bootstrap], "data_topics": ["data"]}
        with Client(KafkaSettings((broker.bootstrap,)), COMMANDS, RESPONSES) as client:
            client.send({"cmd": "config", "histograms": [{**histogram, "id": name} for name in names]})
        yield broker, service


def processes_of(service: Started) -> list[int]:
    """The processes that this one has, in all generations."""
    return [child.pid for child in psutil.Process(service.process.pid).children(recursive=True)]


@pytest.mark.parametrize("away", ["stopped", "frozen"])
def test_end_with_histograms_that_cannot_be_published(start: Callable[..., Started], away: str) -> None:
    with counting(start, "tof", "too") as (broker, service), ExitStack() as frozen:
        processes = processes_of(service)
        if away == "stopped":
            broker.stop()
            service.until(AWAY)
        else:
            frozen.enter_context(broker.frozen())
        code, seconds = service.end(signal.SIGTERM)
        wait_until_gone(processes, PROMPT_S)
    assert code == 1
    assert seconds < PROMPT_S
    said = service.lines[-1]
    assert said.startswith("histsvc serve: not everything was published: not delivered: ")
    assert "tof" in said
    assert said.endswith(", and 1 more, which the log names")
    assert len(service.with_text("histsvc serve:")) == 1
    assert {name for name in ("tof", "too") for line in service.with_text(" ERROR ") if name in line} == {
        "tof",
        "too",
    }
    assert not service.with_text("Traceback")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_it_at_once(start: Callable[..., Started], number: signal.Signals) -> None:
    with counting(start, "tof") as (broker, service), broker.frozen():
        processes = processes_of(service)
        os.kill(service.process.pid, signal.SIGTERM)
        # It waits for the broker until now.
        with pytest.raises(subprocess.TimeoutExpired):
            service.process.wait(0.5)
        code, seconds = service.end(number)
        wait_until_gone(processes, PROMPT_S)
    assert code == 1
    assert seconds < 1.0
    # Workers may have something to say while they leave.
    assert len(service.with_text("histsvc serve: ended at once by a second signal")) == 1


@pytest.mark.parametrize("after_s", [0.0, 0.1, 0.2, 0.4, 0.8, 1.6])
def test_a_signal_at_any_moment_of_the_start(
    start: Callable[..., Started], broker: Broker, topic: MakeTopic, after_s: float
) -> None:
    service = start("-b", broker.bootstrap, "-t", topic("commands"), "--workers", "2")
    time.sleep(after_s)  # the moment is what is tested
    processes = processes_of(service)
    code, seconds = service.end(signal.SIGTERM)
    # The signal itself ends a Python that has not begun with the service yet.
    assert code in (0, -signal.SIGTERM)
    assert seconds < PROMPT_S
    assert not service.with_text("Traceback")
    wait_until_gone(processes, PROMPT_S)
