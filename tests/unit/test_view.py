"""histsvc view: its options, what it says, and how it ends, without Kafka."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from matplotlib import pyplot
from unit.shown import of_type

from histsvc.cli import main, view
from histsvc.client import BrokerError, Histogram

# Nothing listens on port 1: whoever asks there fails with code 1 after 10 s.
BASIC = ["view", "-b", "127.0.0.1:1", "-hb", "heartbeat"]


class Followed:
    """What is followed: these histograms, at once."""

    def __init__(self, *histograms: Histogram) -> None:
        self.latest = {each.id: each for each in histograms}
        self.complete = bool(histograms)
        self.options = argparse.Namespace()

    def poll(self, timeout_s: float) -> list[Histogram]:
        return list(self.latest.values())


@pytest.fixture
def followed(monkeypatch: pytest.MonkeyPatch) -> Followed:
    """All types."""
    made = Followed(*map(of_type, ("hist1d", "hist2d", "dethist", "roihist")))

    @contextmanager
    def following(options: argparse.Namespace) -> Iterator[Followed]:
        made.options = options
        yield made

    monkeypatch.setattr(view, "following", following)
    return made


@pytest.fixture
def line(capsys: pytest.CaptureFixture[str]) -> Any:
    """`line(code, *arguments)` is the one line on stderr with which it ends."""

    def said(code: int, *arguments: str) -> str:
        try:
            ended = main([*BASIC, *arguments])
        except SystemExit as error:
            ended = int(str(error.code))
        out, err = capsys.readouterr()
        assert (ended, out, err.count("\n")) == (code, "", 1), err
        assert err.startswith("histsvc view: ")
        return err

    return said


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--save", "view.foo"], "view.foo"),
        (["--save", "not-there/view.png"], "not-there"),
        (["--save", "view.png", "--timeout", "-1"], "--timeout"),
        (["--log", "perhaps"], "'perhaps'"),
        (["--lgo"], "--lgo"),
        ([], "--save FILE"),
    ],
)
def test_wrong_use_ends_before_anybody_is_asked(
    line: Any, arguments: list[str], named: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    pyplot.switch_backend("agg")
    assert named in line(2, *arguments)
    assert not list(tmp_path.iterdir())


def test_without_topics_it_says_which(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["view", "-b", "127.0.0.1:1", "--save", str(tmp_path / "a.png")]) == 2
    assert "--topic" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["--save", "view.png"]])
def test_without_matplotlib_it_says_how_to_get_it(
    line: Any, arguments: list[str], monkeypatch: pytest.MonkeyPatch, followed: Followed
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert "pip install 'histsvc[view]'" in line(2, *arguments)


def test_help_needs_no_matplotlib(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(SystemExit) as ended:
        main(["view", "--help"])
    assert ended.value.code == 0
    assert "--save" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "log"),
    [
        ([], False),
        (["-l"], True),
        (["--log"], True),
        (["--log-scale"], True),
        (["-l", "True"], True),
        (["-l", "False"], False),
        (["--log-scale=no"], False),
        (["-l", "-t", "output"], True),
    ],
)
def test_all_ways_to_say_log(
    given: list[str], log: bool, followed: Followed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    saved: list[bool] = []

    def save(*_: object, log: bool) -> int:
        saved.append(log)
        return 0

    monkeypatch.setattr("histsvc.view.grid.save", save)
    assert main([*BASIC, *given, "--save", "a.png"]) == 0
    assert saved == [log]
    assert followed.options.topic == (["output"] if "output" in given else [])


@pytest.mark.parametrize("text", ["log-scale = true", "log = True", "log"])
def test_log_in_a_configuration_file(
    text: str, followed: Followed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("view.conf").write_text(text + "\n")
    assert main([*BASIC, "-c", "view.conf", "--save", "a.png"]) == 0
    assert followed.options.log is True


def test_the_name_of_the_file_is_printed(
    followed: Followed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "view.png"
    assert main([*BASIC, "--save", str(file)]) == 0
    assert capsys.readouterr() == (f"{file}\n", "")
    assert pyplot.imread(file).shape[:2] == (860, 1120)


def test_what_is_not_there_in_time_is_not_drawn_and_that_is_said(
    followed: Followed, tmp_path: Path, capsys: pytest.CaptureFixture[str], line: Any
) -> None:
    followed.complete = False
    file = tmp_path / "view.png"
    assert main([*BASIC, "--save", str(file), "--timeout", "0"]) == 0
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == (f"{file}\n", 1)
    assert "not everything was published within 0 s" in err
    file.unlink()
    followed.latest.clear()
    assert "within 0 s" in line(1, "--save", str(file), "--timeout", "0")
    assert not file.exists()


def test_how_many_are_left_out_is_said(
    followed: Followed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    followed.latest = {name: of_type("hist1d", name=name) for name in map(str, range(27))}
    assert main([*BASIC, "--save", str(tmp_path / "view.png")]) == 0
    assert "2 more left out: the first 25 by id are drawn; --id chooses\n" in capsys.readouterr().err


@pytest.fixture
def _backend() -> Iterator[None]:
    pyplot.switch_backend("module://unit.toolkit")
    yield
    pyplot.close("all")
    pyplot.switch_backend("agg")


@pytest.mark.usefixtures("_backend")
def test_brokers_that_do_not_answer_end_the_window(
    followed: Followed, line: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    polls = iter(range(3))

    def poll(_: float) -> list[Histogram]:
        if next(polls) == 2:
            raise BrokerError("not authorised", retriable=False)
        return list(followed.latest.values())

    monkeypatch.setattr(followed, "poll", poll)
    assert line(1) == "histsvc view: not authorised\n"


@pytest.mark.usefixtures("_backend")
def test_who_interrupts_while_it_connects_ends_it_quietly(
    followed: Followed, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def poll(_: float) -> list[Histogram]:
        raise KeyboardInterrupt

    monkeypatch.setattr(followed, "poll", poll)
    assert main(BASIC) == 0
    assert capsys.readouterr() == ("", "")
