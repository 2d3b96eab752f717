"""Settings: frozen, and made out of parsed options; wrong ones are refused in one line that names them."""

from __future__ import annotations

import argparse
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from histsvc.errors import SettingsError, shown
from histsvc.names import check_topics, host_ports

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
    """What every worker process is told once, when it begins; it connects to `brokers` ahead of work."""

    brokers: tuple[str, ...] = ()
    security: Security = Security()
    source_name: str = "histsvc"
    publish_interval_ms: int = 500
    stop_leeway_ms: int = 1000
    compression: str = "lz4"
    output_dtype: str = "float64"
    simulation: bool = False
    on_data_loss: str = "error"
    timeout_ms: int = 10_000
    log_level: str = "INFO"
    log_format: str = "text"


@dataclass(frozen=True)
class Limits:
    """What one command may ask for; `max_memory_mb` is for all histograms that run, 0 for what there is."""

    max_bins: int = 33_554_432
    max_histograms: int = 1000
    max_workers: int = 16
    max_topics: int = 1000
    max_memory_mb: int = 0
    max_command_bytes: int = 10_000_000


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

    `allowed_brokers` may be named in `data_brokers` beside its own, None: all; `metrics`: address and port.
    """

    kafka: KafkaSettings
    config_topic: str
    heartbeat_topic: str | None = None
    response_topic: str | None = None
    state_topic: str | None = None
    resume: bool = False
    heartbeat_interval_ms: int = 1000
    heartbeat_schema: str = "json"
    command_timeout_ms: int = 4000
    wait_for_topics: bool = False
    allowed_brokers: tuple[str, ...] | None = ()
    graphite: GraphiteSettings | None = None
    metrics: tuple[str, int] | None = None
    service_id: str = ""
    workers: int = 1
    worker: WorkerSettings = WorkerSettings()
    limits: Limits = Limits()


def kafka_settings(options: argparse.Namespace) -> KafkaSettings:
    """Read the shared Kafka options out of parsed arguments; raises SettingsError."""
    brokers = host_ports("--brokers", options.brokers)
    security = Security(
        protocol=options.security_protocol or None,
        sasl_mechanism=options.sasl_mechanism or None,
        sasl_username=options.sasl_username or None,
        sasl_password=_password(options),
        ssl_cafile=options.ssl_cafile or None,
        ssl_certfile=options.ssl_certfile or None,
        ssl_keyfile=options.ssl_keyfile or None,
    )
    if bool(security.ssl_certfile) != bool(security.ssl_keyfile):
        # librdkafka takes a certificate without its key, and no broker lets it in.
        raise SettingsError("--ssl-certfile and --ssl-keyfile belong together; give both or neither")
    return KafkaSettings(brokers, security)


def _password(options: argparse.Namespace) -> str | None:
    path = options.sasl_password_file
    if not path:
        return options.sasl_password or None
    try:
        password = Path(path).read_text(encoding="utf-8").split("\n", 1)[0].strip()
    except OSError as error:
        raise SettingsError(f"--sasl-password-file {path}: {error.strerror}") from error
    except UnicodeDecodeError:
        # The error shows what it could not decode, which is the password.
        raise SettingsError(f"--sasl-password-file {path}: not UTF-8 text") from None
    if not password:
        raise SettingsError(f"--sasl-password-file {path}: its first line is empty")
    return password


def log_level(given: str) -> str:
    """Turn ``1``..``5`` or a level's name into the name that logging knows; raises SettingsError."""
    name = _LEVELS.get(given, given.upper())
    if name not in _LEVELS.values():
        raise SettingsError(f"--log-level: {given!r} is none of 1 to 5 or {', '.join(_LEVELS.values())}")
    return name


def service_settings(options: argparse.Namespace) -> ServiceSettings:
    """Turn the parsed arguments of ``histsvc serve`` into Settings; raises SettingsError."""
    if not options.config_topic:
        raise SettingsError("-t/--config-topic is empty; name the topic of the commands")
    _check_topics(options)
    if options.resume and not options.state_topic:
        raise SettingsError("--resume needs --state-topic, which has what ran before")
    kafka = kafka_settings(options)
    workers = options.workers or os.cpu_count() or 1
    limits = Limits(**{each.name: getattr(options, each.name) for each in fields(Limits)})
    return ServiceSettings(
        kafka=kafka,
        config_topic=options.config_topic,
        heartbeat_topic=options.hb_topic or None,
        response_topic=options.response_topic or None,
        state_topic=options.state_topic or None,
        resume=options.resume,
        heartbeat_interval_ms=options.heartbeat_interval,
        heartbeat_schema=options.heartbeat_schema,
        command_timeout_ms=options.command_timeout,
        wait_for_topics=options.missing_topics == "wait",
        allowed_brokers=_allowed_brokers(options.allow_data_brokers),
        metrics=None if options.metrics_port is None else (options.metrics_address, options.metrics_port),
        graphite=_graphite(options.graphite_config_file) if options.graphite_config_file else None,
        service_id=_utf8("--service-id", options.service_id),
        workers=workers,
        worker=_worker_settings(kafka, options),
        limits=replace(limits, max_workers=max(limits.max_workers, workers)),
    )


def _worker_settings(kafka: KafkaSettings, options: argparse.Namespace) -> WorkerSettings:
    return WorkerSettings(
        brokers=kafka.brokers,
        security=kafka.security,
        source_name=_utf8("--source-name", options.source_name),
        publish_interval_ms=options.publish_interval,
        stop_leeway_ms=options.stop_leeway,
        compression=options.compression,
        output_dtype=options.output_dtype,
        simulation=options.simulation_mode,
        on_data_loss=options.on_data_loss,
        timeout_ms=options.worker_timeout,
        log_level=log_level(options.log_level),
        log_format=options.log_format,
    )


def _check_topics(options: argparse.Namespace) -> None:
    """The service's own topics are topics, and different ones."""
    given = {
        "-t/--config-topic": options.config_topic,
        "-hb/--hb-topic": options.hb_topic,
        "-rt/--response-topic": options.response_topic,
        "--state-topic": options.state_topic,
    }
    seen: dict[str, str] = {}
    for option, topic in given.items():
        if not topic:
            continue
        check_topics(option, topic)
        if topic in seen:
            raise SettingsError(
                f"{seen[topic]} and {option} both name {topic!r}; they must be different topics"
            )
        seen[topic] = option


def _allowed_brokers(given: Sequence[str] | None) -> tuple[str, ...] | None:
    """Brokers that are allowed in addition, None for all."""
    if given is None:
        return ()
    return None if list(given) == ["any"] else host_ports("--allow-data-brokers", given)


def _graphite(path: str) -> GraphiteSettings:
    where = f"--graphite-config-file {path}"
    try:
        read = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{where}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{where}: not JSON: {error}") from error
    if not isinstance(read, dict):
        raise SettingsError(f"{where}: not a JSON object")
    for key in ("address", "port", "prefix", "metric"):
        if key not in read:
            raise SettingsError(f"{where}: {key!r} is missing")
        if key != "port" and not (isinstance(read[key], str) and re.fullmatch(r"\S+", read[key])):
            raise SettingsError(f"{where}: {key!r} is {shown(read[key])}; a string without blanks is needed")
    port = read["port"]
    if type(port) is not int or not 0 < port < 65_536:
        raise SettingsError(f"{where}: 'port' is {shown(port)}; a whole number from 1 to 65535 is needed")
    return GraphiteSettings(read["address"], port, read["prefix"], read["metric"])


def _utf8(option: str, text: str) -> str:
    """Text that goes into messages; raises SettingsError for bytes that are no UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise SettingsError(f"{option}: {text!r} is no UTF-8") from None
    return text
