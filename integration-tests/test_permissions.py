"""--allow-data-brokers (protocol.md, 7): which brokers a histogram may name, and what becomes of others."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from events import TOF_END_NS, EventSender, Sent
from kafka_broker import Broker, MakeTopic
from service_process import Service
from spares import until_spare

from histsvc.errors import Code, CommandError
from histsvc.settings import KafkaSettings


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def port_of(broker: Broker) -> str:
    return broker.bootstrap.rpartition(":")[2]


def by_name(broker: Broker) -> str:
    """The test's broker under a name that it does not advertise."""
    return f"localhost:{port_of(broker)}"


def in_short(broker: Broker, spelling: str = "127.1") -> str:
    """The same by other ways to write 127.0.0.1."""
    return f"{spelling}:{port_of(broker)}"


@pytest.fixture(scope="module")
def listed(broker: Broker) -> Iterator[Service]:
    """A service whose -b is not what the broker advertises, and one more address is allowed."""
    kafka = KafkaSettings((by_name(broker),))
    started = Service(broker, "--allow-data-brokers", in_short(broker), "127.0.0.1:1", kafka=kafka)
    try:
        until_spare(started, 2)
        yield started
    finally:
        started.close()


@pytest.fixture
def listening() -> Iterator[tuple[str, socket.socket]]:
    """An address at which somebody would notice a connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield f"127.0.0.1:{server.getsockname()[1]}", server


def spectrum(service: Service, data: str, *brokers: str, name: str = "tof") -> dict[str, Any]:
    keys = {"id": name, "tof_range": [0, TOF_END_NS], "num_bins": 50}
    return {**service.histogram("hist1d", data, **keys), "data_brokers": list(brokers)}


def counts(service: Service, histogram: dict[str, Any], sender: EventSender) -> None:
    """It is accepted, and counts what comes."""
    sent = Sent()
    with service.following() as published:
        assert service.config([histogram])["response"] == "ACK"
        sender.pulses(histogram["data_topics"][0], sent, [now_ms()] * 5)
        # What it replaces has published, too.
        received = published.until(lambda h: h.info.id == histogram["id"] and h.info.sum == sent.events)
    expected, _ = np.histogram(sent.tof, bins=50, range=(0, TOF_END_NS))
    np.testing.assert_array_equal(received.counts, expected)


def denied(service: Service, histograms: list[dict[str, Any]], cmd: str = "config") -> CommandError:
    error = service.refused({"cmd": cmd, "histograms": histograms})
    assert error.code is Code.PERMISSION_DENIED
    assert error.field is not None
    assert error.field in error.message
    assert "--allow-data-brokers" in error.message
    return error


@pytest.mark.parametrize("cmd", ["config", "add"])
def test_others_are_denied_and_what_runs_goes_on(
    service: Service,
    topic: MakeTopic,
    sender: EventSender,
    listening: tuple[str, socket.socket],
    cmd: str,
) -> None:
    (other, server), data, sent = listening, topic("data"), Sent()
    wrong = [
        spectrum(service, data, service.bootstrap, name="good"),
        spectrum(service, data, service.bootstrap, other, name="bad"),
    ]
    with service.following() as published:
        service.config([spectrum(service, data, service.bootstrap)])
        sender.pulses(data, sent, [now_ms()] * 5)
        error = denied(service, wrong, cmd)
        sender.pulses(data, sent, [now_ms()] * 5)
        received = published.until(lambda h: h.info.sum == sent.events)
    assert error.field == "histograms[1].data_brokers[1]"
    assert other in error.message
    assert service.bootstrap in error.message
    assert {h.info.id for h in published.all} == {"tof"}
    expected, _ = np.histogram(sent.tof, bins=50, range=(0, TOF_END_NS))
    np.testing.assert_array_equal(received.counts, expected)
    # Nobody has even tried to talk to it.
    with pytest.raises(BlockingIOError):
        server.accept()


def test_by_default_it_is_the_address_that_counts_not_who_answers_there(
    service: Service, broker: Broker, topic: MakeTopic, sender: EventSender
) -> None:
    data = topic("data")
    for name in (by_name(broker), in_short(broker), broker.sasl_bootstrap):
        error = denied(service, [spectrum(service, data, name)])
        assert error.field == "histograms[0].data_brokers[0]"
        assert name in error.message
    counts(service, spectrum(service, data, broker.bootstrap, name="allowed"), sender)


@pytest.mark.parametrize("place", ["-b", "advertised", "listed", "in capitals", "two of them"])
def test_what_is_given_advertised_or_listed_is_allowed(
    listed: Service, broker: Broker, topic: MakeTopic, sender: EventSender, place: str
) -> None:
    brokers = {
        "-b": [by_name(broker)],
        "advertised": [broker.bootstrap],
        "listed": [in_short(broker)],
        "in capitals": [by_name(broker).upper()],
        "two of them": [in_short(broker), broker.bootstrap],
    }
    counts(listed, spectrum(listed, topic("data"), *brokers[place], name=place), sender)


def test_a_list_does_not_allow_anything_else(listed: Service, broker: Broker, topic: MakeTopic) -> None:
    other, data = in_short(broker, "127.0.1"), topic("data")
    error = denied(listed, [spectrum(listed, data, in_short(broker)), spectrum(listed, data, other)])
    assert error.field == "histograms[1].data_brokers[0]"
    for name in (other, by_name(broker), broker.bootstrap, in_short(broker), "127.0.0.1:1"):
        assert name in error.message
    # It is allowed, and nobody is there.
    error = listed.refused({"cmd": "config", "histograms": [spectrum(listed, data, "127.0.0.1:1")]})
    assert (error.code, error.field) == (Code.UNAVAILABLE, "histograms[0].data_brokers")


def test_any_opens_it(
    own_service: Callable[..., Service], broker: Broker, topic: MakeTopic, sender: EventSender
) -> None:
    service, data = own_service("--allow-data-brokers", "any", "--command-timeout", "2000"), topic("data")
    until_spare(service, 2)
    for name in (by_name(broker), in_short(broker)):
        counts(service, spectrum(service, data, name, name=name), sender)
    error = service.refused({"cmd": "config", "histograms": [spectrum(service, data, "127.0.0.1:1")]})
    assert error.code is Code.UNAVAILABLE
