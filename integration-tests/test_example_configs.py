"""The examples count what they say, and docs/protocol.md knows every option, key and code of the code."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from events import EventSender, Sent, accounted, image, regions
from kafka_broker import Broker, MakeTopic
from service_process import TIMEOUT_S, Service

from histsvc.cli.options import service_parser
from histsvc.client import Client, Histogram
from histsvc.commands.dispatch import HANDLERS
from histsvc.errors import Code
from histsvc.histograms.registry import histogram_types
from histsvc.protocol.heartbeat import Heartbeat, ServiceIdentity, ServiceState, WorkerStatus
from histsvc.protocol.info import HistogramInfo, State
from histsvc.settings import KafkaSettings, ServiceSettings, service_settings

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "example_configs"
COMMAND_FILES = sorted(path.name for path in FOLDER.glob("*.json"))
PROTOCOL = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
LAST_PIXEL = 10_000


def example(name: str, service: Service, data: str) -> dict[str, Any]:
    """The command of an example, with the brokers and topics of this test in the place of its own."""
    command: dict[str, Any] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    for histogram in command["histograms"]:
        assert histogram["data_brokers"] == ["localhost:9092"]
        assert histogram["data_topics"] == ["histsvc_events"]
        assert histogram["topic"] == "histsvc_histograms"
        histogram.update(data_brokers=[service.bootstrap], data_topics=[data], topic=service.output)
    return command


def expected(config: dict[str, Any], sent: Sent) -> npt.NDArray[Any]:
    """What numpy counts."""
    tof, pixel = sent.tof, sent.pixel
    match config["type"]:
        case "hist1d":
            return np.histogram(tof, config["num_bins"], config["tof_range"])[0]
        case "hist2d":
            ranges = (config["tof_range"], config["det_range"])
            both: npt.NDArray[Any] = np.histogram2d(tof, pixel, config["num_bins"], ranges)[0]
            return both
        case "dethist":
            return image(pixel, config["det_range"][0], config["width"], config["height"])
    return regions(pixel, config["left_edges"], config["width"])


def check(command: dict[str, Any], published: dict[str, Histogram], sent: Sent) -> None:
    for config in command["histograms"]:
        received = published[config["id"]]
        np.testing.assert_array_equal(received.counts, expected(config, sent))
        assert received.info.sum > 0
        assert received.schema == command.get("output_schema", "hs00")


def test_there_is_an_example_for_every_type_and_one_with_all() -> None:
    used = {
        name: [h["type"] for h in json.loads((FOLDER / name).read_text())["histograms"]]
        for name in COMMAND_FILES
    }
    for kind in histogram_types():
        assert used[f"{kind}.json"] == [kind]
    assert set(used["all_types.json"]) == set(histogram_types())


@pytest.mark.parametrize("name", [name for name in COMMAND_FILES if name != "historic.json"])
def test_live_example(service: Service, topic: MakeTopic, sender: EventSender, name: str) -> None:
    data, sent = topic("data"), Sent()
    command = example(name, service, data)
    with service.following() as published:
        reply = service.client.send(command)
        assert reply == {"msg_id": command["msg_id"], "response": "ACK"}
        sender.pulses(data, sent, range(1, 21), events=1000, pixels=(1, LAST_PIXEL), schema="ev42")
        service.client.send({"cmd": "stop"})
        finished = published.finished(*(config["id"] for config in command["histograms"]))
    check(command, finished, sent)


def test_historic_example(service: Service, topic: MakeTopic, sender: EventSender) -> None:
    data, sent, outside = topic("data", config={"retention.ms": "-1"}), Sent(), Sent()
    command = example("historic.json", service, data)
    start, stop = command["start"], command["stop"]
    pixels = (9, 9 + 512 * 240 - 1)
    sender.pulses(data, outside, [start - 1], pixels=pixels)
    sender.pulses(data, sent, [start, *range(start + 10, stop, 3_000), stop], events=1000, pixels=pixels)
    sender.pulses(data, outside, [stop + 1], pixels=pixels)
    with service.following() as published:
        assert service.client.send(command) == {"msg_id": command["msg_id"], "response": "ACK"}
        finished = published.finished(*(config["id"] for config in command["histograms"]))
    check(command, finished, sent)
    for received in finished.values():
        assert received.info.sum == sent.events
        assert (
            accounted(received.info) == sent.events + 100
        )  # the one behind stop was read; that before start not


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


def test_service_starts_with_the_configuration_file(broker: Broker, topic: MakeTopic, tmp_path: Path) -> None:
    text = (FOLDER / "service.conf").read_text(encoding="utf-8")
    topics = {name: topic(name) for name in ("histsvc_commands", "histsvc_responses", "histsvc_heartbeat")}
    for old, new in {"localhost:9092": broker.bootstrap, **topics}.items():
        assert f"= {old}\n" in text
        text = text.replace(f"= {old}\n", f"= {new}\n")
    conf = tmp_path / "service.conf"
    conf.write_text(text)
    kafka = KafkaSettings((broker.bootstrap,))
    commands, responses, heartbeat = topics.values()
    with started("-c", str(conf)) as process, Client(kafka, commands, responses) as client:
        assert client.send({"cmd": "ping"})["service"]["id"] == "example"
        beats = client.follow([heartbeat])
        while not (received := beats.poll(0.1)):
            assert process.poll() is None
        assert json.loads(received[0][1])["message_interval"] == 500
    assert process.returncode == 0


def _settings(*arguments: str) -> ServiceSettings:
    return service_settings(_serve_parser().parse_args(arguments))


def _serve_parser() -> Any:
    return service_parser("histsvc serve")


def _options() -> dict[str, Any]:
    """Long name and default of every option of serve but those that only the command line has."""
    return {
        action.option_strings[-1].removeprefix("--"): action.default
        for action in _serve_parser()._actions
        if not {"--help", "--config-file"} & set(action.option_strings)
    }


def test_configuration_file_shows_every_option_and_its_default() -> None:
    text = (FOLDER / "service.conf").read_text(encoding="utf-8")
    given = dict(re.findall(r"^([a-z-]+) = (.+)$", text, re.MULTILINE))
    shown = dict(re.findall(r"^# ([a-z-]+) = (.+)$", text, re.MULTILINE))
    options = _options()
    assert given.keys() | shown.keys() == options.keys()
    assert not given.keys() & shown.keys()
    for name, value in shown.items():
        assert options[name] is None or str(options[name]) == value, name
    settings = _settings("-c", str(FOLDER / "service.conf"))
    assert settings.kafka.brokers == ("localhost:9092",)
    assert (settings.config_topic, settings.response_topic, settings.heartbeat_topic) == (
        "histsvc_commands",
        "histsvc_responses",
        "histsvc_heartbeat",
    )
    assert (settings.service_id, settings.heartbeat_interval_ms, settings.workers) == ("example", 500, 1)


def _implemented() -> str:
    before, found, after = PROTOCOL.partition("## 7. Announced, not implemented\n")
    assert found
    return before + after.partition("\n## ")[2]


def test_protocol_names_every_option_of_serve() -> None:
    for action in _serve_parser()._actions:
        if "--help" in action.option_strings:
            continue
        for option in action.option_strings:
            assert f"`{option}`" in _implemented(), option
        if isinstance(action.default, int) or action.default in ("lz4", "histsvc"):
            long = action.option_strings[-1]
            rows = re.findall(rf"^\| [^|]*`{long}` \|.*\| (.*) \|$", _implemented(), re.MULTILINE)
            assert [row.replace(",", "") for row in rows] == [str(action.default)], long


def test_protocol_names_every_key_and_value() -> None:
    keys = {key for config in histogram_types().values() for key in config.model_fields}
    keys |= {"cmd", "msg_id", "target", "start", "stop", "interval", "histograms"}
    keys |= set(HistogramInfo.model_fields) | set(histogram_types()) | set(HANDLERS)
    keys |= set(Code) | set(State) | set(ServiceState)
    for made in (ServiceIdentity, WorkerStatus):
        keys |= set(made.__dataclass_fields__)
    beat = Heartbeat(1, 2, ServiceIdentity("histsvc", "", "1", "1", 3), (), ())
    content = json.loads(beat.to_json())
    keys |= set(content) | set(content["counters"])
    text = _implemented()
    assert [key for key in sorted(keys) if not re.search(rf"[`\"]{re.escape(key)}[`\"]", text)] == []


def test_what_is_announced_is_in_one_place_and_really_not_there() -> None:
    announced = PROTOCOL.partition("## 7. Announced, not implemented\n")[2].partition("\n## ")[0]
    commands = set(re.findall(r"^\| command `(\w+)`", announced, re.MULTILINE))
    options = set(re.findall(r"^\| option `--([\w-]+)`", announced, re.MULTILINE))
    assert commands
    assert options
    assert not commands & set(HANDLERS)
    assert not options & set(_options())
    for word in {f"`{name}`" for name in commands} | {f"--{name}" for name in options}:
        assert word not in _implemented(), word
