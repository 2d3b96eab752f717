"""A running service has its settings from file, environment and arguments, and keeps its secrets."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from events import BASE_MS, EventSender, Sent
from kafka_broker import Broker, MakeTopic
from service_process import TIMEOUT_S, Service

from histsvc.settings import KafkaSettings, Security

SECRET = "histsvc-secret"
TOF = {"id": "tof", "tof_range": [0, 1e8], "num_bins": 50}


def test_arguments_beat_the_environment_and_that_beats_the_file(
    own_service: Callable[..., Service],
    topic: MakeTopic,
    sender: EventSender,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "service.conf"
    file.write_text("service-id = file\nsource-name = file\nheartbeat-interval = 111\nworkers = 1\n")
    monkeypatch.setenv("HISTSVC_SERVICE_ID", "environment")
    monkeypatch.setenv("HISTSVC_HEARTBEAT_INTERVAL", "222")
    monkeypatch.setenv("HISTSVC_CONFIG_FILE", str(file))
    service = own_service("--heartbeat-interval", "333")
    data, sent = topic("data"), Sent()
    with service.following() as published:
        service.config([service.histogram("hist1d", data, **TOF)])
        sender.pulses(data, sent, [BASE_MS])
        counted = published.until(lambda h: h.info.sum == sent.events)
    assert counted.source == "file"
    assert service.client.send({"cmd": "ping"})["service"]["id"] == "environment"
    assert service.heartbeat_until(lambda beat: beat["message_interval"]) == 333


def command_lines(service: Service) -> str:
    """What everybody sees of its processes."""
    own = psutil.Process(service.process.pid)
    return "\n".join(" ".join(each.cmdline()) for each in (own, *own.children(recursive=True)))


@pytest.mark.parametrize("source", ["argument", "environment"])
def test_the_password_is_shown_nowhere(
    broker: Broker, topic: MakeTopic, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    options = ["--security-protocol", "SASL_PLAINTEXT", "--sasl-mechanism", "PLAIN", "-l", "debug"]
    options += ["--sasl-username", "histsvc", "--workers", "1"]
    if source == "environment":
        monkeypatch.setenv("HISTSVC_SASL_PASSWORD", SECRET)
    else:
        options += ["--sasl-password", SECRET]
    kafka = KafkaSettings((broker.sasl_bootstrap,), Security("SASL_PLAINTEXT", "PLAIN", "histsvc", SECRET))
    service = Service(broker, *options, kafka=kafka)
    try:
        histogram = service.histogram("hist1d", topic("data"), **TOF)
        service.config([histogram])
        replies = [service.client.send({"cmd": cmd}) for cmd in ("ping", "status", "describe")]
        refusal = service.refused({"cmd": "config", "histograms": [{**histogram, "data_brokers": ["x:1"]}]})
        beat = service.heartbeat_until(lambda beat: beat if beat["histograms"] else None)
        assert "--security-protocol" in (seen := command_lines(service))
        # With all that it knows in its stacks.
        service.process.send_signal(signal.SIGABRT)
        service.process.wait(TIMEOUT_S)
        assert SECRET not in f"{replies} {refusal} {beat} {seen}"
    finally:
        service.close()
    assert "Current thread" in service.log
    assert SECRET not in service.log
