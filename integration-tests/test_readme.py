"""README.md does what it says: its commands run as they stand, and its tables are those of the code."""

from __future__ import annotations

import asyncio
import importlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib.image
import matplotlib.pyplot
import pytest
from confluent_kafka import Consumer, KafkaError, TopicPartition
from documents import ROOT, blocks, clone, done, normal, section, shown
from kafka_broker import Broker, MakeTopic
from service_process import Service

from histsvc.cli import COMMANDS
from histsvc.cli.one_line import OneLineParser
from histsvc.cli.options import parser, service_parser
from histsvc.wire import EVENT_DESERIALISERS

README = (ROOT / "README.md").read_text(encoding="utf-8")
SERVE = "serve"


def events_in(broker: Broker, topic: str) -> int:
    """Number of events in all messages of a topic of one partition, by the field's usual decoder."""
    consumer = Consumer(
        {"bootstrap.servers": broker.bootstrap, "group.id": "test", "enable.partition.eof": True}
    )
    consumer.assign([TopicPartition(topic, 0, 0)])
    events = 0
    while (message := consumer.poll(30)) is not None and message.error() is None:
        payload = message.value()
        events += EVENT_DESERIALISERS[payload[4:8].decode()](payload).tof_ns.size
    assert message is not None
    assert message.error().code() == KafkaError._PARTITION_EOF
    consumer.close()
    return events


@pytest.mark.timeout(300)
def test_five_minutes_on_your_own_broker(broker: Broker, readers: Path) -> None:
    """All of the section, in a copy of the clone, in a new virtual environment."""
    text = section(README, "Five minutes on your own broker")
    folder = clone(readers, "readme")

    printed = done(text, folder, broker.bootstrap)

    assert len(shown(text)) > 20
    generated: dict[str, Any] = next(
        json.loads(line) for line in printed.splitlines() if line.startswith('{"messages"')
    )
    assert "tof: 100000 counts, COUNTING" in printed
    assert generated["events"] == events_in(broker, "histsvc_events") == 100_000
    region = re.search(r"^region +COUNTING +([\d,]+)", printed, re.MULTILINE)
    assert region is not None
    assert region[1] in text, "counts are the same with the same seed"
    assert matplotlib.image.imread(folder / "histograms.png").std() > 0.05
    log = (folder / "histsvc.log").read_text()
    assert log.rstrip().endswith("stopped")
    assert "ERROR" not in log
    assert "Traceback" not in log


def test_asyncio_example(shared_service: Service, capsys: pytest.CaptureFixture[str]) -> None:
    (_, code), (_, expected) = blocks(section(README, "From Python"))
    for name, topic in (("commands", shared_service.commands), ("responses", shared_service.responses)):
        assert f'"histsvc_{name}"' in code
        code = code.replace(f'"histsvc_{name}"', repr(topic))
    code = code.replace('os.environ["BROKER"]', repr(shared_service.bootstrap))
    before, run_it = code.rsplit("\n\n", 1)
    assert run_it == "asyncio.run(main())\n"
    names: dict[str, Any] = {}
    exec(before, names)
    asyncio.run(names["main"]())
    assert capsys.readouterr().out == expected


def test_notebook_example(
    service: Service,
    topic: MakeTopic,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With the events of the five minutes."""
    (_, code), (_, expected) = blocks(section(README, "In a notebook"))
    data, sent = topic("events"), ["--det-hist", "--num-messages", "100", "--num-events", "1000"]
    config = service.histogram("hist1d", data, id="tof", tof_range=[0, 100_000_000], num_bins=500)
    with service.following() as output:
        service.config([config])
        command = ["generate", "-b", service.bootstrap, "-t", data, *sent, "--rate", "0", "--seed", "1"]
        subprocess.run([sys.executable, "-m", "histsvc", *command], check=True, timeout=60)
        output.until(lambda published: published.info.id == "tof" and published.info.sum == 100_000)
    matplotlib.pyplot.switch_backend("agg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BROKER", service.bootstrap)
    assert '"histsvc_heartbeat"' in code
    exec(code.replace('"histsvc_heartbeat"', repr(service.heartbeat)), {})
    matplotlib.pyplot.close("all")
    assert capsys.readouterr().out == expected
    assert matplotlib.image.imread(tmp_path / "tof.png").std() > 0.05


def test_demo_ends_as_shown() -> None:
    expected = blocks(section(README, "Two commands"))[0][1].splitlines()
    done = subprocess.run(
        [sys.executable, "-m", "histsvc", "demo", "--duration", "2"],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = done.stdout.splitlines()[-len(expected) :]
    assert list(map(normal, found)) == list(map(normal, expected))


def test_end_of_bin_test_is_as_shown() -> None:
    last = blocks(section(README, "Two commands"))[-1][1].strip()
    assert last.startswith("==> ")
    assert f'say "{last.removeprefix("==> ")}"' in (ROOT / "bin" / "test").read_text(encoding="utf-8")


def test_all_subcommands_are_named_and_no_other() -> None:
    assert set(re.findall(r"`histsvc (\w+)` \|", section(README, "Tools"))) == set(COMMANDS)


def options(command: str) -> OneLineParser:
    """The argument parser of a sub-command."""
    if command == SERVE:
        return service_parser("histsvc serve")
    made: OneLineParser = importlib.import_module(f"histsvc.cli.{command}").options_parser()
    return made


def own_actions(command: str) -> dict[tuple[str, ...], Any]:
    """Options by their names: all of the service, and of the others what they do not share with it."""
    shared = () if command in (SERVE, "demo") else parser("histsvc", "")._actions
    known = {name for action in shared for name in action.option_strings} - {"-l"}
    found = {}
    for action in options(command)._actions:
        names = tuple(action.option_strings) or (action.dest,)
        if not known & set(names) and "--help" not in names:
            found[names] = action
    return found


@pytest.mark.parametrize("command", COMMANDS)
def test_options_are_those_of_the_parser(command: str) -> None:
    actions = own_actions(command)
    text = section(README, f"Options of `histsvc {command}`")
    rows = re.findall(r"^\| (`.*?) \| (.*?) ?\| (.*?) \|$", text, re.MULTILINE)
    found = {tuple(re.findall(r"`(.*?)`", names)): default.strip("`") for names, default, _ in rows}
    assert found == {names: _default(action.default) for names, action in actions.items()}
    required = {tuple(re.findall(r"`(.*?)`", names)) for names, _, meaning in rows if "required" in meaning}
    assert required == {
        names for names, action in actions.items() if action.required and action.option_strings
    }


def _default(value: Any) -> str:
    return " ".join(value) if isinstance(value, list) else "" if value is None else str(value)


def test_options_in_the_text_exist() -> None:
    """Outside of the list of what is not there yet."""
    known = {name for command in COMMANDS for a in options(command)._actions for name in a.option_strings}
    known |= {"--create", "--constraint", "--quiet"}
    missing = section(README, "Limits, and what is not there yet")
    text = README.replace(missing, "")
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z_-]+", text)) <= known
    assert not set(re.findall(r"(?<![\w-])--[a-z][a-z_-]+", missing)) & known


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs"])
def test_links_lead_somewhere(document: str) -> None:
    place = ROOT / document
    files = sorted(place.rglob("*.md")) if place.is_dir() else [place]
    assert files
    for file in files:
        for target in re.findall(r"\]\(([^)#]+)", file.read_text(encoding="utf-8")):
            assert "://" in target or (file.parent / target).exists(), f"{file}: {target}"


@pytest.mark.parametrize("document", ["README.md", "docs/tutorial.md"])
def test_pictures_are_small_pngs(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    found = re.findall(r"!\[.+\]\((.+)\)", text)
    assert found
    for name in found:
        picture = (ROOT / document).parent / name
        assert picture.read_bytes().startswith(b"\x89PNG")
        assert picture.stat().st_size < 200_000
