"""TLS with certificates on both sides: the options reach every client, and what is wrong is said."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from certificates import EXPIRED, Authority, Own
from events import BASE_MS, EventSender, Sent
from kafka_broker import Broker, Tls
from service_process import Service
from started import AWAY, BACK, Started, check_end
from test_wrong_use import BASIC, refused

from histsvc.errors import Code
from histsvc.protocol.info import State
from histsvc.settings import KafkaSettings


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    return Authority(folder, "authority")


@pytest.fixture(scope="module")
def stranger(folder: Path) -> Authority:
    return Authority(folder, "stranger")


@pytest.fixture(scope="module")
def own(authority: Authority) -> Own:
    return authority.client()


@pytest.fixture(scope="module")
def tls(folder: Path, authority: Authority) -> Tls:
    made = Tls(folder / "broker.pem", authority.cafile)
    made.keystore.write_bytes(authority.keystore())
    return made


@pytest.fixture(scope="module")
def tls_broker(tls: Tls) -> Iterator[Broker]:
    """A broker that lets in clients with a certificate of our authority."""
    with Broker(tls) as started:
        yield started


@pytest.fixture
def tls_service(tls_broker: Broker, authority: Authority, own: Own) -> Iterator[Service]:
    """A service whose only broker address is the one that asks for certificates."""
    kafka = KafkaSettings((tls_broker.tls_bootstrap,), authority.security(own))
    started = Service(tls_broker, *authority.options, *own.options, "--workers", "1", kafka=kafka)
    try:
        yield started
    finally:
        started.close()


@contextmanager
def serving(address: str, *options: str, topic: str = "commands") -> Iterator[Started]:
    """A service that may never be ready."""
    service = Started("-b", address, "-t", topic, "--workers", "1", *options)
    try:
        yield service
    finally:
        service.close()


def said_of(address: str, *options: str) -> str:
    """What is logged of a broker that does not let a service in, which ends in time all the same."""
    with serving(address, *options) as service:
        service.until(AWAY)
        check_end(service, signal.SIGTERM)
        (said,) = service.with_text(AWAY)
    assert address in said
    return said


def test_commands_data_histograms_and_heartbeats_go_over_tls(
    tls_service: Service, tls_broker: Broker
) -> None:
    service, sent = tls_service, Sent()
    tls_broker.create_topic("data", partitions=2)
    wanted = service.histogram("hist1d", "data", id="tof", tof_range=[0, 1e8], num_bins=50)
    assert wanted["data_brokers"] == [tls_broker.tls_bootstrap]
    with service.following() as published:
        service.config([wanted])
        for partition in (0, 1):
            EventSender(tls_broker.bootstrap, seed=partition).pulses(
                "data", sent, range(BASE_MS, BASE_MS + 5), partition=partition
            )
        beat = service.heartbeat_until(
            lambda beat: beat if [h["sum"] for h in beat["histograms"]] == [sent.events] else None
        )
        service.client.send({"cmd": "stop"})
        finished = published.finished("tof")["tof"]
    np.testing.assert_array_equal(finished.counts, np.histogram(sent.tof, bins=50, range=(0, 1e8))[0])
    assert beat["state"] == "RUNNING"
    assert beat["histograms"][0]["state"] == State.COUNTING
    assert service.terminate() == 0
    assert AWAY not in service.log


def test_authority_that_did_not_sign_the_broker(tls_broker: Broker, stranger: Authority, own: Own) -> None:
    said = said_of(tls_broker.tls_bootstrap, *stranger.options, *own.options)
    assert "certificate that is not signed by an authority of --ssl-cafile" in said


def test_address_for_which_the_broker_has_no_certificate(
    tls_broker: Broker, authority: Authority, own: Own
) -> None:
    address = tls_broker.tls_bootstrap.replace("127.0.0.1", "localhost")
    assert "certificate that is not for that name" in said_of(address, *authority.options, *own.options)


Make = Callable[[Authority, Authority], Own | None]


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda ours, _: None, "asks for a certificate of ours"),
        (lambda _, other: other.client(), "does not accept our certificate"),
        (lambda ours, _: ours.client("expired", **EXPIRED), "certificate: it may have expired"),
    ],
)
def test_certificate_that_the_broker_does_not_accept(
    tls_broker: Broker, authority: Authority, stranger: Authority, make: Make, expected: str
) -> None:
    made = make(authority, stranger)
    said = said_of(tls_broker.tls_bootstrap, *authority.options, *(made.options if made else ()))
    assert expected in said
    assert "--ssl-certfile" in said


def test_tls_where_there_is_none_and_none_where_there_is(
    tls_broker: Broker, authority: Authority, own: Own
) -> None:
    said = said_of(tls_broker.bootstrap, *authority.options, *own.options)
    assert "does not speak TLS (--security-protocol)" in said
    assert "speaks TLS (--security-protocol)" in said_of(tls_broker.tls_bootstrap)


@pytest.mark.timeout(300)  # the broker is started five times
def test_data_brokers_whose_certificate_is_wrong_are_denied_until_it_is_right(
    tls_broker: Broker, folder: Path, authority: Authority, stranger: Authority, own: Own
) -> None:
    """The service has brokers that it trusts, and a command names others."""
    wrong = {
        "has expired": authority.keystore(**EXPIRED),
        "is not signed by an authority of --ssl-cafile": stranger.keystore(),
        "is not for that address": authority.keystore("127.0.0.9"),
    }
    tls, kafka = (
        Tls(folder / "other-broker.pem", authority.cafile),
        KafkaSettings((tls_broker.tls_bootstrap,), authority.security(own)),
    )
    tls.keystore.write_bytes(authority.keystore())
    with Broker(tls) as other:
        other.create_topic("data")
        address = other.tls_bootstrap
        options = (*authority.options, *own.options, "--allow-data-brokers", address, "--workers", "1")
        service = Service(tls_broker, *options, kafka=kafka)
        try:
            wanted = service.histogram("hist1d", "data", tof_range=[0, 1e8], num_bins=50)
            command = {
                "cmd": "config",
                "histograms": [{**wanted, "data_brokers": [address], "topic": "data2"}],
            }
            for said, keystore in wrong.items():
                tls.keystore.write_bytes(keystore)
                other.restart()
                error = service.refused(command)
                assert (error.code, error.field) == (Code.PERMISSION_DENIED, "histograms[0].data_brokers")
                assert f"{address} has a certificate that {said}" in error.message
            tls.keystore.write_bytes(authority.keystore())
            other.restart()
            assert service.client.send(command)["response"] == "ACK"
        finally:
            service.close()


@pytest.mark.timeout(240)  # the broker is started twice
def test_broker_gets_the_right_certificate_while_the_service_keeps_trying(
    tls_broker: Broker, tls: Tls, authority: Authority, stranger: Authority, own: Own
) -> None:
    right = tls.keystore.read_bytes()
    tls_broker.create_topic("late")
    try:
        tls.keystore.write_bytes(stranger.keystore())
        tls_broker.restart()
        options = (*authority.options, *own.options)
        with serving(tls_broker.tls_bootstrap, *options, topic="late") as service:
            service.until(AWAY)
            tls.keystore.write_bytes(right)
            tls_broker.restart()
            service.until(BACK)
            service.until(" ready: ")
            check_end(service, signal.SIGTERM)
            assert len(service.with_text(AWAY)) == 1
    finally:
        tls.keystore.write_bytes(right)


@pytest.mark.parametrize(
    ("option", "setting"),
    [
        ("--ssl-cafile", "ssl.ca.location"),
        ("--ssl-certfile", "ssl.certificate.location"),
        ("--ssl-keyfile", "ssl.key.location"),
    ],
)
def test_file_that_is_not_there(authority: Authority, own: Own, option: str, setting: str) -> None:
    # An option that is given twice counts as it was given last.
    given = (*authority.options, *own.options)
    assert setting in refused(*BASIC, *given, option, "/no/such/file.pem")


def test_key_that_does_not_belong_to_the_certificate(
    authority: Authority, stranger: Authority, own: Own
) -> None:
    given = (*authority.options, *own.options, "--ssl-keyfile", str(stranger.client("other").key))
    assert "ssl.key.location" in refused(*BASIC, *given)


def test_certificate_and_key_belong_together(own: Own) -> None:
    for option, file in (("--ssl-certfile", own.certificate), ("--ssl-keyfile", own.key)):
        said = refused(*BASIC, "--security-protocol", "SSL", option, str(file))
        assert "--ssl-certfile" in said
        assert "--ssl-keyfile" in said
