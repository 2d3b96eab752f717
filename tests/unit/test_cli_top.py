"""histsvc top: its options, its picture, what it says, and how it ends, without Kafka."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from typing import Any, Self

import pytest
from fakes import FakeClock
from unit.beats import beat, info
from unit.followed import Terminal, closed_pipe
from unit.refused import check_refused

from histsvc.cli import main, top
from histsvc.client import BrokerError, Heartbeat
from histsvc.clock import SystemClock, now_ms

# Nothing listens on port 1: whoever asks there fails with code 1 after 10 s.
BASIC = ["top", "-b", "127.0.0.1:1", "-hb", "heartbeat"]


class FakeClient:
    """In place of a Client: heartbeats are those of `polls`, in order, then what the last gives."""

    polls: tuple[Callable[[], Heartbeat | None], ...] = ()

    def __init__(self, *_: object, heartbeat_topic: str) -> None:
        self.latest: dict[str, Heartbeat] = {}
        self._left = list(self.polls)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def heartbeats(self) -> Self:
        return self

    def poll(self, timeout_s: float) -> None:
        given = self._left[0]()
        if len(self._left) > 1:
            self._left.pop(0)
        if given is not None:
            self.latest = {"a": given}


def now(after_ms: int = 0, **keys: Any) -> Heartbeat:
    """A heartbeat of just now."""
    made = beat(info("tof", sum=12_345), after_ms=after_ms, **keys)
    object.__setattr__(made, "message", now_ms(SystemClock()) + after_ms)
    return made


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("TERM", "xterm"), ("COLUMNS", "80"), ("LINES", "24")):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(top, "Client", FakeClient)


def polls(monkeypatch: pytest.MonkeyPatch, *given: Callable[[], Heartbeat | None]) -> None:
    monkeypatch.setattr(FakeClient, "polls", given)


def pair() -> tuple[Heartbeat, Heartbeat]:
    first = now(counters={"events": 1000})
    second = now(1000, counters={"events": 3500})
    object.__setattr__(second, "message", first.message + 1000)
    return first, second


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["-b", "127.0.0.1:1"], ["-hb/--hb-topic"]),
        (["-hb", "heartbeat"], ["-b/--brokers"]),
        (["-b", "broker", "-hb", "heartbeat"], ["--brokers", "'broker'"]),
        ([*BASIC[1:], "-hb", "a b"], ["-hb/--hb-topic", "'a b'"]),
        ([*BASIC[1:], "-hb", ""], ["-hb/--hb-topic", "''"]),
        ([*BASIC[1:], "--interval", "-1"], ["--interval", "-1"]),
        ([*BASIC[1:], "--timeout", "inf"], ["--timeout", "inf"]),
        ([*BASIC[1:], "--onec"], ["--onec", "did you mean --once"]),
        ([*BASIC[1:], "-l", "loud"], ["--log-level", "'loud'"]),
    ],
)
def test_wrong_use_is_one_line_and_code_2(
    arguments: list[str], named: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    check_refused(capsys, ["top", *arguments], named)


@pytest.mark.parametrize("options", [["--once"], []])
def test_once_waits_for_a_second_heartbeat_to_tell_rates(
    options: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it is without --once, too, where the output is no terminal."""
    first, second = pair()
    polls(monkeypatch, lambda: None, lambda: first, lambda: second)
    assert main([*BASIC, *options]) == 0
    out, err = capsys.readouterr()
    assert "events 2.5k/s (3,500)" in out
    assert out.splitlines()[-1].split()[:3] == ["tof", "COUNTING", "12,345"]
    assert "\x1b" not in out
    assert err == ""


def test_once_does_not_wait_for_who_is_silent(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    polls(monkeypatch, lambda: asked.append(1) or beat())  # type: ignore[func-returns-value]
    assert main([*BASIC, "--once"]) == 0
    assert "SILENT for" in capsys.readouterr().out
    assert len(asked) == 1


def test_once_does_without_rates_where_there_is_no_second_heartbeat_in_time(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    only = now()
    polls(monkeypatch, lambda: only)
    assert main([*BASIC, "--once", "--timeout", "0.01"]) == 0
    assert "events -/s (0)" in capsys.readouterr().out


class TickingClock(FakeClock):
    """Goes on by a millisecond whenever somebody looks at it."""

    def monotonic_s(self) -> float:
        self.advance(0.001)
        return super().monotonic_s()


def test_time_that_is_up_does_not_lose_a_heartbeat_that_came(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whenever that is: between any two looks at the clock."""
    monkeypatch.setattr(top, "SystemClock", TickingClock)
    polls(monkeypatch, beat)
    for timeout_ms in range(5, 40):
        assert main([*BASIC, "--once", "--timeout", f"{timeout_ms / 1000}"]) == 0
    assert capsys.readouterr().out.count("events -/s (0)") == 35


def test_once_without_heartbeats_is_one_line_and_code_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    polls(monkeypatch, lambda: None)
    assert main([*BASIC, "--once", "--timeout", "0.01"]) == 1
    said = "histsvc top: no heartbeat came from topic 'heartbeat' in 0.01 s\n"
    assert capsys.readouterr() == ("", said)


def test_a_closed_pipe_ends_it_quietly(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    polls(monkeypatch, *[lambda each=each: each for each in pair()])
    with closed_pipe(monkeypatch):
        assert main([*BASIC, "--once"]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("terminal", [True, False])
def test_a_signal_ends_it_at_once_while_it_connects(
    terminal: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect() -> None:
        interrupt()
        raise AssertionError("it goes on connecting")

    polls(monkeypatch, connect)
    if terminal:
        monkeypatch.setattr(sys, "stdout", Terminal())
    assert main(BASIC) == 0
    assert capsys.readouterr() == ("", "")


def test_it_is_live_until_a_signal_comes_and_leaves_the_terminal_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = pair()
    polls(monkeypatch, lambda: first, lambda: second, interrupt)
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    assert main([*BASIC, "--interval", "0"]) == 0
    shown = stream.getvalue()
    assert shown.startswith("\x1b[?1049h")
    assert "tof" in shown
    assert shown.rstrip().endswith(("\x1b[?1049l", "\x1b[?25h"))
    assert shown.count("\x1b[?25h") == 1


def test_brokers_that_fail_are_one_line_when_the_terminal_is_as_it_was(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise BrokerError("not authorised", retriable=False)

    polls(monkeypatch, now, fail)
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    assert main(BASIC) == 1
    assert "\x1b[?1049l" in stream.getvalue()
    assert capsys.readouterr().err == "histsvc top: not authorised\n"


def test_a_dumb_terminal_gets_a_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    polls(monkeypatch, *[lambda each=each: each for each in pair()])
    monkeypatch.setenv("TERM", "dumb")
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    assert main(BASIC) == 0
    assert "2.5k/s" in stream.getvalue()
    assert "\x1b[?1049h" not in stream.getvalue()
