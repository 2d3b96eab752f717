"""TLS with certificates on both sides: the options reach every client, and what is wrong is said."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from events import BASE_MS, EventSender, Sent
from kafka_broker import Broker, Tls
from service_process import Service
from test_broker_away import AWAY, BACK, Started, check_end
from test_wrong_use import BASIC, refused

from histsvc.protocol.info import State
from histsvc.settings import KafkaSettings, Security


@dataclass(frozen=True)
class Files:
    """PEM files of the clients' side."""

    ca: Path
    other_ca: Path
    certificate: Path
    key: Path

    @property
    def options(self) -> list[str]:
        own = ["--ssl-certfile", str(self.certificate), "--ssl-keyfile", str(self.key)]
        return ["--security-protocol", "SSL", "--ssl-cafile", str(self.ca), *own]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def files(folder: Path, authority: trustme.CA) -> Files:
    client = authority.issue_cert("histsvc", common_name="histsvc")
    made = Files(*(folder / f"{name}.pem" for name in ("ca", "other-ca", "certificate", "key")))
    authority.cert_pem.write_to_path(made.ca)
    trustme.CA().cert_pem.write_to_path(made.other_ca)
    client.cert_chain_pems[0].write_to_path(made.certificate)
    client.private_key_pem.write_to_path(made.key)
    return made


@pytest.fixture(scope="module")
def tls(folder: Path, authority: trustme.CA, files: Files) -> Tls:
    made = Tls(folder / "broker.pem", files.ca)
    made.keystore.write_bytes(keystore(authority))
    return made


@pytest.fixture(scope="module")
def tls_broker(tls: Tls) -> Iterator[Broker]:
    """A broker that lets in clients with a certificate of our authority."""
    with Broker(tls) as started:
        yield started


def keystore(authority: trustme.CA) -> bytes:
    """Key and certificate of the broker, signed by an authority."""
    own = authority.issue_cert("127.0.0.1")
    return pkcs8(own.private_key_pem.bytes()) + own.cert_chain_pems[0].bytes()


def pkcs8(key: bytes) -> bytes:
    """The same key in the form that Kafka reads."""
    return serialization.load_pem_private_key(key, None).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.fixture
def tls_service(tls_broker: Broker, files: Files) -> Iterator[Service]:
    """A service whose only broker address is the one that asks for certificates."""
    own = {"ssl_certfile": str(files.certificate), "ssl_keyfile": str(files.key)}
    security = Security("SSL", ssl_cafile=str(files.ca), **own)
    kafka = KafkaSettings((tls_broker.tls_bootstrap,), security)
    started = Service(tls_broker, *files.options, "--workers", "1", kafka=kafka)
    try:
        yield started
    finally:
        started.close()


@contextmanager
def serving(broker: Broker, *options: str, topic: str = "commands") -> Iterator[Started]:
    """A service that may never be ready."""
    service = Started("-b", broker.tls_bootstrap, "-t", topic, "--workers", "1", *options)
    try:
        yield service
    finally:
        service.close()


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


def test_authority_that_did_not_sign_the_broker(tls_broker: Broker, files: Files) -> None:
    options = [*files.options, "--ssl-cafile", str(files.other_ca)]
    with serving(tls_broker, *options) as service:
        service.until(AWAY)
        check_end(service, signal.SIGTERM)
        (said,) = service.with_text(AWAY)
    assert tls_broker.tls_bootstrap in said
    assert "certificate could not be verified" in said or "certificate verify failed" in said


@pytest.mark.timeout(240)  # the broker is started twice
def test_broker_gets_the_right_certificate_while_the_service_keeps_trying(
    tls_broker: Broker, tls: Tls, files: Files
) -> None:
    right = tls.keystore.read_bytes()
    tls_broker.create_topic("late")
    try:
        tls.keystore.write_bytes(keystore(trustme.CA()))
        tls_broker.restart()
        with serving(tls_broker, *files.options, topic="late") as service:
            service.until(AWAY)
            tls.keystore.write_bytes(right)
            tls_broker.restart()
            service.until(BACK)
            service.until(" ready: ")
            check_end(service, signal.SIGTERM)
            assert len(service.with_text(AWAY)) == 1
    finally:
        tls.keystore.write_bytes(right)


def test_broker_that_asks_for_a_certificate_in_vain(tls_broker: Broker, files: Files) -> None:
    options = ["--security-protocol", "SSL", "--ssl-cafile", str(files.ca)]
    with serving(tls_broker, *options) as service:
        service.until(AWAY)
        check_end(service, signal.SIGTERM)
        (said,) = service.with_text(AWAY)
    assert "certificate" in said


@pytest.mark.parametrize(
    ("option", "setting"),
    [
        ("--ssl-cafile", "ssl.ca.location"),
        ("--ssl-certfile", "ssl.certificate.location"),
        ("--ssl-keyfile", "ssl.key.location"),
    ],
)
def test_file_that_is_not_there(files: Files, option: str, setting: str) -> None:
    # An option that is given twice counts as it was given last.
    assert setting in refused(*BASIC, *files.options, option, "/no/such/file.pem")


def test_key_that_does_not_belong_to_the_certificate(files: Files, folder: Path) -> None:
    other = folder / "other-key.pem"
    trustme.CA().issue_cert("histsvc").private_key_pem.write_to_path(other)
    assert "ssl.key.location" in refused(*BASIC, *files.options, "--ssl-keyfile", str(other))


def test_certificate_and_key_belong_together(files: Files) -> None:
    for option, file in (("--ssl-certfile", files.certificate), ("--ssl-keyfile", files.key)):
        said = refused(*BASIC, "--security-protocol", "SSL", option, str(file))
        assert "--ssl-certfile" in said
        assert "--ssl-keyfile" in said
