"""Wrong use of `histsvc generate`: one line that names the option, exit code 2, and nothing is sent."""

from __future__ import annotations

import pytest

from histsvc.cli import generate


@pytest.fixture(autouse=True)
def no_producer(monkeypatch: pytest.MonkeyPatch) -> None:
    # It is made before the last checks, but must not be used.
    monkeypatch.setattr(generate, "EventProducer", lambda *_: None)


def run(*arguments: str) -> int:
    return generate.main(["-b", "localhost:9092", "-t", "data", *arguments])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--now"], "--now needs --nexus"),
        (["--speed", "2"], "--speed needs --nexus"),
        (["--source", "a"], "--source needs --nexus"),
        (["--nexus", "run.nxs", "--rate", "2"], "--rate has no effect with --nexus"),
        (["--nexus", "run.nxs", "-ne", "2"], "--num-events has no effect with --nexus"),
        (["--nexus", "run.nxs", "-dh"], "--det-hist has no effect with --nexus"),
        (["--nexus", "missing.nxs"], "missing.nxs: there is no such file"),
        (["--sources", "0"], "--sources: '0' is neither"),
        (["--sources", "a,,b"], "--sources: 'a,,b' is neither"),
        (["--sources", "a,a"], "--sources: 'a,a' is neither"),
        (["--sources", "x" * 80, "--shape", "efu"], "too long for fixed-size messages"),
        (["--pixels", "65536x65536"], "the last id is 4294967296, ev42 ends at 4294967295"),
        (["--schema", "ev44", "--first-pixel", "2147483647"], "the last id is 2147493646, ev44 ends at"),
        (["-b", "localhost"], "'localhost' is not host:port"),
        (["-l", "9"], "--log-level"),
    ],
)
def test_one_line_says_what_is_wrong(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert run(*arguments) == 2
    captured = capsys.readouterr()
    assert message in captured.err.splitlines()[-1]
    assert captured.out == ""


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        *((f"--pixels={size}", "is not WIDTHxHEIGHT") for size in ("100", "0x5", "axb", "5x", "-1x5")),
        ("--rate=-1", "is not a number from 0 up"),
        ("--rate=inf", "is not a number from 0 up"),
        ("--speed=nan", "is not a number from 0 up"),
        ("-n=-1", "is less than 0"),
        ("--shape=round", "invalid choice"),
    ],
)
def test_values_that_cannot_be(capsys: pytest.CaptureFixture[str], argument: str, message: str) -> None:
    with pytest.raises(SystemExit) as raised:
        run(argument)
    assert raised.value.code == 2
    assert message in capsys.readouterr().err
