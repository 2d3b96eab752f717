"""Passwords: every client logs in; what is wrong is said, tried again, and denied to who asked."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from certificates import Authority
from events import BASE_MS, EventSender, Sent
from kafka_broker import SASL_CLIENT, Broker, MakeTopic, Tls
from service_process import Service
from started import AWAY, BACK, Started, check_end

from histsvc.errors import Code
from histsvc.settings import KafkaSettings, Security

USER, PASSWORD = SASL_CLIENT["sasl.username"], SASL_CLIENT["sasl.password"]
SCRAM = "SCRAM-SHA-512"
KEYS: dict[str, Any] = {"tof_range": [0, 1e8], "num_bins": 50}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), "authority")


@pytest.fixture(scope="module")
def safe_broker(authority: Authority) -> Iterator[Broker]:
    """Passwords are asked for with and without TLS, and one user may log in with SCRAM."""
    keystore = authority.cafile.with_name("broker.pem")
    keystore.write_bytes(authority.keystore())
    with Broker(Tls(keystore, authority.cafile)) as started:
        started.set_password(USER, PASSWORD)
        yield started


@pytest.fixture
def logging_in(tmp_path: Path) -> Callable[..., list[str]]:
    """`logging_in(protocol, mechanism, password)`: the options."""

    def options(protocol: str, mechanism: str, password: str = PASSWORD) -> list[str]:
        file = tmp_path / "password"
        file.write_text(f"{password}\n")
        given = ["--security-protocol", protocol, "--sasl-mechanism", mechanism]
        return [*given, "--sasl-username", USER, "--sasl-password-file", str(file)]

    return options


@pytest.mark.parametrize("mechanism", ["PLAIN", SCRAM])
@pytest.mark.parametrize("protocol", ["SASL_PLAINTEXT", "SASL_SSL"])
def test_service_logs_in_everywhere(
    safe_broker: Broker,
    authority: Authority,
    logging_in: Callable[..., list[str]],
    protocol: str,
    mechanism: str,
) -> None:
    tls = protocol == "SASL_SSL"
    address = safe_broker.sasl_tls_bootstrap if tls else safe_broker.sasl_bootstrap
    cafile = str(authority.cafile) if tls else None
    options = [*logging_in(protocol, mechanism), *(["--ssl-cafile", cafile] if cafile else [])]
    security = Security(protocol, mechanism, USER, PASSWORD, ssl_cafile=cafile)
    data, sent = f"data-{protocol}-{mechanism}", Sent()
    safe_broker.create_topic(data)
    service = Service(safe_broker, *options, "--workers", "1", kafka=KafkaSettings((address,), security))
    try:
        with service.following() as published:
            service.config([service.histogram("hist1d", data, id="tof", **KEYS)])
            EventSender(safe_broker.bootstrap).pulses(data, sent, range(BASE_MS, BASE_MS + 5))
            published.until(lambda h: h.info.sum == sent.events)
        assert PASSWORD not in service.log
        assert service.terminate() == 0
    finally:
        service.close()


@pytest.mark.parametrize(
    ("mechanism", "password", "expected"),
    [
        ("PLAIN", "guess", "Invalid username or password"),
        (SCRAM, "guess", "invalid credentials with SASL mechanism SCRAM-SHA-512"),
        ("SCRAM-SHA-256", PASSWORD, SCRAM),
    ],
)
def test_what_the_broker_does_not_accept(
    safe_broker: Broker, logging_in: Callable[..., list[str]], mechanism: str, password: str, expected: str
) -> None:
    options = logging_in("SASL_PLAINTEXT", mechanism, password)
    service = Started("-b", safe_broker.sasl_bootstrap, "-t", "commands", "--workers", "1", *options)
    try:
        service.until(AWAY)
        check_end(service, signal.SIGTERM)
        (said,) = service.with_text(AWAY)
    finally:
        service.close()
    assert safe_broker.sasl_bootstrap in said
    assert expected in said
    assert password not in "".join(service.lines)


def test_no_password_where_one_is_asked_for(safe_broker: Broker) -> None:
    service = Started("-b", safe_broker.sasl_bootstrap, "-t", "commands", "--workers", "1")
    try:
        service.until("wants a password (--security-protocol)")
        check_end(service, signal.SIGTERM)
    finally:
        service.close()


def test_password_that_becomes_right_while_the_service_keeps_trying(
    safe_broker: Broker, logging_in: Callable[..., list[str]]
) -> None:
    safe_broker.create_topic("late")
    options = logging_in("SASL_PLAINTEXT", SCRAM, "later")
    service = Started("-b", safe_broker.sasl_bootstrap, "-t", "late", "--workers", "1", *options)
    try:
        service.until(AWAY)
        safe_broker.set_password(USER, "later")
        service.until(BACK)
        service.until(" ready: ")
        check_end(service, signal.SIGTERM)
    finally:
        service.close()
        safe_broker.set_password(USER, PASSWORD)


def test_data_brokers_that_do_not_let_us_in_are_denied_until_they_do(
    broker: Broker, safe_broker: Broker, topic: MakeTopic, logging_in: Callable[..., list[str]]
) -> None:
    data, address = topic("data"), broker.sasl_bootstrap
    security = Security("SASL_PLAINTEXT", SCRAM, USER, PASSWORD)
    options = (*logging_in("SASL_PLAINTEXT", SCRAM), "--allow-data-brokers", address, "--workers", "1")
    kafka = KafkaSettings((safe_broker.sasl_bootstrap,), security)
    service = Service(safe_broker, *options, kafka=kafka)
    try:
        wanted = {
            **service.histogram("hist1d", data, **KEYS),
            "data_brokers": [address],
            "topic": topic("out"),
        }
        error = service.refused({"cmd": "config", "histograms": [wanted]})
        assert (error.code, error.field) == (Code.PERMISSION_DENIED, "histograms[0].data_brokers")
        assert address in error.message
        assert "invalid credentials" in error.message
        service.heartbeat_until(lambda _: AWAY in service.log)
        broker.set_password(USER, PASSWORD)
        service.heartbeat_until(lambda _: BACK in service.log)
        assert service.config([wanted])["response"] == "ACK"
    finally:
        service.close()
