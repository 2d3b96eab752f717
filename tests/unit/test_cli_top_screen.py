"""The picture of histsvc top: as many lines as the terminal has, with the log and how to end."""

from __future__ import annotations

import logging

import pytest
from rich.console import Console
from unit.beats import ESCAPED, NASTY, beat, info, widest
from unit.followed import Terminal

from histsvc.cli import top
from histsvc.cli.screen import Notes
from histsvc.client import Heartbeat
from histsvc.view.top import Seen


def screen(notes: Notes, *beats: Heartbeat, height: int = 24, width: int = 80) -> list[str]:
    console = Console(width=width, height=height, file=Terminal())
    seen = [Seen(each, 0.0) for each in beats]
    return top._screen(seen, "heartbeat", console, notes).plain.split("\n")


@pytest.mark.parametrize("height", [1, 2, 3, 8, 24, 50])
def test_the_picture_fills_the_terminal_and_says_how_to_end(height: int) -> None:
    beats = [beat(*(info(f"h{number}") for number in range(30)), id=name) for name in "ab"]
    lines = screen(Notes(), *beats, height=height)
    assert len(lines) == max(2, height)
    assert lines[-1] == "Ctrl-C ends"
    assert widest(lines) <= 80


def test_without_heartbeats_it_says_what_it_waits_for() -> None:
    assert screen(Notes())[0] == "no heartbeats yet from topic heartbeat; waiting for them"


def test_the_last_of_the_log_is_in_the_picture() -> None:
    notes = Notes()
    for text in ("first", "second", NASTY):
        notes.handle(logging.makeLogRecord({"msg": text, "levelname": "WARNING"}))
    lines = screen(notes, beat(info("tof")))
    assert len(lines) == 24
    assert [line.partition(" ")[2] for line in lines[-3:-1]] == ["second", ESCAPED]
