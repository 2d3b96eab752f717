"""Options come from arguments, environment and file, in this order; wrong ones end in one line and code 2."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest

from histsvc.cli import generate
from histsvc.cli.options import at_least, not_negative, service_parser

BASIC = ["-b", "broker:9092", "-t", "commands"]
SECRET = "pssst-7"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "histsvc.conf"


def parsed(*arguments: str) -> Any:
    return service_parser("histsvc serve").parse_args(list(arguments))


@pytest.fixture
def line(capsys: pytest.CaptureFixture[str]) -> Any:
    """`line(*arguments)` is the one line with which they are refused."""

    def refused(*arguments: str, made: Any = None) -> str:
        with pytest.raises(SystemExit) as ended:
            (made or service_parser("histsvc serve")).parse_args(list(arguments))
        assert ended.value.code == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.count("\n") == 1
        return said.err

    return refused


# An option of each kind: as it is in file, environment and arguments, and what it is then.
KINDS: dict[str, list[tuple[str, Any]]] = {
    "config-topic": [("of-file", "of-file"), ("of-environment", "of-environment"), ("of-args", "of-args")],
    "workers": [("1", 1), ("2", 2), ("3", 3)],
    "brokers": [("[a:1, b:1]", ["a:1", "b:1"]), ("[a:2, b:2]", ["a:2", "b:2"]), ("a:3", ["a:3"])],
    "compression": [("gzip", "gzip"), ("zstd", "zstd"), ("none", "none")],
    "simulation-mode": [("true", True), ("false", False), ("", True)],
}


@pytest.mark.parametrize("name", KINDS)
def test_arguments_beat_the_environment_and_that_beats_the_file(
    name: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (in_file, of_file), (in_environment, of_environment), (as_argument, of_arguments) = KINDS[name]
    needed = {"brokers": "a:9", "config-topic": "c"}
    lines = needed | {name: in_file}
    file.write_text("".join(f"{key} = {value}\n" for key, value in lines.items()))
    attribute = name.replace("-", "_")
    assert getattr(parsed("-c", str(file)), attribute) == of_file
    monkeypatch.setenv(f"HISTSVC_{attribute.upper()}", in_environment)
    assert getattr(parsed("-c", str(file)), attribute) == of_environment
    arguments = [f"--{name}", *([as_argument] if as_argument else [])]
    assert getattr(parsed("-c", str(file), *arguments), attribute) == of_arguments
    file.write_text("".join(f"{key} = {value}\n" for key, value in needed.items()))
    assert getattr(parsed("-c", str(file)), attribute) == of_environment


def test_every_option_can_come_from_each_source(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = service_parser("histsvc serve")
    values = dict.fromkeys(made.keys, "1") | {
        "compression": "gzip", "missing-topics": "wait", "output-dtype": "int", "heartbeat-schema": "x5f2",
        "worker-timeout": "3000", "on-data-loss": "continue", "log-format": "json",
    }  # fmt: skip
    del values["sasl-password"]
    flags = {"simulation-mode", "resume"}
    given = [f"--{k}" if k in flags else f"--{k}={v}" for k, v in values.items()]
    expected = vars(parsed(*given))
    assert {"graphite_config_file", "max_workers", "allow_data_brokers"} <= expected.keys()
    file.write_text("".join(f"{key} = {value}\n" for key, value in values.items()))
    monkeypatch.setenv("HISTSVC_CONFIG_FILE", str(file))
    assert vars(parsed()) == expected | {"config_file": str(file)}
    monkeypatch.delenv("HISTSVC_CONFIG_FILE")
    for key, value in values.items():
        monkeypatch.setenv(f"HISTSVC_{key.replace('-', '_').upper()}", value)
    assert vars(parsed()) == expected


def test_an_empty_variable_counts_as_not_set(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("brokers = a:1\nconfig-topic = c\nworkers = 3\nhb-topic = h\nsimulation-mode = on\n")
    for name in ("BROKERS", "CONFIG_TOPIC", "WORKERS", "HB_TOPIC", "SIMULATION_MODE", "CONFIG_FILE"):
        monkeypatch.setenv(f"HISTSVC_{name}", "")
    made = parsed("-c", str(file))
    assert (made.brokers, made.config_topic, made.workers) == (["a:1"], "c", 3)
    assert (made.hb_topic, made.simulation_mode) == ("h", True)


def test_a_tool_may_be_given_the_file_of_the_service(file: Path, line: Any) -> None:
    tool = generate.options_parser()
    file.write_text("brokers = a:1\nconfig-topic = c\nmax-bins = 7\ntopic = data\nnum-messages = 3\n")
    made = tool.parse_args(["-c", str(file)])
    assert (made.brokers, made.topic, made.num_messages) == (["a:1"], "data", 3)
    assert not hasattr(made, "max_bins")
    assert "'topic'" in line("-c", str(file))  # not the other way round


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("confg-topic = c", "line 1: there is no option 'confg-topic'; did you mean config-topic?"),
        ("\n# x\nnothing-like-it = 1", "line 3: there is no option 'nothing-like-it' "),
        ("config-file = other.conf", "there is no option 'config-file'"),
        ("help = true", "there is no option 'help'"),
        ("t = c", "there is no option 't'"),
        ("workers = many", "key 'workers': argument --workers: 'many' is not a whole number"),
        ("workers =", "key 'workers': argument --workers: '' is not a whole number"),
        ("max-bins = 0", "key 'max-bins': argument --max-bins: 0 is less than 1"),
        ("compression = rar", "key 'compression': argument --compression: invalid choice: 'rar'"),
        ("simulation-mode = perhaps", "line 1: 'simulation-mode' is 'perhaps'"),
        ("workers = [1, 2]", "line 1: 'workers' is one value, not a list"),
        ("simulation-mode = [true]", "line 1: 'simulation-mode' is one value, not a list"),
        ("workers = 1\n--workers 2", "line 2: 'workers' is given twice"),
        ("workers = 1\n= 2", "line 2: not of the form"),
    ],
)
def test_a_wrong_file_is_refused_naming_file_and_key(file: Path, line: Any, content: str, said: str) -> None:
    file.write_text(f"{content}\n")
    found = line("-c", str(file), *BASIC)
    assert said in found
    assert str(file) in found


def test_a_file_that_cannot_be_read(file: Path, tmp_path: Path, line: Any) -> None:
    for path, why in ((file, "No such file"), (tmp_path, "directory")):
        found = line("-c", str(path), *BASIC)
        assert str(path) in found
        assert why in found
    file.write_bytes(b"brokers = \xff\n")
    found = line("-c", str(file), *BASIC)
    assert str(file) in found
    assert "UTF-8" in found


def test_a_wrong_variable_is_refused_by_its_name(line: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HISTSVC_WORKERS", "many")
    assert "environment variable HISTSVC_WORKERS: argument --workers: 'many'" in line(*BASIC)
    monkeypatch.delenv("HISTSVC_WORKERS")
    monkeypatch.setenv("HISTSVC_SIMULATION_MODE", "perhaps")
    assert "HISTSVC_SIMULATION_MODE" in line(*BASIC)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--workers", "-1"],
        ["--workers", "many"],
        ["--heartbeat-interval", "0"],
        ["--publish-interval", "0.5"],
        ["--command-timeout", "0"],
        ["--stop-leeway", "-1"],
        ["--compression", "rar"],
        ["--max-bins", "0"],
        ["--max-workers", "0"],
        ["--heartbeat-schema", "xml"],
        ["--missing-topics", "maybe"],
        ["--output-dtype", "float32"],
        ["--allow-data-brokers"],
        ["-b"],
        ["--nonsense"],
    ],
)
def test_a_wrong_argument_is_refused_by_its_name(line: Any, arguments: list[str]) -> None:
    assert arguments[0] in line(*BASIC, *arguments)


def test_an_unknown_option_is_told_with_the_closest() -> None:
    made = service_parser("histsvc serve")
    assert made._belongs_nowhere(["--confg-topic=x"]).endswith(
        "no option --confg-topic; did you mean --config-topic?"
    )


@pytest.mark.parametrize("missing", ["-b", "-t"])
def test_what_is_required(line: Any, missing: str) -> None:
    at = BASIC.index(missing)
    assert missing in line(*BASIC[:at], *BASIC[at + 2 :])


@pytest.mark.parametrize(
    "arguments",
    [
        ["--sasl-pasword", SECRET],
        [f"--sasl-pasword={SECRET}"],
        ["--sasl-password", "my", SECRET],
        ["--sasl-password-file", "f", "--sasl-password", SECRET],
        ["--sasl-password", SECRET, "--workers", "x"],
    ],
)
def test_a_secret_in_wrong_arguments_is_not_repeated(line: Any, arguments: list[str]) -> None:
    assert SECRET not in line(*BASIC, *arguments)


@pytest.mark.parametrize(
    "content", [f"sasl-password = [{SECRET}]", f"= {SECRET}", f"sasl-pasword = {SECRET}"]
)
def test_a_secret_in_a_wrong_file_is_not_repeated(file: Path, line: Any, content: str) -> None:
    file.write_text(f"{content}\n")
    assert SECRET not in line("-c", str(file), *BASIC)


def test_password_and_password_file_exclude_each_other_but_arguments_beat_the_file(
    file: Path, line: Any
) -> None:
    found = line(*BASIC, "--sasl-password", "x", "--sasl-password-file", "f")
    assert all(option in found for option in ("--sasl-password ", "--sasl-password-file"))
    file.write_text("sasl-password-file = f\n")
    made = parsed(*BASIC, "-c", str(file), "--sasl-password", "x")
    assert (made.sasl_password, made.sasl_password_file) == ("x", None)


def test_numbers() -> None:
    assert at_least(3)("3") == 3
    assert at_least(3, 5)("5") == 5
    with pytest.raises(argparse.ArgumentTypeError, match="6 is more than 5"):
        at_least(3, 5)("6")
    assert not_negative("0") == 0.0
    for text in ("-1", "nan", "inf", "one"):
        with pytest.raises(Exception, match=text):
            not_negative(text)
