"""The security options reach every client: parent and workers log in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from events import BASE_MS, EventSender, Sent
from kafka_broker import Broker, MakeTopic
from service_process import Service

from histsvc.settings import KafkaSettings, Security


@pytest.fixture
def sasl_service(broker: Broker, tmp_path: Path) -> Iterator[Service]:
    password = tmp_path / "password"
    password.write_text("histsvc-secret\n")
    options = ["--security-protocol", "SASL_PLAINTEXT", "--sasl-mechanism", "PLAIN"]
    options += ["--sasl-username", "histsvc", "--sasl-password-file", str(password)]
    security = Security("SASL_PLAINTEXT", "PLAIN", "histsvc", "histsvc-secret")
    started = Service(broker, *options, kafka=KafkaSettings((broker.sasl_bootstrap,), security))
    try:
        yield started
    finally:
        started.close()


def test_service_logs_in_everywhere(sasl_service: Service, topic: MakeTopic, sender: EventSender) -> None:
    data, sent = topic("data"), Sent()
    with sasl_service.following() as published:
        sasl_service.config(
            [sasl_service.histogram("hist1d", data, id="tof", tof_range=[0, 1e8], num_bins=50)]
        )
        sender.pulses(data, sent, range(BASE_MS, BASE_MS + 5))
        published.until(lambda h: h.info.sum == sent.events)
    assert "histsvc-secret" not in sasl_service.log
