"""README.md does what it says: its commands run as they stand, and its tables are those of the code."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, TopicPartition
from kafka_broker import Broker

from histsvc.cli import COMMANDS, generate
from histsvc.cli.options import parser, service_parser
from histsvc.wire import EVENT_DESERIALISERS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
# Not part of a clone, or not needed to install and use the service.
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "tests", "integration-tests")


def section(title: str) -> str:
    """The text below a heading, up to the next of the same kind."""
    _, found, rest = README.partition(f"## {title}\n")
    assert found, f"README.md has no section {title!r}"
    return rest.partition("\n## ")[0]


def blocks(text: str) -> list[tuple[str, str]]:
    """Language and content of every fenced block, in order."""
    return re.findall(r"^```(\S*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def script(text: str) -> str:
    """What a reader types into one terminal: bash as it stands, Python into `python`."""
    parts = ["set -euo pipefail"]
    for language, content in blocks(text):
        assert language in ("bash", "python", "text"), language
        if language == "bash":
            parts.append(content)
        elif language == "python":
            parts.append(f"python - <<'END OF PYTHON'\n{content}END OF PYTHON")
    return "\n".join(parts)


def run(commands: str, folder: Path, environment: dict[str, str]) -> str:
    """Run a script to its end and return what it printed; what it started ends with it, come what may."""
    out, log = folder.with_name("printed"), folder / "histsvc.log"
    with out.open("w") as printed:
        process = subprocess.Popen(
            ["bash", "-c", commands],
            cwd=folder,
            env=environment,
            stdout=printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        code = process.wait(timeout=240)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert code == 0, f"{out.read_text()}\n{log.read_text() if log.exists() else ''}"
    return out.read_text()


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
def test_first_histogram_on_your_own_broker(broker: Broker, tmp_path: Path) -> None:
    """All of the section, in a copy of the clone, in a new virtual environment."""
    text = section("First histogram on your own broker")
    clone = tmp_path / "clone"
    shutil.copytree(ROOT, clone, ignore=LEFT_OUT)
    ours = ("HISTSVC_", "VIRTUAL_ENV", "PYTHON")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    environment["PATH"] = f"{Path(sys.base_prefix, 'bin')}{os.pathsep}{environment['PATH']}"
    environment["BROKER"] = broker.bootstrap

    printed = run(script(text), clone, environment).splitlines()

    for language, content in blocks(text):
        if language == "text":
            for line in content.splitlines():
                assert line in printed
    generated: dict[str, Any] = next(json.loads(line) for line in printed if line.startswith('{"messages"'))
    counted = re.search(r"^tof: (\d+) counts", "\n".join(printed), re.MULTILINE)
    assert counted is not None
    assert int(counted[1]) == generated["events"] == events_in(broker, "histsvc_events") > 0
    log = (clone / "histsvc.log").read_text()
    assert log.rstrip().endswith("stopped")
    assert "ERROR" not in log
    assert "Traceback" not in log


def test_demo_ends_as_shown() -> None:
    _, shown = blocks(section("Two commands"))[0]
    done = subprocess.run(
        [sys.executable, "-m", "histsvc", "demo", "--duration", "2"],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    numbers = re.compile(r"[\d,]+")
    expected = [numbers.sub("#", line).split() for line in shown.splitlines()]
    found = [numbers.sub("#", line).split() for line in done.stdout.splitlines()]
    assert found[-len(expected) :] == expected


def test_end_of_bin_test_is_as_shown() -> None:
    last = blocks(section("Two commands"))[-1][1].strip()
    assert last.startswith("==> ")
    assert f'say "{last.removeprefix("==> ")}"' in (ROOT / "bin" / "test").read_text(encoding="utf-8")


def test_all_subcommands_are_named_and_no_other() -> None:
    assert set(re.findall(r"`histsvc (\w+)` \|", section("Sub-commands"))) == set(COMMANDS)


def test_options_of_serve_are_those_of_the_parser() -> None:
    made = service_parser("histsvc serve")
    actions = [action for action in made._actions if "--help" not in action.option_strings]
    expected = {
        tuple(action.option_strings): "" if action.default in (None, "") else str(action.default)
        for action in actions
    }
    rows = re.findall(
        r"^\| (`-.*?) \| (.*?) ?\| (.*?) \|$", section("Options of `histsvc serve`"), re.MULTILINE
    )
    found = {tuple(re.findall(r"`(-.*?)`", options)): default.strip("`") for options, default, _ in rows}
    assert found == expected
    required = {
        tuple(re.findall(r"`(-.*?)`", options)) for options, _, meaning in rows if "required" in meaning
    }
    assert required == {tuple(action.option_strings) for action in actions if action.required}


def test_options_in_the_text_exist() -> None:
    """Outside of the list of what is not there yet."""
    made = service_parser("histsvc")
    generate.add(other := parser("histsvc generate", ""))
    known = {option for each in (made, other) for action in each._actions for option in action.option_strings}
    known |= {"--duration", "--create", "--constraint", "--timeout"}
    missing = section("Limits, and what is not there yet")
    text = README.replace(missing, "")
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)) <= known
    assert not set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", missing)) & known


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs"])
def test_links_lead_somewhere(document: str) -> None:
    place = ROOT / document
    files = sorted(place.rglob("*.md")) if place.is_dir() else [place]
    assert files
    for file in files:
        for target in re.findall(r"\]\(([^)#]+)", file.read_text(encoding="utf-8")):
            assert "://" in target or (file.parent / target).exists(), f"{file}: {target}"


def test_picture_is_a_small_png() -> None:
    picture = ROOT / re.findall(r"!\[.+\]\((.+)\)", README)[0]
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size < 200_000
