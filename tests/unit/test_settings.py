"""What parsed options become; wrong ones are refused in one line that names them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from histsvc.cli.options import service_parser
from histsvc.errors import SettingsError
from histsvc.settings import GraphiteSettings, ServiceSettings, log_level, service_settings

BASIC = ["-b", "broker:9092", "-t", "commands"]
SECRET = "pssst-7"


def settings(*arguments: str) -> ServiceSettings:
    return service_settings(service_parser("histsvc serve").parse_args(list(arguments)))


def refused(*arguments: str) -> str:
    with pytest.raises(SettingsError) as caught:
        settings(*arguments)
    return str(caught.value)


def test_defaults_are_those_of_the_protocol() -> None:
    made = settings(*BASIC)
    assert made.kafka.brokers == ("broker:9092",)
    assert (made.config_topic, made.heartbeat_topic, made.response_topic) == ("commands", None, None)
    assert (made.heartbeat_interval_ms, made.command_timeout_ms, made.service_id) == (1000, 4000, "")
    worker = made.worker
    assert (worker.publish_interval_ms, worker.stop_leeway_ms, worker.source_name) == (500, 1000, "histsvc")
    assert (worker.compression, worker.log_level) == ("lz4", "INFO")
    assert made.workers >= 1
    assert (worker.output_dtype, worker.simulation) == ("float64", False)
    assert (made.heartbeat_schema, made.wait_for_topics, made.allowed_brokers) == ("json", False, ())
    assert made.graphite is None


def test_what_is_ours() -> None:
    made = settings(
        *BASIC, "-s", "--heartbeat-schema", "x5f2", "--missing-topics", "wait", "--output-dtype", "int"
    )
    assert (made.worker.output_dtype, made.worker.simulation) == ("int", True)
    assert (made.heartbeat_schema, made.wait_for_topics) == ("x5f2", True)


def test_at_least_as_many_workers_may_count_as_there_are() -> None:
    assert settings(*BASIC, "--workers", "3").limits.max_workers == 16
    assert settings(*BASIC, "--workers", "3", "--max-workers", "2").limits.max_workers == 3
    assert settings(*BASIC, "--workers", "3", "--max-workers", "5").limits.max_workers == 5


def test_data_brokers_that_are_allowed_in_addition() -> None:
    assert settings(*BASIC, "--allow-data-brokers", "b:2", "a:1").allowed_brokers == ("a:1", "b:2")
    assert settings(*BASIC, "--allow-data-brokers", "any").allowed_brokers is None
    for wrong in (["any", "a:1"], ["a"], [""]):
        assert "--allow-data-brokers" in refused(*BASIC, "--allow-data-brokers", *wrong)


GRAPHITE = {"address": "graphite.example", "port": 2003, "prefix": "ess", "metric": "hist"}


def test_the_graphite_file(tmp_path: Path) -> None:
    file = tmp_path / "graphite.json"
    file.write_text(json.dumps({**GRAPHITE, "more": 1}))
    assert settings(*BASIC, "-g", str(file)).graphite == GraphiteSettings(
        "graphite.example", 2003, "ess", "hist"
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [(key, None) for key in GRAPHITE]
    + [("port", value) for value in ("2003", 0, 65536, 2003.0, True)]
    + [(key, value) for key in ("address", "prefix", "metric") for value in (1, "", "a b", ["a"])],
)
def test_a_graphite_file_with_a_wrong_key(tmp_path: Path, key: str, value: Any) -> None:
    file = tmp_path / "graphite.json"
    wrong = {**GRAPHITE, key: value}
    file.write_text(json.dumps({k: v for k, v in wrong.items() if v is not None}))
    message = refused(*BASIC, "-g", str(file))
    assert all(part in message for part in ("--graphite-config-file", str(file), repr(key)))


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_a_graphite_file_that_is_none(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "graphite.json"
    if content is not None:
        file.write_bytes(content)
    message = refused(*BASIC, "-g", str(file))
    assert "--graphite-config-file" in message
    assert str(file) in message


@pytest.mark.parametrize("given", [["a:1", "b:2"], ["a:1,b:2"], ["a:1,", "b:2"], [" a:1 , b:2 "]])
def test_brokers_as_a_list_or_with_commas(given: list[str]) -> None:
    assert settings("-t", "commands", "-b", *given).kafka.brokers == ("a:1", "b:2")


@pytest.mark.parametrize(
    "broker", ["", ",", "broker", "broker:", ":9092", "broker:port", "broker:0", "broker:65536"]
)
def test_brokers_that_are_none(broker: str) -> None:
    assert "--brokers" in refused("-t", "commands", "-b", broker)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("-t/--config-topic", "-hb/--hb-topic"),
        ("-t/--config-topic", "-rt/--response-topic"),
        ("-hb/--hb-topic", "-rt/--response-topic"),
    ],
)
def test_equal_topics_are_refused_naming_both_options(first: str, second: str) -> None:
    topics = {"-t/--config-topic": "c", "-hb/--hb-topic": "h", "-rt/--response-topic": "r"}
    topics |= {first: "same", second: "same"}
    given = [word for option, topic in topics.items() for word in (option.partition("/")[0], topic)]
    message = refused("-b", "broker:9092", *given)
    assert all(part in message for part in (first, second, "same"))


def test_an_empty_command_topic_is_refused_and_other_empty_topics_are_none() -> None:
    made = settings(*BASIC, "-hb", "", "-rt", "")
    assert (made.heartbeat_topic, made.response_topic) == (None, None)
    assert "--config-topic" in refused("-b", "broker:9092", "-t", "")


@pytest.mark.parametrize(
    ("given", "name"),
    [("1", "DEBUG"), ("2", "INFO"), ("3", "WARNING"), ("4", "ERROR"), ("5", "CRITICAL"), ("debug", "DEBUG")],
)
def test_log_levels(given: str, name: str) -> None:
    assert log_level(given) == name
    assert settings(*BASIC, "-l", given).worker.log_level == name


@pytest.mark.parametrize("given", ["0", "6", "", "loud", "10", "NOTSET"])
def test_a_wrong_log_level_is_refused(given: str) -> None:
    message = refused(*BASIC, "-l", given)
    assert "--log-level" in message
    assert repr(given) in message


def test_passwords_are_in_no_repr(tmp_path: Path) -> None:
    made = settings(*BASIC, "--sasl-username", "user-7", "--sasl-password", SECRET)
    assert made.kafka.security.sasl_password == made.worker.security.sasl_password == SECRET
    for text in (repr(made), str(made), repr(made.kafka), repr(made.worker), repr(made.kafka.security)):
        assert SECRET not in text
    assert "user-7" in repr(made)


def test_a_password_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(f"{SECRET}\nnot this\n")
    assert settings(*BASIC, "--sasl-password-file", str(file)).kafka.security.sasl_password == SECRET
    missing = refused(*BASIC, "--sasl-password-file", str(tmp_path / "none"))
    assert "none" in missing
    assert SECRET not in missing


@pytest.mark.parametrize("content", [b"", b"\n", b"  \npssst", b"\xffpssst\n"])
def test_a_password_file_without_a_password(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "password"
    file.write_bytes(content)
    message = refused(*BASIC, "--sasl-password-file", str(file))
    assert "--sasl-password-file" in message
    assert str(file) in message
    assert "pssst" not in message
    assert "xff" not in message


@pytest.mark.parametrize("topic", ["a b", "a/b", "..", "x" * 250])
@pytest.mark.parametrize("option", ["-t/--config-topic", "-hb/--hb-topic", "-rt/--response-topic"])
def test_a_topic_that_is_none(option: str, topic: str) -> None:
    message = refused(*BASIC, option.partition("/")[0], topic)
    assert option in message
    assert repr(topic) in message


@pytest.mark.parametrize("option", ["--service-id", "--source-name"])
def test_bytes_that_are_no_text(option: str) -> None:
    assert refused(*BASIC, option, "a\udcff").startswith(f"{option}: ")
