"""histsvc watch: its options, what it says, and how it ends, without Kafka."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from fakes import FakeClock
from unit.followed import Followed, closed_pipe
from unit.refused import check_refused
from unit.shown import NOW_MS, of_type

from histsvc.cli import main, watch
from histsvc.client import BrokerError

# Nothing listens on port 1: whoever asks there fails with code 1 after 10 s.
BASIC = ["watch", "-b", "127.0.0.1:1", "-t", "output"]
INTERRUPT = partial(signal.raise_signal, signal.SIGINT)
BOTH = [of_type("dethist", published_ms=NOW_MS + 1), of_type("hist1d")]


@pytest.fixture
def follow(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`follow(Followed(…))` is what will be followed."""

    def set_up(followed: Followed) -> Followed:
        @contextmanager
        def following(_: argparse.Namespace) -> Iterator[Followed]:
            yield followed

        monkeypatch.setattr(watch, "following", following)
        monkeypatch.setattr(watch, "SystemClock", FakeClock)
        return followed

    return set_up


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["-b", "127.0.0.1:1"], ["-t/--topic", "-hb/--hb-topic"]),
        (["-t", "output"], ["-b/--brokers"]),
        (["-b", "broker", "-t", "output"], ["--brokers", "'broker'"]),
        ([*BASIC[1:], "-t", "out put"], ["-t/--topic", "'out put'"]),
        ([*BASIC[1:], "-t", "output", ""], ["-t/--topic", "''"]),
        ([*BASIC[1:], "-t", ".."], ["-t/--topic", "'..'"]),
        ([*BASIC[1:], "-hb", "a!b"], ["-hb/--hb-topic", "'a!b'"]),
        ([*BASIC[1:], "--id"], ["--id"]),
        ([*BASIC[1:], "--timeout", "soon"], ["--timeout", "'soon'"]),
        ([*BASIC[1:], "--no-counts"], ["--no-counts", "--json"]),
        ([*BASIC[1:], "--jsno"], ["--jsno", "did you mean --json"]),
        ([*BASIC[1:], "-l", "loud"], ["--log-level", "'loud'"]),
    ],
)
def test_wrong_use_is_one_line_and_code_2(
    arguments: list[str], named: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    check_refused(capsys, ["watch", *arguments], named)


def test_once_prints_each_in_order_and_ends(follow: Any, capsys: pytest.CaptureFixture[str]) -> None:
    followed = follow(Followed([], BOTH))
    assert main([*BASIC, "--once"]) == 0
    out, err = capsys.readouterr()
    assert [line.split()[1] for line in out.splitlines()] == ["hist1d", "dethist"]
    assert err == ""
    assert followed.polled == 2


def test_once_says_what_is_missing_beside_what_is_there(
    follow: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    followed = follow(Followed())
    followed.latest = {each.id: each for each in BOTH}
    followed.expected = {"hist1d", "a\x1b", "bank7"}
    ids = ["--id", "hist1d", "det*", "a\x1b", "bank7"]
    assert main([*BASIC, *ids, "--once", "--timeout", "0"]) == 1
    out, err = capsys.readouterr()
    assert out.count("\n") == 2
    assert err == "histsvc watch: not all were published within 0 s: a\\x1b, bank7\n"


def test_once_without_anything_is_one_line_and_code_1(
    follow: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    follow(Followed())
    assert main([*BASIC, "--once", "--timeout", "0"]) == 1
    assert capsys.readouterr() == ("", "histsvc watch: no such histogram was published within 0 s\n")


@pytest.mark.parametrize("counts", [True, False])
def test_json_is_an_object_a_line(counts: bool, follow: Any, capsys: pytest.CaptureFixture[str]) -> None:
    follow(Followed(BOTH))
    assert main([*BASIC, "--once", "--json", *([] if counts else ["--no-counts"])]) == 0
    read = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["id"] for each in read] == ["hist1d", "dethist"]
    assert [each.get("counts") for each in read] == [
        each.counts.astype(int).tolist() if counts else None for each in reversed(BOTH)
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_when_what_came_is_printed(
    number: signal.Signals, follow: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(number)
    followed = follow(Followed(BOTH[:1], BOTH[1:], partial(signal.raise_signal, number)))
    assert main(BASIC) == 0
    out, err = capfd.readouterr()
    assert [line.split()[1] for line in out.splitlines()] == ["dethist", "hist1d"]
    assert (err, followed.polled) == ("", 3)
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("options", [[], ["--once"]])
def test_a_signal_ends_it_at_once_while_it_connects(
    options: list[str], follow: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    def connect() -> None:
        INTERRUPT()
        raise AssertionError("it goes on connecting")

    followed = follow(Followed(connect))
    assert main([*BASIC, *options]) == 0
    assert capfd.readouterr() == ("", "")
    assert followed.polled == 1


def test_brokers_that_fail_are_one_line_and_code_1(follow: Any, capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise BrokerError("not authorised", retriable=False)

    follow(Followed(BOTH, fail))
    assert main(BASIC) == 1
    assert capfd.readouterr().err == "histsvc watch: not authorised\n"


@pytest.mark.parametrize("options", [["--once"], ["--once", "--json"]])
def test_a_closed_pipe_ends_it_quietly(
    options: list[str], follow: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    follow(Followed(BOTH))
    with closed_pipe(monkeypatch):
        assert main([*BASIC, *options]) == 0
    assert capsys.readouterr() == ("", "")


def test_a_closed_pipe_is_noticed_without_a_line(follow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    followed = follow(Followed([], [], partial(os.close, reader)))
    with os.fdopen(writer, "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert main(BASIC) == 0
    assert followed.polled == 3


def test_what_the_encoding_lacks_is_escaped(follow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    follow(Followed([of_type("hist1d", name="Zähler")]))
    reader, writer = os.pipe()
    with os.fdopen(reader) as read, os.fdopen(writer, "w", encoding="ascii") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert main([*BASIC, "--once"]) == 0
        assert "Z\\xe4hler" in read.readline()
