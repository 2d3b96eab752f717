"""The configuration files of the service, and that for Graphite, do what they say."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from events import BASE_MS, EventSender, Sent
from examples import FOLDER, placed
from kafka_broker import Broker, MakeTopic
from service_process import TIMEOUT_S, Service

from histsvc.cli.options import service_parser
from histsvc.client import Client, TopicReader
from histsvc.ports import OffsetAt
from histsvc.settings import KafkaSettings, ServiceSettings, service_settings
from histsvc.wire import x5f2

OWN_TOPICS = ("histsvc_commands", "histsvc_responses", "histsvc_heartbeat")


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A service that is ready, and is ended by SIGTERM."""
    with subprocess.Popen(
        [sys.executable, "-m", "histsvc", "serve", *arguments], stderr=subprocess.PIPE, text=True
    ) as process:
        killer = threading.Timer(100, process.kill)
        killer.start()
        try:
            lines = []
            for line in process.stderr or ():
                lines.append(line)
                if " ready: " in line:
                    break
            assert process.poll() is None, "".join(lines)
            yield process
            process.terminate()
            process.communicate(timeout=TIMEOUT_S)
        finally:
            killer.cancel()
            process.kill()


def first_heartbeat(
    name: str, broker: Broker, topic: MakeTopic, folder: Path
) -> tuple[dict[str, Any], bytes]:
    """Start a service with the file, on topics of this test: its answer to ping, and a heartbeat."""
    text = (FOLDER / name).read_text(encoding="utf-8")
    topics = {name: topic(name) for name in OWN_TOPICS}
    for old, new in {"localhost:9092": broker.bootstrap, **topics}.items():
        assert f"= {old}\n" in text
        text = text.replace(f"= {old}\n", f"= {new}\n")
    conf = folder / name
    conf.write_text(text)
    commands, responses, heartbeat = topics.values()
    kafka = KafkaSettings((broker.bootstrap,))
    with started("-c", str(conf)) as process, Client(kafka, commands, responses) as client:
        service: dict[str, Any] = client.send({"cmd": "ping"})["service"]
        beats = TopicReader(kafka, [heartbeat], OffsetAt.LATEST)
        while not (received := beats.poll(0.1)):
            assert process.poll() is None
        beats.close()
    assert process.returncode == 0
    return service, received[0][1]


def test_service_starts_with_the_configuration_file(broker: Broker, topic: MakeTopic, tmp_path: Path) -> None:
    service, beat = first_heartbeat("service.conf", broker, topic, tmp_path)
    assert service["id"] == "example"
    assert json.loads(beat)["message_interval"] == 500


def test_service_for_nicos_sends_the_heartbeats_that_nicos_reads(
    broker: Broker, topic: MakeTopic, tmp_path: Path
) -> None:
    _, beat = first_heartbeat("service-nicos.conf", broker, topic, tmp_path)
    status = x5f2.deserialise(beat)
    assert status.update_interval_ms == 1000
    assert json.loads(status.status_json)["message_interval"] == 1000


def test_graphite_gets_the_names_of_the_example(
    own_service: Callable[..., Service], topic: MakeTopic, sender: EventSender, tmp_path: Path
) -> None:
    settings = json.loads((FOLDER / "graphite.json").read_text(encoding="utf-8"))
    assert settings["port"] == 2003  # that of Carbon, which takes lines
    with socket.create_server(("localhost", 0)) as listener:
        listener.settimeout(TIMEOUT_S)
        file = tmp_path / "graphite.json"
        file.write_text(json.dumps(settings | {"port": listener.getsockname()[1]}))
        service = own_service("-g", str(file))
        data = topic("data")
        topics = {"histsvc_events": data, "histsvc_histograms": service.output}
        service.client.send(placed("hist1d.json", service.bootstrap, topics))
        sender.pulses(data, Sent(), [BASE_MS], events=70)
        second = BASE_MS // 1000
        prefix = f"{settings['prefix']}.{settings['metric']}0-0"
        report: list[str] = []
        # The sum is that of now, what was added that of the last publication: soon they are of one moment.
        while report[1:] != [f"{prefix}-diff 70 {second}"]:
            connection, _ = listener.accept()
            with connection, connection.makefile() as lines:
                report = lines.read().splitlines()
            assert report[0] == f"{prefix}-sum 70 {second}"


def _settings(file: str) -> ServiceSettings:
    return service_settings(service_parser("histsvc serve").parse_args(["-c", str(FOLDER / file)]))


def _options() -> dict[str, Any]:
    """Long name and default of every option of serve but those that only the command line has."""
    return {
        action.option_strings[-1].removeprefix("--"): action.default
        for action in service_parser("histsvc serve")._actions
        if not {"--help", "--config-file"} & set(action.option_strings)
    }


def _given_and_shown(file: str) -> tuple[dict[str, str], dict[str, str]]:
    """The options that a file sets, and those that it shows in comments."""
    text = (FOLDER / file).read_text(encoding="utf-8")
    given = dict(re.findall(r"^([a-z0-9-]+) = (.+)$", text, re.MULTILINE))
    return given, dict(re.findall(r"^# ([a-z0-9-]+) = (.+)$", text, re.MULTILINE))


def test_configuration_file_shows_every_option_and_its_default() -> None:
    given, shown = _given_and_shown("service.conf")
    options = _options()
    assert given.keys() | shown.keys() == options.keys()
    assert not given.keys() & shown.keys()
    for name, value in shown.items():
        assert options[name] is None or str(options[name]).lower() == value.lower(), name
    settings = _settings("service.conf")
    assert settings.kafka.brokers == ("localhost:9092",)
    assert (settings.config_topic, settings.response_topic, settings.heartbeat_topic) == OWN_TOPICS
    assert (settings.service_id, settings.heartbeat_interval_ms, settings.workers) == ("example", 500, 1)


def test_file_for_nicos_keeps_the_defaults_that_nicos_needs() -> None:
    given, shown = _given_and_shown("service-nicos.conf")
    assert given.keys() | shown.keys() <= _options().keys()
    settings = _settings("service-nicos.conf")
    assert settings.heartbeat_schema == "x5f2"
    assert settings.heartbeat_topic is not None
    assert settings.response_topic is not None
    assert settings.worker.output_dtype == "float64"
    # NICOS waits 5 s for a reply, and counts the interval of heartbeats in whole seconds.
    assert settings.command_timeout_ms < 5000
    assert settings.heartbeat_interval_ms % 1000 == 0


@pytest.mark.parametrize("file", ["service.conf", "service-nicos.conf"])
def test_what_a_file_shows_in_comments_is_taken_as_it_stands(file: str, tmp_path: Path) -> None:
    """All but the password, which is shown in two ways, and what is a file elsewhere."""
    text = re.sub(r"^# ([a-z0-9-]+ = )", r"\1", (FOLDER / file).read_text("utf-8"), flags=re.MULTILINE)
    text = re.sub(r"^sasl-password-file = .*$", "", text, flags=re.MULTILINE)
    conf = tmp_path / file
    conf.write_text(text.replace("= example_configs/", f"= {FOLDER}/"))
    settings = service_settings(service_parser("histsvc serve").parse_args(["-c", str(conf)]))
    assert settings.allowed_brokers
    assert settings.worker.simulation is False
