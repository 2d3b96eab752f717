"""Who logs in has only the rights that it is given: no right on a topic is told, and tried again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from events import TOF_END_NS, EventSender, Sent
from following import now_ms
from kafka_broker import SASL_CLIENT, Broker
from service_process import Histograms, Service

from histsvc.client import Histogram
from histsvc.errors import Code
from histsvc.protocol.info import State
from histsvc.settings import KafkaSettings, Security

USER, PASSWORD = SASL_CLIENT["sasl.username"], SASL_CLIENT["sasl.password"]
READ, WRITE, ALL = AclOperation.READ, AclOperation.WRITE, AclOperation.ALL
KEYS: dict[str, Any] = {"id": "tof", "tof_range": [0, TOF_END_NS], "num_bins": 50}


class Rights:
    """Gives the user rights on topics, and takes them away."""

    def __init__(self, broker: Broker) -> None:
        self._admin = AdminClient({"bootstrap.servers": broker.bootstrap})

    def give(self, topic: str, operation: AclOperation) -> None:
        place = (ResourceType.TOPIC, topic, ResourcePatternType.LITERAL)
        binding = AclBinding(*place, f"User:{USER}", "*", operation, AclPermissionType.ALLOW)
        for future in self._admin.create_acls([binding]).values():
            future.result(20)

    def take(self, topic: str) -> None:
        place = (ResourceType.TOPIC, topic, ResourcePatternType.LITERAL)
        every = AclBindingFilter(*place, None, None, AclOperation.ANY, AclPermissionType.ANY)
        for future in self._admin.delete_acls([every]).values():
            future.result(20)


@pytest.fixture(scope="module")
def strict_broker() -> Iterator[Broker]:
    with Broker(acls=True) as started:
        yield started


@pytest.fixture(scope="module")
def rights(strict_broker: Broker) -> Rights:
    return Rights(strict_broker)


@pytest.fixture
def service(strict_broker: Broker, rights: Rights, tmp_path: Path) -> Iterator[Service]:
    """A service with all rights on its own topics, and none on others."""
    file = tmp_path / "password"
    file.write_text(PASSWORD)
    security = Security("SASL_PLAINTEXT", "PLAIN", USER, PASSWORD)
    options = ["--security-protocol", "SASL_PLAINTEXT", "--sasl-mechanism", "PLAIN", "--workers", "1"]
    options += ["--sasl-username", USER, "--sasl-password-file", str(file)]
    kafka = KafkaSettings((strict_broker.sasl_bootstrap,), security)
    made = Service(strict_broker, *options, kafka=kafka, on_topics=lambda each: rights.give(each, ALL))
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def data(strict_broker: Broker, request: pytest.FixtureRequest) -> str:
    name = f"data-{request.node.name}"[:60].replace("[", "-").rstrip("]")
    strict_broker.create_topic(name)
    return name


def error_of(beat: dict[str, Any]) -> str | None:
    return next((h["error_message"] for h in beat["histograms"] if h["state"] == State.ERROR), None)


def test_data_topic_that_must_not_be_read(
    service: Service, rights: Rights, data: str, strict_broker: Broker
) -> None:
    command = {"cmd": "config", "histograms": [service.histogram("hist1d", data, **KEYS)]}
    error = service.refused(command)
    assert (error.code, error.field) == (Code.PERMISSION_DENIED, "histograms[0].data_brokers")
    assert data in error.message
    assert "TOPIC_AUTHORIZATION_FAILED" in error.message
    rights.give(data, READ)
    sent = Sent()
    with service.following() as published:
        assert service.client.send(command)["response"] == "ACK"
        EventSender(strict_broker.bootstrap).pulses(data, sent, [now_ms()] * 5)
        last = published.until(lambda h: h.info.sum == sent.events)
    np.testing.assert_array_equal(last.counts, np.histogram(sent.tof, 50, (0, TOF_END_NS))[0])


def begin(
    service: Service, rights: Rights, data: str, sender: EventSender, sent: Sent, published: Histograms
) -> Histogram:
    """With the right to read it, a topic is counted; returns what is published of the first events."""
    rights.give(data, READ)
    service.config([service.histogram("hist1d", data, **KEYS)])
    sender.pulses(data, sent, [now_ms()] * 5)
    return published.until(lambda h: h.info.sum == sent.events)


def test_right_to_read_that_is_taken_away_and_given_back(
    service: Service, rights: Rights, data: str, strict_broker: Broker
) -> None:
    sent, sender = Sent(), EventSender(strict_broker.bootstrap)
    with service.following() as published:
        begin(service, rights, data, sender, sent, published)
        rights.take(data)
        said = service.heartbeat_until(error_of)
        assert f"partition 0 of {data!r}" in said
        assert "may not be read (no READ permission)" in said
        sender.pulses(data, sent, [now_ms()] * 5)
        rights.give(data, READ)
        last = published.until(lambda h: h.info.sum == sent.events)
        service.heartbeat_until(lambda beat: beat["state"] == "RUNNING")
    np.testing.assert_array_equal(last.counts, np.histogram(sent.tof, 50, (0, TOF_END_NS))[0])
    assert last.info.state is State.COUNTING


def test_right_to_read_commands_that_is_taken_away_and_given_back(
    service: Service, rights: Rights, data: str, strict_broker: Broker
) -> None:
    """What was done is not done again: the histogram goes on, and a command of meanwhile is done."""
    sent, sender = Sent(), EventSender(strict_broker.bootstrap)
    with service.following() as published:
        before = begin(service, rights, data, sender, sent, published)
        rights.take(service.commands)
        service.heartbeat_until(lambda _: "commands cannot be read" in service.log)
        rights.give(service.commands, WRITE)
        service.client.post({"cmd": "ping", "msg_id": "meanwhile"})
        rights.give(service.commands, ALL)
        service.heartbeat_until(lambda _: 'msg_id="meanwhile" ACK' in service.log)
        sender.pulses(data, sent, [now_ms()] * 5)
        last = published.until(lambda h: h.info.sum == sent.events)
    assert last.info.job == before.info.job
    assert len([line for line in service.lines if 'cmd="config"' in line]) == 1


def test_output_topic_that_must_not_be_written(
    service: Service, rights: Rights, data: str, strict_broker: Broker
) -> None:
    output, sent = f"output-{data}", Sent()
    strict_broker.create_topic(output)
    rights.give(data, READ)
    rights.give(output, READ)
    wanted = {**service.histogram("hist1d", data, **KEYS), "topic": output}
    sender = EventSender(strict_broker.bootstrap)
    service.config([wanted])
    sender.pulses(data, sent, [now_ms()] * 5)

    message = service.heartbeat_until(error_of)
    assert output in message
    assert "uthorization" in message
    rights.give(output, WRITE)
    service.output = output
    with service.following() as published:
        sender.pulses(data, sent, [now_ms()] * 5)
        last = published.until(lambda h: h.info.sum == sent.events)
    assert last.info.state == State.COUNTING
