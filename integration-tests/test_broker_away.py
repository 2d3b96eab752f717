"""Brokers that are not there, or not there any more: said once, waited for, and no reason not to end."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable

import pytest
from kafka_broker import Broker, MakeTopic
from service_process import TIMEOUT_S
from started import AWAY, BACK, Started, check_end

from histsvc.client import Client
from histsvc.settings import KafkaSettings

COMMANDS, RESPONSES, HEARTBEAT = "commands", "responses", "heartbeat"
# Nothing listens on port 1.
NOBODY = "127.0.0.1:1"


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


def test_broker_that_stays_away_is_told_once(start: Callable[..., Started]) -> None:
    """For longer than the 30 s after which librdkafka, and the service before, tell everything again."""
    service = start("-b", NOBODY, "-t", COMMANDS, "-rt", RESPONSES, "-hb", HEARTBEAT, "--workers", "2")
    service.until(AWAY)
    with pytest.raises(AssertionError, match="not logged 2 times"):
        service.until("WARNING", count=2, timeout_s=40.0)
    assert "refused" in service.with_text(AWAY)[0]
    check_end(service, signal.SIGTERM)
