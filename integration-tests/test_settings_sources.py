"""A running service has its settings from file, environment and arguments, and keeps its secrets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from events import BASE_MS, EventSender, Sent
from kafka_broker import Broker, MakeTopic
from service_process import Service

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


def test_password_is_in_no_line_of_the_log(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HISTSVC_SASL_PASSWORD", SECRET)
    options = ["--security-protocol", "SASL_PLAINTEXT", "--sasl-mechanism", "PLAIN", "-l", "debug"]
    security = Security("SASL_PLAINTEXT", "PLAIN", "histsvc", SECRET)
    service = Service(
        broker,
        *options,
        "--sasl-username",
        "histsvc",
        kafka=KafkaSettings((broker.sasl_bootstrap,), security),
    )
    try:
        assert service.client.send({"cmd": "ping"})["response"] == "ACK"
        assert service.terminate() == 0
        assert SECRET not in service.log
    finally:
        service.close()
