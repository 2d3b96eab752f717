"""histsvc save: its options, what it says, and how it ends, without Kafka."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import pytest
from unit.followed import Followed, closed_pipe
from unit.refused import check_refused
from unit.shown import NOW_MS, of_type

from histsvc.cli import main, save
from histsvc.client import BrokerError, Histogram, State
from histsvc.files import saver

# Nothing listens on port 1: whoever asks there fails with code 1 after 10 s.
BASIC = ["save", "-b", "127.0.0.1:1", "-t", "output"]
DONE = partial(of_type, state=State.FINISHED)
NUMBERS = [signal.SIGINT, signal.SIGTERM]


@pytest.fixture
def follow(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`follow(Followed(…))` is what will be followed; `follow.kept` says how."""

    def set_up(followed: Followed) -> Followed:
        @contextmanager
        def following(_: argparse.Namespace, *, keep_finished: bool) -> Iterator[Followed]:
            set_up.kept = keep_finished  # type: ignore[attr-defined]
            yield followed

        monkeypatch.setattr(save, "following", following)
        return followed

    return set_up


def raised(number: signal.Signals) -> Callable[[], object]:
    return partial(signal.raise_signal, number)


def titles(folder: Path) -> list[str]:
    """Of all files, in the order in which they were published."""
    found = []
    for path in sorted(folder.iterdir(), key=lambda path: path.name.rpartition("__")[2]):
        with h5py.File(path) as file:
            found.append(file["entry/data/title"].asstr()[()])
    return found


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], ["--to"]),
        (["--to", "not-there"], ["--to not-there", "no such folder"]),
        (["--to", "/proc"], ["--to /proc", "nothing can be written"]),
        (["--to", ".", "--every", "0"], ["--every", "0 is less than 1"]),
        (["--to", ".", "--every", "soon"], ["--every", "'soon'"]),
        (["--to", ".", "--every", "5", "--once"], ["--every", "--once"]),
        (["--to", ".", "--once", "--timeout", "-1"], ["--timeout"]),
        (["--to", ".", "-t", "a b"], ["-t/--topic", "'a b'"]),
        (["--too", "."], ["--to"]),
    ],
)
def test_wrong_use_is_one_line_and_code_2(
    arguments: list[str], named: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    check_refused(capsys, [*BASIC, *arguments], named)


def test_once_writes_each_in_whatever_state_and_names_the_files(
    follow: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    followed = follow(Followed([], [of_type("hist1d"), DONE("dethist")]))
    assert main([*BASIC, "--to", str(tmp_path), "--once"]) == 0
    out, err = capsys.readouterr()
    assert sorted(titles(tmp_path)) == ["dethist (FINISHED)", "hist1d (COUNTING)"]
    assert sorted(out.splitlines()) == sorted(map(str, tmp_path.iterdir()))
    assert (err, followed.polled, follow.kept) == ("", 2, False)


def test_once_without_anything_or_not_everything_is_code_1(
    follow: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    once = [*BASIC, "--to", str(tmp_path), "--once", "--timeout", "0"]
    followed = follow(Followed())
    assert main(once) == 1
    assert capsys.readouterr() == ("", "histsvc save: no such histogram was published within 0 s\n")
    followed.latest = {"hist1d": of_type("hist1d")}
    followed.expected = {"bank7"}
    assert main([*once, "--id", "hist*", "bank7"]) == 1
    assert capsys.readouterr().err == "histsvc save: not all were published within 0 s: bank7\n"
    assert titles(tmp_path) == ["hist1d (COUNTING)"]


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize(("every", "newest"), [([], False), (["--every", "60"], True)])
def test_a_signal_ends_it_when_what_is_newest_is_written(
    number: signal.Signals,
    every: list[str],
    newest: bool,
    follow: Any,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    before = signal.getsignal(number)
    states = [of_type("hist1d", published_ms=NOW_MS + after, seed=after) for after in (1, 2, 5)]
    rest = [DONE("dethist", published_ms=NOW_MS + 4)]
    follow(Followed([states[0]], [states[1], DONE("roihist")], raised(number), rest, [states[2]]))
    assert main([*BASIC, "--to", str(tmp_path), *every]) == 0
    out, err = capfd.readouterr()
    counting = ["hist1d (COUNTING)"] * newest
    assert titles(tmp_path) == ["roihist (FINISHED)", *counting, "dethist (FINISHED)", *counting]
    assert (err, follow.kept) == ("", True)
    assert sorted(out.splitlines()) == sorted(map(str, tmp_path.iterdir()))
    assert signal.getsignal(number) is before


def test_a_signal_ends_it_at_once_while_it_connects(
    follow: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    follow(Followed(raised(signal.SIGINT)))
    assert main([*BASIC, "--to", str(tmp_path)]) == 0
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("number", NUMBERS)
def test_a_second_signal_ends_it_at_once(
    number: signal.Signals, follow: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def again() -> None:
        signal.raise_signal(number)
        raise AssertionError("it goes on")

    follow(Followed([of_type("hist1d")], raised(signal.SIGINT), again))
    assert main([*BASIC, "--to", str(tmp_path)]) == 1
    assert capfd.readouterr() == ("", "histsvc save: ended before everything was written\n")
    assert not list(tmp_path.iterdir())


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full from the first histogram on."""

    def fail(_: Path, __: Histogram) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(saver, "save", fail)
    monkeypatch.setattr("histsvc.files.save", fail)


@pytest.mark.usefixtures("full")
def test_a_full_disk_does_not_end_it_and_is_told_in_the_end(
    follow: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    polls = [DONE("hist1d")], [DONE("dethist")], [of_type("roihist")], raised(signal.SIGTERM)
    followed = follow(Followed(*polls))
    assert main([*BASIC, "--to", str(tmp_path), "--every", "60"]) == 1
    assert capfd.readouterr().err.endswith("histsvc save: 3 histograms could not be written\n")
    assert followed.polled == len(polls) + 1


@pytest.mark.usefixtures("full")
def test_a_full_disk_ends_once(follow: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    follow(Followed([of_type("hist1d")]))
    assert main([*BASIC, "--to", str(tmp_path), "--once"]) == 1
    assert "No space left on device" in capsys.readouterr().err


def test_brokers_that_fail_are_told_when_the_rest_is_written(
    follow: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise BrokerError("not authorised", retriable=False)

    follow(Followed([of_type("hist1d")], [of_type("hist1d", published_ms=NOW_MS + 1, seed=2)], fail))
    assert main([*BASIC, "--to", str(tmp_path), "--every", "60"]) == 1
    assert capfd.readouterr().err == "histsvc save: not authorised\n"
    assert titles(tmp_path) == ["hist1d (COUNTING)"] * 2


def test_a_closed_pipe_ends_it_quietly(
    follow: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    follow(Followed([DONE("hist1d")]))
    with closed_pipe(monkeypatch):
        assert main([*BASIC, "--to", str(tmp_path)]) == 0
    assert capsys.readouterr() == ("", "")
    assert titles(tmp_path) == ["hist1d (FINISHED)"]
