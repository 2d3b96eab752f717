"""Brokers that are not there, or not there any more: said once, waited for, and no reason not to end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from kafka_broker import Broker, MakeTopic
from service_process import TIMEOUT_S

from histsvc.client import Client
from histsvc.settings import KafkaSettings

COMMANDS, RESPONSES, HEARTBEAT = "commands", "responses", "heartbeat"
# Nothing listens on port 1.
NOBODY = "127.0.0.1:1"
AWAY, BACK = "cannot be reached", "are back after"
# Workers are told to leave, and have 3 s to do so while they still load the kernels.
PROMPT_S = 5.0


class Started:
    """A service that may never be ready, and its log."""

    def __init__(self, *options: str) -> None:
        self.lines: list[str] = []
        self.ended = False
        self._more = threading.Condition()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "histsvc", "serve", *options],
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stderr or ():
            with self._more:
                self.lines.append(line.rstrip())
                self._more.notify_all()
        with self._more:
            self.ended = True
            self._more.notify_all()

    def with_text(self, text: str) -> list[str]:
        return [line for line in self.lines if text in line]

    def until(self, text: str, count: int = 1, timeout_s: float = 60.0) -> None:
        """Wait until `count` lines have this text."""
        with self._more:
            self._more.wait_for(lambda: self.ended or len(self.with_text(text)) >= count, timeout_s)
        found = len(self.with_text(text)) >= count
        assert found, f"{text!r} was not logged {count} times in {timeout_s} s: {self.lines}"

    def end(self, number: signal.Signals, group: bool = False) -> tuple[int, float]:
        """Send a signal; returns the exit code, and after how many seconds it came."""
        begun_s = time.monotonic()
        (os.killpg if group else os.kill)(self.process.pid, number)
        code = self.process.wait(TIMEOUT_S)
        self._reader.join(TIMEOUT_S)
        return code, time.monotonic() - begun_s

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(TIMEOUT_S)
        self._reader.join(TIMEOUT_S)
        if self.process.stderr is not None:
            self.process.stderr.close()


@pytest.fixture
def start() -> Iterator[Callable[..., Started]]:
    """`start(*options)` starts a service, which ends with the test."""
    started: list[Started] = []

    def one(*options: str) -> Started:
        started.append(Started(*options))
        return started[-1]

    yield one
    for each in started:
        each.close()


def check_end(service: Started, number: signal.Signals, group: bool = False) -> None:
    code, seconds = service.end(number, group)
    assert code == 0, service.lines
    assert seconds < PROMPT_S
    assert not service.with_text("Traceback")
    assert not service.with_text(" ERROR ")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_while_the_broker_is_away(start: Callable[..., Started], number: signal.Signals) -> None:
    service = start("-b", NOBODY, "-t", COMMANDS, "-hb", HEARTBEAT)
    service.until(AWAY)
    check_end(service, number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_while_the_kernels_are_loaded(start: Callable[..., Started], number: signal.Signals) -> None:
    service = start("-b", NOBODY, "-t", COMMANDS)
    service.until("starting")
    check_end(service, number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_while_the_command_topic_is_missing(
    start: Callable[..., Started], broker: Broker, number: signal.Signals
) -> None:
    service = start("-b", broker.bootstrap, "-t", "nobody-made-this")
    service.until("there is no command topic")
    check_end(service, number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_to_the_whole_group_while_workers_are_loaded(
    start: Callable[..., Started], broker: Broker, topic: MakeTopic, number: signal.Signals
) -> None:
    """As a terminal does it, or a service manager; the service is ready while some workers still load."""
    service = start("-b", broker.bootstrap, "-t", topic("commands"), "--workers", "3")
    service.until(" ready: ")
    check_end(service, number, group=True)


def test_signal_before_anything_is_loaded() -> None:
    script = """
import importlib, os, signal
from histsvc import cli
def load(name):
    os.kill(os.getpid(), signal.SIGTERM)
    raise RuntimeError("still here")
importlib.import_module = load
cli.main(["serve"])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_broker_that_comes_late_goes_and_comes_back(start: Callable[..., Started]) -> None:
    broker = Broker()
    try:
        kafka = KafkaSettings((broker.bootstrap,))
        topics = ["-t", COMMANDS, "-rt", RESPONSES, "-hb", HEARTBEAT]
        service = start("-b", broker.bootstrap, *topics, "--workers", "2")
        service.until(AWAY)
        broker.start()
        for name in (COMMANDS, RESPONSES, HEARTBEAT):
            broker.create_topic(name)
        service.until(BACK)
        service.until(" ready: ")
        with Client(kafka, COMMANDS, RESPONSES) as client:
            assert client.send({"cmd": "ping"})["response"] == "ACK"
        broker.stop()
        service.until(AWAY, count=2)
        broker.start()
        service.until(BACK, count=2)
        with Client(kafka, COMMANDS, RESPONSES) as client:
            assert client.send({"cmd": "ping"}, timeout_s=TIMEOUT_S)["response"] == "ACK"
        check_end(service, signal.SIGTERM)
        troubles = [line for line in service.lines if "WARNING" in line and "command topic" not in line]
        assert [AWAY in line for line in troubles] == [True, False, True, False], service.lines
        assert all(broker.bootstrap in line for line in troubles)
    finally:
        broker.close()


def test_end_with_histograms_that_cannot_be_published(start: Callable[..., Started]) -> None:
    with Broker() as broker:
        for name in (COMMANDS, RESPONSES, "data", "histograms"):
            broker.create_topic(name)
        service = start("-b", broker.bootstrap, "-t", COMMANDS, "-rt", RESPONSES, "--workers", "1")
        service.until(" ready: ")
        histogram = {"type": "hist1d", "id": "tof", "tof_range": [0, 1], "num_bins": 1, "topic": "histograms"}
        histogram |= {"data_brokers": [broker.bootstrap], "data_topics": ["data"]}
        with Client(KafkaSettings((broker.bootstrap,)), COMMANDS, RESPONSES) as client:
            client.send({"cmd": "config", "histograms": [histogram]})
        broker.stop()
        service.until(AWAY)
        code, _ = service.end(signal.SIGTERM)
    assert code == 1
    assert service.lines[-1].startswith("histsvc serve: not everything was published")
    assert len(service.with_text("histsvc serve:")) == 1
    assert [line for line in service.with_text(" ERROR ") if "tof" in line]
    assert not service.with_text("Traceback")


def test_broker_that_stays_away_is_told_once(start: Callable[..., Started]) -> None:
    """For longer than the 30 s after which librdkafka, and the service before, tell everything again."""
    service = start("-b", NOBODY, "-t", COMMANDS, "-rt", RESPONSES, "-hb", HEARTBEAT, "--workers", "2")
    service.until(AWAY)
    with pytest.raises(AssertionError, match="not logged 2 times"):
        service.until("WARNING", count=2, timeout_s=40.0)
    assert "refused" in service.with_text(AWAY)[0]
    check_end(service, signal.SIGTERM)
