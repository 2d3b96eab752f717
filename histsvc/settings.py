"""Settings from file < environment < arguments; frozen, and read by nobody but the command line.

Every option ``--some-option`` is also the environment variable ``HISTSVC_SOME_OPTION`` and the key
``some-option`` of the configuration file given with ``-c``.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import configargparse

from histsvc.errors import SettingsError

_HOST_PORT = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})")
_LEVELS = {"1": "DEBUG", "2": "INFO", "3": "WARNING", "4": "ERROR", "5": "CRITICAL"}


@dataclass(frozen=True)
class Security:
    """How to talk to a broker: protocol, credentials and certificates; the password is in no repr."""

    protocol: str | None = None
    sasl_mechanism: str | None = None
    sasl_username: str | None = None
    sasl_password: str | None = field(default=None, repr=False)
    ssl_cafile: str | None = None
    ssl_certfile: str | None = None
    ssl_keyfile: str | None = None


@dataclass(frozen=True)
class KafkaSettings:
    """Which brokers (in canonical order: equal lists are one cluster), and how to talk to them."""

    brokers: tuple[str, ...]
    security: Security = Security()


@dataclass(frozen=True)
class WorkerSettings:
    """What every worker process is told once, when it is spawned; it connects to `brokers` ahead of work."""

    brokers: tuple[str, ...] = ()
    security: Security = Security()
    source_name: str = "histsvc"
    publish_interval_ms: int = 500
    stop_leeway_ms: int = 1000
    compression: str = "lz4"
    output_dtype: str = "float64"
    simulation: bool = False
    log_level: str = "INFO"


@dataclass(frozen=True)
class Limits:
    """What one command may ask for."""

    max_bins: int = 33_554_432
    max_histograms: int = 1000
    max_workers: int = 16


@dataclass(frozen=True)
class GraphiteSettings:
    """Where metrics go, and how they are called: ``{prefix}.{metric}{i}-0-sum``."""

    address: str
    port: int
    prefix: str
    metric: str


@dataclass(frozen=True)
class ServiceSettings:
    """Everything ``histsvc serve`` is told.

    `allowed_brokers` may be named in `data_brokers` beside the service's own; None allows all.
    """

    kafka: KafkaSettings
    config_topic: str
    heartbeat_topic: str | None = None
    response_topic: str | None = None
    heartbeat_interval_ms: int = 1000
    heartbeat_schema: str = "json"
    command_timeout_ms: int = 4000
    wait_for_topics: bool = False
    allowed_brokers: tuple[str, ...] | None = ()
    graphite: GraphiteSettings | None = None
    service_id: str = ""
    workers: int = 1
    worker: WorkerSettings = WorkerSettings()
    limits: Limits = Limits()


class _Parser(configargparse.ArgumentParser):  # type: ignore[misc]
    """Says in one line what is wrong, without repeating how it is used."""

    def error(self, message: str) -> NoReturn:
        """End with exit code 2."""
        self.exit(2, f"{self.prog}: {message} (--help tells more)\n")
        raise AssertionError  # exit does not return


def parser(prog: str, description: str) -> configargparse.ArgumentParser:
    """Make an argument parser with the options that every sub-command that talks to Kafka has."""
    made = _Parser(
        prog=prog,
        description=description,
        auto_env_var_prefix="HISTSVC_",
        allow_abbrev=False,
        ignore_unknown_config_file_keys=True,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        exit_on_error=True,
    )
    made.add_argument("-c", "--config-file", is_config_file=True, help="file with `option = value` lines")
    made.add_argument("-b", "--brokers", nargs="+", required=True, metavar="HOST:PORT", help="Kafka brokers")
    made.add_argument("-l", "--log-level", default="2", help="1 (debug) to 5 (critical), or a name")
    group = made.add_argument_group("security", "passed through to every Kafka client")
    group.add_argument("--security-protocol", help="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL")
    group.add_argument("--sasl-mechanism", help="PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512")
    group.add_argument("--sasl-username")
    group.add_argument("--sasl-password", help="seen by everybody in `ps`: prefer --sasl-password-file")
    group.add_argument("--sasl-password-file", help="file whose first line is the password")
    group.add_argument("--ssl-cafile", help="PEM file of the certificate authority")
    group.add_argument("--ssl-certfile", help="PEM file of the client's certificate")
    group.add_argument("--ssl-keyfile", help="PEM file of the client's key")
    return made


def kafka_settings(options: argparse.Namespace) -> KafkaSettings:
    """Read the shared Kafka options out of parsed arguments; raises SettingsError."""
    brokers = tuple(sorted({b for given in options.brokers for b in given.replace(",", " ").split()}))
    if not brokers:
        raise SettingsError("--brokers names no broker; give host:port")
    for broker in brokers:
        if not is_host_port(broker):
            raise SettingsError(f"--brokers: {broker!r} is not host:port")
    security = Security(
        protocol=options.security_protocol,
        sasl_mechanism=options.sasl_mechanism,
        sasl_username=options.sasl_username,
        sasl_password=_password(options),
        ssl_cafile=options.ssl_cafile,
        ssl_certfile=options.ssl_certfile,
        ssl_keyfile=options.ssl_keyfile,
    )
    return KafkaSettings(brokers, security)


def is_host_port(text: str) -> bool:
    """Whether this names one broker: a host's name, its IPv4 or [IPv6] address, a colon and a port."""
    found = _HOST_PORT.fullmatch(text)
    return found is not None and 0 < int(found[1]) < 65_536


def _password(options: argparse.Namespace) -> str | None:
    if options.sasl_password and options.sasl_password_file:
        raise SettingsError("--sasl-password and --sasl-password-file exclude each other; give one")
    if not options.sasl_password_file:
        given: str | None = options.sasl_password
        return given
    try:
        return Path(options.sasl_password_file).read_text(encoding="utf-8").split("\n", 1)[0].strip()
    except OSError as error:
        raise SettingsError(f"--sasl-password-file {options.sasl_password_file}: {error.strerror}") from error


def log_level(given: str) -> str:
    """Turn ``1``..``5`` or a level's name into the name that logging knows; raises SettingsError."""
    name = _LEVELS.get(given, given.upper())
    if name not in _LEVELS.values():
        raise SettingsError(f"--log-level: {given!r} is none of 1 to 5 or {', '.join(_LEVELS.values())}")
    return name


def at_least(minimum: int) -> Callable[[str], int]:
    """Make an argument type: a whole number that is no smaller than `minimum`."""

    def whole_number(text: str) -> int:
        value = int(text)
        if value < minimum:
            raise argparse.ArgumentTypeError(f"{value} is less than {minimum}")
        return value

    return whole_number


def service_settings(options: argparse.Namespace) -> ServiceSettings:
    """Turn the parsed arguments of ``histsvc serve`` into Settings; raises SettingsError."""
    topics = {
        "-t/--config-topic": options.config_topic,
        "-hb/--hb-topic": options.hb_topic,
        "-rt/--response-topic": options.response_topic,
    }
    if not options.config_topic:
        raise SettingsError("-t/--config-topic is empty; name the topic of the commands")
    _all_different({option: topic for option, topic in topics.items() if topic})
    kafka = kafka_settings(options)
    worker = WorkerSettings(
        brokers=kafka.brokers,
        security=kafka.security,
        source_name=options.source_name,
        publish_interval_ms=options.publish_interval,
        stop_leeway_ms=options.stop_leeway,
        compression=options.compression,
        log_level=log_level(options.log_level),
    )
    return ServiceSettings(
        kafka=kafka,
        config_topic=options.config_topic,
        heartbeat_topic=options.hb_topic or None,
        response_topic=options.response_topic or None,
        heartbeat_interval_ms=options.heartbeat_interval,
        command_timeout_ms=options.command_timeout,
        service_id=options.service_id,
        workers=options.workers or os.cpu_count() or 1,
        worker=worker,
        limits=Limits(options.max_bins, options.max_histograms),
    )


def _all_different(topics: dict[str, str]) -> None:
    seen: dict[str, str] = {}
    for option, topic in topics.items():
        if topic in seen:
            raise SettingsError(
                f"{seen[topic]} and {option} both name {topic!r}; they must be different topics"
            )
        seen[topic] = option
