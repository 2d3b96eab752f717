"""histsvc view --terminal: live and once, what it says, and how it ends, without Kafka."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from rich.console import Console
from unit.followed import Followed, Terminal, closed_pipe
from unit.refused import check_refused
from unit.shown import of_type

from histsvc.cli import main, view_terminal
from histsvc.cli.screen import Notes
from histsvc.cli.view_terminal import Screen
from histsvc.client import BrokerError
from histsvc.clock import SystemClock

# Nothing listens on port 1: whoever asks there fails with code 1 after 10 s.
BASIC = ["view", "-b", "127.0.0.1:1", "-t", "output", "--terminal"]
BOTH = [of_type("hist1d"), of_type("dethist")]
ON, OFF = "\x1b[?1049h", "\x1b[?1049l"  # the screen on which nothing is kept, and the one of before


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("TERM", "xterm-256color"), ("COLUMNS", "80"), ("LINES", "24")):
        monkeypatch.setenv(name, value)


@pytest.fixture
def follow(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`follow(Followed(…))` is what will be followed; `follow.handler` is where the log goes."""

    def set_up(followed: Followed) -> Followed:
        @contextmanager
        def following(_: argparse.Namespace, *, handler: logging.Handler | None) -> Iterator[Followed]:
            set_up.handler = handler  # type: ignore[attr-defined]
            yield followed

        monkeypatch.setattr(view_terminal, "following", following)
        return followed

    return set_up


@pytest.fixture
def in_terminal(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`in_terminal(terminal, *options)` is the exit code of the command with this one as its stdout."""

    def run(terminal: Terminal, *options: str) -> int:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", terminal)
            return main([*BASIC, *options])

    return run


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--save", "a.png"], ["--terminal", "--save"]),
        (["--terminl"], ["--terminal"]),
        (["--timeout", "soon"], ["--timeout", "'soon'"]),
        (["-t", "a b"], ["-t/--topic"]),
    ],
)
def test_wrong_use_is_one_line_and_code_2(
    arguments: list[str], named: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    check_refused(capsys, [*BASIC, *arguments], named)


def test_once_is_for_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*BASIC[:-1], "--once"]) == 2
    assert "--once needs --terminal" in capsys.readouterr().err


@pytest.mark.parametrize("once", [[], ["--once"]])
def test_into_a_pipe_each_is_drawn_once_without_colours(
    once: list[str], follow: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And without matplotlib, which need not be there."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    followed = follow(Followed([], BOTH))
    assert main([*BASIC, *once]) == 0
    out, err = capsys.readouterr()
    assert "hist1d  COUNTING (stale)  45 counts" in out
    assert "dethist  COUNTING (stale)  780 counts" in out
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) <= 80
    assert (err, followed.polled, follow.handler) == ("", 2, None)


def test_once_in_a_terminal_leaves_it_there_in_colours(follow: Any, in_terminal: Any) -> None:
    follow(Followed(BOTH))
    terminal = Terminal()
    assert in_terminal(terminal, "--once") == 0
    assert ON not in terminal.getvalue()
    assert "38;2;" in terminal.getvalue() or "38;5;" in terminal.getvalue()


def test_once_without_anything_or_not_everything_is_code_1(
    follow: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    followed = follow(Followed())
    assert main([*BASIC, "--once", "--timeout", "0"]) == 1
    assert capsys.readouterr() == ("", "histsvc view: no such histogram was published within 0 s\n")
    followed.latest, followed.expected = {"hist1d": BOTH[0]}, {"bank7"}
    assert main([*BASIC, "--once", "--timeout", "0", "--id", "hist1d", "bank7"]) == 1
    out, err = capsys.readouterr()
    assert "hist1d" in out
    assert err == "histsvc view: not all were published within 0 s: bank7\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_live_it_shows_what_comes_until_a_signal(
    number: signal.Signals, follow: Any, in_terminal: Any
) -> None:
    terminal, shown = Terminal(), list[str]()
    polls = [[], BOTH[:1], lambda: shown.append(terminal.getvalue()), partial(signal.raise_signal, number)]
    follow(Followed(*polls))  # type: ignore[arg-type]
    assert in_terminal(terminal) == 0
    (before,) = shown
    assert "waiting for histograms" in before
    assert "hist1d" in before
    assert isinstance(follow.handler, Notes)
    written = terminal.getvalue()
    assert (written.count(ON), written.count(OFF)) == (1, 1)


def test_a_signal_ends_it_at_once_while_it_connects(follow: Any, in_terminal: Any) -> None:
    terminal = Terminal()
    followed = follow(Followed(partial(signal.raise_signal, signal.SIGINT)))
    assert in_terminal(terminal) == 0
    assert (followed.polled, terminal.getvalue()) == (1, "")


def test_brokers_that_fail_give_the_terminal_back(
    follow: Any, in_terminal: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise BrokerError("not authorised", retriable=False)

    terminal = Terminal()
    follow(Followed(BOTH, fail))
    assert in_terminal(terminal) == 1
    assert capsys.readouterr().err == "histsvc view: not authorised\n"
    assert (terminal.getvalue().count(ON), terminal.getvalue().count(OFF)) == (1, 1)


def test_a_closed_pipe_ends_it_quietly(
    follow: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    follow(Followed(BOTH))
    with closed_pipe(monkeypatch):
        assert main([*BASIC, "--once"]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 50), (20, 3), (10, 1)])
def test_the_picture_fills_the_terminal_and_has_the_log_in_it(width: int, height: int) -> None:
    notes, console = Notes(), Console(width=width, height=height, file=Terminal())
    screen = Screen(console, notes, SystemClock(), log=False)
    followed = Followed()
    followed.latest = {each.id: each for each in BOTH}
    for said in range(2):
        lines = screen.drawn(followed).plain.split("\n")  # type: ignore[arg-type]
        assert len(lines) == max(height, 2 + said)
        assert lines[-1] == "Ctrl-C ends"
        assert ("a warning" in lines[-2]) == bool(said)
        notes.handle(logging.makeLogRecord({"msg": "a warning", "levelname": "WARNING"}))
