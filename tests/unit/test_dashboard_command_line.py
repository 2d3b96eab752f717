"""histsvc dashboard: its options, what it refuses, and what it warns of, without Kafka and without a page."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from histsvc.cli import main
from histsvc.client import Client, KafkaSettings
from histsvc.view.dashboard import serving

BARE = ["dashboard", "-b", "broker:9092", "-hb", "heartbeat"]
BASIC = [*BARE, "-t", "commands"]
REPLIES = ["-rt", "replies"]
TOKEN = "0123456789abcdef"


class FakeDashboard:
    """In place of the one that serves a page: it runs until a signal comes."""

    made: Any = None

    def __init__(
        self, connect: Callable[[], Client], clock: object, place: tuple[str, int], **keys: Any
    ) -> None:
        type(self).made = self
        self.connect, self.place, self.keys = connect, place, keys
        self.url = "http://the-page/"
        self.is_open = False
        self.ran = 0

    def run(self, stopped: Callable[[], bool]) -> None:
        assert not stopped()
        signal.raise_signal(signal.SIGTERM)
        assert stopped()
        self.ran += 1


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeDashboard, "made", None)
    monkeypatch.setattr(serving, "Dashboard", FakeDashboard)


@pytest.fixture
def refusal(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """`refusal(*arguments)` is the one line with which they are refused, before anything is served."""

    def refused(*arguments: str) -> str:
        with pytest.raises(SystemExit) as ended:
            raise SystemExit(main([*BASIC, *arguments]))
        assert ended.value.code == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.count("\n") == 1
        assert FakeDashboard.made is None
        return said.err

    return refused


@pytest.fixture
def token(tmp_path: Path) -> Callable[[bytes], str]:
    def write(content: bytes) -> str:
        file = tmp_path / "token"
        file.write_bytes(content)
        return str(file)

    return write


def served(*arguments: str) -> Any:
    assert main([*BASIC, *arguments]) == 0
    assert FakeDashboard.made.ran == 1
    return FakeDashboard.made


def test_by_default_only_this_machine_sees_it_and_nothing_can_be_sent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = served()
    assert made.place == ("127.0.0.1", 8888)
    assert made.keys == {"token": None, "origins": [], "may": False}
    said = capsys.readouterr()
    assert said.out == "http://the-page/\n"
    assert said.err == ""


def test_options_are_what_is_served(token: Callable[[bytes], str]) -> None:
    made = served(
        *REPLIES,
        "--allow-commands",
        *("--address", "::", "--port", "0"),
        *("--allow-origin", "a:1", "b:2"),
        *("--auth-token-file", token(TOKEN.encode())),
    )
    assert made.place == ("::", 0)
    assert made.keys == {"token": TOKEN, "origins": ["a:1", "b:2"], "may": True}


def test_clients_are_of_the_topics_and_brokers_given(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[Any, ...]] = []
    made = served(*REPLIES)
    monkeypatch.setattr(Client, "__init__", lambda _, *arguments: given.append(arguments))
    made.connect()
    ((kafka, *topics),) = given
    assert isinstance(kafka, KafkaSettings)
    assert kafka.brokers == ("broker:9092",)
    assert topics == ["commands", "replies", "heartbeat"]


def test_commands_need_a_topic_for_their_replies(refusal: Callable[..., str]) -> None:
    said = refusal("--allow-commands")
    assert "--allow-commands" in said
    assert "--response-topic" in said


def test_who_only_looks_needs_no_topic_of_commands() -> None:
    assert main(BARE) == 0
    assert FakeDashboard.made.ran == 1


def test_commands_need_a_topic_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*BARE, *REPLIES, "--allow-commands"]) == 2
    assert "--allow-commands" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["-t", "-rt", "-hb"])
def test_topics_are_those_that_kafka_takes(option: str, refusal: Callable[..., str]) -> None:
    said = refusal(*REPLIES, option, "no topic")
    assert "no topic" in said
    assert option in said


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_ports_are_those_that_there_are(port: str, refusal: Callable[..., str]) -> None:
    assert port in refusal("--port", port)


@pytest.mark.parametrize(
    "content",
    [
        TOKEN.encode(),
        f"{TOKEN}\n".encode(),
        f"  {TOKEN}\t\r\nwhat follows is no part of it".encode(),
    ],
)
def test_a_token_is_the_first_line_of_its_file(content: bytes, token: Callable[[bytes], str]) -> None:
    assert served("--auth-token-file", token(content)).keys["token"] == TOKEN


@pytest.mark.parametrize(
    "content", [b"", TOKEN[:-1].encode(), f"{TOKEN[:-1]} \n".encode(), f"\n{TOKEN}\n".encode(), b" " * 20]
)
def test_a_token_that_can_be_guessed_is_refused(
    content: bytes, token: Callable[[bytes], str], refusal: Callable[..., str]
) -> None:
    file = token(content)
    said = refusal("--auth-token-file", file)
    assert f"--auth-token-file {file}" in said
    assert "16" in said
    assert TOKEN[:-1] not in said


def test_a_token_is_text(token: Callable[[bytes], str], refusal: Callable[..., str]) -> None:
    file = token(b"\xff\xfe" * 20)
    said = refusal("--auth-token-file", file)
    assert f"--auth-token-file {file}" in said
    assert "utf-8" in said


def test_a_token_file_must_be_there(tmp_path: Path, refusal: Callable[..., str]) -> None:
    said = refusal("--auth-token-file", str(tmp_path / "none"))
    assert f"{tmp_path / 'none'}: No such file" in said
    assert "irectory" in refusal("--auth-token-file", str(tmp_path))


def test_a_page_that_is_open_to_others_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def opened(self: FakeDashboard, *arguments: Any, **keys: Any) -> None:
        made(self, *arguments, **keys)
        self.is_open = True

    made = FakeDashboard.__init__
    monkeypatch.setattr(FakeDashboard, "__init__", opened)
    served("--address", "10.0.0.7")
    said = capsys.readouterr()
    assert "10.0.0.7" in said.err
    assert "--auth-token-file" in said.err
    assert said.out == "http://the-page/\n"
