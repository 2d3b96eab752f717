"""Wrong use and settings end with code 2, anything else with 1: one line says why, and no traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
SECRET = "pssst-7"
# Nothing listens on port 1.
BASIC = ["-b", "127.0.0.1:1", "-t", "commands"]
GRAPHITE: dict[str, Any] = {"address": "127.0.0.1", "port": 2003, "prefix": "a", "metric": "b"}
SAME = [
    ("-t/--config-topic", "-hb/--hb-topic"),
    ("-t/--config-topic", "-rt/--response-topic"),
    ("-hb/--hb-topic", "-rt/--response-topic"),
]
# The service fails in its loop, as no test could otherwise make it fail.
FAILS = """
import sys
from histsvc import cli, service
def fail(self):
    raise RuntimeError("the sky is\\nfalling")
service.Service.tick = fail
sys.exit(cli.main(sys.argv[1:]))
"""


def run(*command: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HISTSVC_")}
    return subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=clean | (environment or {}),
    )


def one_line(done: subprocess.CompletedProcess[str], code: int = 2) -> str:
    """The one line on stderr."""
    assert done.returncode == code, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert SECRET not in done.stderr
    return done.stderr


def refused(*arguments: str, environment: dict[str, str] | None = None) -> str:
    return one_line(run("-m", "histsvc", "serve", *arguments, environment=environment))


@pytest.mark.parametrize(("first", "second"), SAME)
def test_topics_that_are_the_same(first: str, second: str) -> None:
    topics = {"-t/--config-topic": "c", "-hb/--hb-topic": "h", "-rt/--response-topic": "r"}
    topics |= {first: "same", second: "same"}
    given = [word for option, topic in topics.items() for word in (option.partition("/")[0], topic)]
    said = refused("-b", "127.0.0.1:1", *given)
    assert all(part in said for part in (first, second, "'same'"))


def test_topics_that_are_the_same_from_different_sources(tmp_path: Path) -> None:
    file = tmp_path / "service.conf"
    file.write_text("config-topic = same\n")
    said = refused("-b", "127.0.0.1:1", "-c", str(file), "-hb", "same")
    assert all(part in said for part in SAME[0])
    said = refused(*BASIC, "-hb", "same", environment={"HISTSVC_RESPONSE_TOPIC": "same"})
    assert all(part in said for part in SAME[2])


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], ["-b/--brokers", "-t/--config-topic"]),
        (["-t", "commands"], ["-b/--brokers"]),
        (["-b", "broker", "-t", "commands"], ["--brokers", "'broker'"]),
        ([*BASIC, "--confg-file", "x"], ["--confg-file", "did you mean --config-file"]),
        ([*BASIC, "--workers", "many"], ["--workers", "'many'"]),
        ([*BASIC, "-l", "loud"], ["--log-level", "'loud'"]),
        ([*BASIC, "--output-dtype", "float32"], ["--output-dtype", "'float32'"]),
        ([*BASIC, "--allow-data-brokers", "nowhere"], ["--allow-data-brokers", "'nowhere'"]),
        ([*BASIC, "--security-protocol", "NONSENSE"], ["security.protocol"]),
        ([*BASIC, "--security-protocol", "SSL", "--ssl-cafile", "/no/ca.pem"], ["ssl.ca.location"]),
        ([*BASIC, "--sasl-pasword", SECRET], ["--sasl-pasword", "did you mean --sasl-password"]),
        ([*BASIC, "--sasl-password", SECRET, "--sasl-password-file", "f"], ["--sasl-password-file"]),
        ([*BASIC, "--sasl-password-file", "/no/file"], ["--sasl-password-file", "/no/file"]),
        ([*BASIC, "-g", "/no/file"], ["--graphite-config-file", "/no/file"]),
        ([*BASIC, "-c", "/no/file"], ["/no/file"]),
    ],
)
def test_wrong_arguments(arguments: list[str], named: list[str]) -> None:
    said = refused(*arguments)
    assert all(part in said for part in named)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("confg-topic = c", ["'confg-topic'", "did you mean config-topic"]),
        ("workers = many", ["'workers'", "'many'"]),
        (f"= {SECRET}", ["line 1"]),
        (f"sasl-password = [{SECRET}]", ["'sasl-password'"]),
    ],
)
def test_wrong_configuration_file(tmp_path: Path, content: str, named: list[str]) -> None:
    file = tmp_path / "service.conf"
    file.write_text(f"{content}\n")
    said = refused(*BASIC, "-c", str(file))
    assert all(part in said for part in (str(file), *named))


def test_wrong_environment() -> None:
    said = refused(*BASIC, environment={"HISTSVC_MAX_BINS": "0"})
    assert "HISTSVC_MAX_BINS" in said


@pytest.mark.parametrize("key", GRAPHITE)
def test_wrong_graphite_file(tmp_path: Path, key: str) -> None:
    file = tmp_path / "graphite.json"
    for wrong in ({k: v for k, v in GRAPHITE.items() if k != key}, {**GRAPHITE, key: [1]}):
        file.write_text(json.dumps(wrong))
        said = refused(*BASIC, "-g", str(file))
        assert all(part in said for part in (str(file), repr(key)))


def test_empty_password_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("\n")
    assert str(file) in refused(*BASIC, "--sasl-password-file", str(file))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["nonsense"], "'nonsense'"),
        (["generate", "-b", "127.0.0.1:1"], "--topic"),
        (["generate", *BASIC, "--sources", "0"], "--sources"),
        (["send", "/no/file", *BASIC, "-rt", "r"], "/no/file"),
        (["send", "-", *BASIC, "-rt", "r", "--timeout", "nan"], "--timeout"),
        (["demo", "--events", "0"], "--events"),
    ],
)
def test_wrong_use_of_tools(arguments: list[str], named: str) -> None:
    assert named in one_line(run("-m", "histsvc", *arguments))


def test_script_is_serve_without_a_sub_command() -> None:
    said = one_line(run(str(ROOT / "bin" / "histsvc.py"), "-b", "127.0.0.1:1"))
    assert "--config-topic" in said


def test_unexpected_failure_ends_with_1_and_tells_more_at_debug_level_only() -> None:
    done = run("-c", FAILS, "serve", *BASIC, "-l", "critical")
    assert "RuntimeError: the sky is falling" in one_line(done, code=1)
    done = run("-c", FAILS, "serve", *BASIC, "-l", "debug")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert done.stderr.splitlines()[-1] == "histsvc serve: RuntimeError: the sky is falling"
