"""Settings come from arguments, environment and file, in this order; wrong ones are refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from histsvc.cli.serve import add_options
from histsvc.errors import SettingsError
from histsvc.settings import ServiceSettings, log_level, parser, service_settings

BASIC = ["-b", "broker:9092", "-t", "commands"]
SECRET = "pssst-7"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in [name for name in os.environ if name.startswith("HISTSVC_")]:
        monkeypatch.delenv(name)


def settings(*arguments: str) -> ServiceSettings:
    made = parser("histsvc serve", "test")
    add_options(made)
    return service_settings(made.parse_args(list(arguments)))


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


def test_arguments_beat_the_environment_and_that_beats_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "histsvc.conf"
    file.write_text("config-topic = of-file\nsource-name = of-file\nservice-id = of-file\nworkers = 3\n")
    monkeypatch.setenv("HISTSVC_CONFIG_TOPIC", "of-environment")
    monkeypatch.setenv("HISTSVC_SOURCE_NAME", "of-environment")
    made = settings("-b", "broker:9092", "-c", str(file), "-t", "of-arguments")
    assert made.config_topic == "of-arguments"
    assert made.worker.source_name == "of-environment"
    assert made.service_id == "of-file"
    assert made.workers == 3


def test_every_option_can_come_from_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "BROKERS": "a:1,b:2",
        "CONFIG_TOPIC": "c",
        "HB_TOPIC": "h",
        "RESPONSE_TOPIC": "r",
        "STOP_LEEWAY": "0",
        "COMMAND_TIMEOUT": "1500",
        "LOG_LEVEL": "error",
        "SASL_PASSWORD": SECRET,
    }.items():
        monkeypatch.setenv(f"HISTSVC_{name}", value)
    made = settings()
    assert made.kafka.brokers == ("a:1", "b:2")
    assert (made.config_topic, made.heartbeat_topic, made.response_topic) == ("c", "h", "r")
    assert (made.worker.stop_leeway_ms, made.command_timeout_ms) == (0, 1500)
    assert (made.worker.log_level, made.kafka.security.sasl_password) == ("ERROR", SECRET)


@pytest.mark.parametrize("given", [["a:1", "b:2"], ["a:1,b:2"], ["a:1,", "b:2"], [" a:1 , b:2 "]])
def test_brokers_as_a_list_or_with_commas(given: list[str]) -> None:
    assert settings("-t", "commands", "-b", *given).kafka.brokers == ("a:1", "b:2")


def test_brokers_of_the_environment_separated_by_blanks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HISTSVC_BROKERS", "a:1 b:2")
    try:
        brokers = settings("-t", "commands").kafka.brokers
    except SettingsError:
        return
    assert brokers == ("a:1", "b:2")


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
    assert "exclude" in refused(*BASIC, "--sasl-password-file", str(file), "--sasl-password", "x")
    missing = refused(*BASIC, "--sasl-password-file", str(tmp_path / "none"))
    assert "none" in missing
    assert SECRET not in missing


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
        ["--nonsense"],
    ],
)
def test_wrong_use_ends_with_exit_code_2_and_names_the_option(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        settings(*BASIC, *arguments)
    assert ended.value.code == 2
    assert arguments[0] in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["-b", "-t"])
def test_what_is_required(missing: str, capsys: pytest.CaptureFixture[str]) -> None:
    at = BASIC.index(missing)
    with pytest.raises(SystemExit) as ended:
        settings(*BASIC[:at], *BASIC[at + 2 :])
    assert ended.value.code == 2
    assert missing in capsys.readouterr().err
