"""The demo on the screen and as lines: legible, within the terminal, and with every reply in full."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text
from unit.shown import of_type

from histsvc.cli.demo.plain import Plain
from histsvc.cli.demo.screen import Screen
from histsvc.cli.demo.show import GOES_ON, Page, Said, Stage
from histsvc.client import Heartbeat, HistogramInfo, State
from histsvc.protocol.heartbeat import ServiceIdentity, WorkerStatus

SIZES = [(80, 24), (100, 30), (160, 50), (250, 70), (60, 20)]
NAMES = {"dethist": "detector", "hist1d": "spectrum", "hist2d": "peak", "roihist": "region"}
MESSAGE = "histograms[0].num_bins: -50 is not allowed: Input should be greater than or equal to 1"
ACK = Said(0.0, "config", "detector, spectrum and peak", {"response": "ACK"}, 31.2)
ERR = Said(
    7.2,
    "config",
    "a config with a mistake",
    {"response": "ERR", "code": "INVALID_ARGUMENT", "message": MESSAGE},
    8.0,
)
VERDICT = ["detector  4 expected  4 counted  4 accounted  exact", "4 events sent: every count is exact"]
CURSOR_ON, CURSOR_OFF = "\x1b[?25h", "\x1b[?25l"
ALTERNATE_SCREEN, USUAL_SCREEN = "\x1b[?1049h", "\x1b[?1049l"


URL = "http://localhost:8888/"
OPEN = Page(URL, 1)


def stage(*kinds: str, said: tuple[Said, ...] = (ACK, ERR), page: Page | None = None, **keys: Any) -> Stage:
    workers = tuple(WorkerStatus(1, state, 0) for state in ("COUNTING", "SPARE", "SPARE"))
    infos = (HistogramInfo(id="a", job="j", index=0, lag=17, state=State.COUNTING),)
    beat = Heartbeat(1, 1000, ServiceIdentity("histsvc", "", "1", "1", 5), infos, workers)
    histograms = {NAMES[kind]: of_type(kind, name=NAMES[kind], **keys) for kind in kinds}
    return Stage(12.0, 48.0, page, True, 1_234_567, 84_000.0, histograms, beat, list(said))


class Terminal:
    """A terminal, and what was written to it."""

    def __init__(self, columns: int = 80, rows: int = 24, **keys: Any) -> None:
        self.written = io.StringIO()
        keys = {"color_system": "truecolor", "force_terminal": True, "highlight": False, **keys}
        self.console = Console(width=columns, height=rows, file=self.written, **keys)

    @property
    def text(self) -> str:
        return Text.from_ansi(self.written.getvalue()).plain

    def drawn(self, made: Stage) -> list[str]:
        self.console.print(Screen(self.console).drawn(made))
        return self.text.removesuffix("\n").split("\n")


@pytest.mark.parametrize(("columns", "rows"), SIZES)
@pytest.mark.parametrize("kinds", [(), ("dethist",), ("dethist", "hist1d", "hist2d"), tuple(NAMES)])
def test_the_picture_leaves_one_line_of_the_terminal(columns: int, rows: int, kinds: tuple[str, ...]) -> None:
    lines = Terminal(columns, rows).drawn(stage(*kinds))
    assert len(lines) == rows - 1
    assert max(map(cell_len, lines)) <= columns


@pytest.mark.parametrize(("columns", "rows"), SIZES)
def test_everything_is_told_in_every_terminal(columns: int, rows: int) -> None:
    text = " ".join(Terminal(columns, rows).drawn(stage(*NAMES)))
    for expected in (*NAMES.values(), "RUNNING", "COUNTING", "ACK", "ERR INVALID_ARGUMENT"):
        assert expected in text
    assert MESSAGE in re.sub(r"\s+", " ", text)


@pytest.mark.parametrize(("columns", "rows"), SIZES)
@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (Page(), "is starting"),
        (Page(URL), f"{URL}  open it in a browser"),
        (Page(URL, 1), f"{URL}  1 page open"),
        (Page(URL, 2), f"{URL}  2 pages open"),
        (Page(URL, 0, "it ended"), "it ended; the demo goes on without"),
    ],
)
def test_the_dashboard_has_the_first_line_of_every_terminal(
    columns: int, rows: int, page: Page, expected: str
) -> None:
    lines = Terminal(columns, rows).drawn(stage(*NAMES, page=page))
    assert len(lines) == rows - 1
    assert max(map(cell_len, lines)) <= columns
    assert lines[0] == f"dashboard: {expected}"


def test_many_histograms_leave_room_for_each() -> None:
    made = stage(*NAMES)
    added = {f"added{number}": made.histograms["region"] for number in range(40)}
    made.histograms |= {name: replace(each, topic=name) for name, each in added.items()}
    for columns, rows in SIZES:
        lines = Terminal(columns, rows).drawn(made)
        assert len(lines) == rows - 1
        assert max(map(cell_len, lines)) <= columns
        assert "spectrum" in " ".join(lines)


@pytest.mark.parametrize(
    ("page", "left_s", "expected"),
    [
        (None, 48.0, "48 s left, Ctrl-C ends it with the verdict"),
        (None, None, "Ctrl-C ends it with the verdict"),
        (Page(URL), 48.0, "48 s left, longer while the page is open; Ctrl-C ends it"),
        (Page(URL, 0, "it ended"), 48.0, "48 s left, Ctrl-C ends it with the verdict"),
        (OPEN, 48.0, GOES_ON),
        (OPEN, 0.0, GOES_ON),
    ],
)
def test_the_last_line_says_how_long_it_lasts(page: Page | None, left_s: float | None, expected: str) -> None:
    terminal = Terminal(60, 20)
    with Screen(terminal.console) as screen:
        screen.update(replace(stage("dethist", page=page), left_s=left_s))
    shown = Text.from_ansi(terminal.written.getvalue()).plain
    assert expected in shown


def test_lines_tell_once_that_it_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    with Plain() as plain:
        for page in (Page(URL), OPEN, OPEN, Page(URL), OPEN):
            plain.update(stage("dethist", said=(), page=page))
        plain.update(replace(stage("dethist", said=(), page=OPEN), stays=False))
    assert capsys.readouterr().out.count(GOES_ON) == 2


def test_how_it_is_stands_in_the_first_line() -> None:
    first = Terminal().drawn(stage(*NAMES))[0]
    expected = "histsvc RUNNING  workers: 1 counting, 2 spare  lag 17  1,234,567 events  84k/s"
    assert first == expected


def test_only_the_last_commands_are_shown_where_there_are_many() -> None:
    many = [replace(ACK, about=f"number {number}") for number in range(20)]
    lines = Terminal().drawn(stage("dethist", said=tuple(many)))
    shown = [line for line in lines if "number" in line]
    assert [line.split()[4] for line in shown] == ["15", "16", "17", "18", "19"]


def test_wide_terminals_tell_rates_and_ages_too() -> None:
    made = stage(*NAMES, rate=1234.0, data_age_ms=0)
    assert "1.23k/s" not in " ".join(Terminal(80, 24).drawn(made))
    assert "1.23k/s" in " ".join(Terminal(160, 50).drawn(made))


def test_without_colours_there_are_none() -> None:
    terminal = Terminal(no_color=True, color_system=None)
    lines = terminal.drawn(stage(*NAMES))
    assert "\x1b[" not in terminal.written.getvalue()
    assert "\u2580" not in "".join(lines)


def test_the_last_picture_and_the_verdict_stay_in_the_terminal() -> None:
    terminal = Terminal()
    with Screen(terminal.console) as screen:
        screen.note("INFO starting")
        screen.update(stage("dethist"))
        screen.verdict(stage(*NAMES), VERDICT, exact=True)
    before, _, after = terminal.written.getvalue().partition(USUAL_SCREEN)
    assert ALTERNATE_SCREEN in before
    assert "Ctrl-C" in before
    left = Text.from_ansi(after).plain
    assert "Ctrl-C" not in left
    assert "region" in left
    assert left.rstrip().endswith("\n".join(VERDICT))


def test_what_went_on_behind_the_stage_is_told_after_an_error() -> None:
    terminal = Terminal()

    def fail() -> None:
        with Screen(terminal.console) as screen:
            screen.note("service: it [bold]burns[/bold]")
            screen.update(stage("dethist"))
            raise TimeoutError

    with pytest.raises(TimeoutError):
        fail()
    written = terminal.written.getvalue()
    _, _, after = written.partition(USUAL_SCREEN)
    assert "service: it [bold]burns[/bold]" in after
    assert written.rindex(CURSOR_ON) > written.rindex(CURSOR_OFF)


def test_plain_lines_tell_each_command_once_and_the_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    with Plain() as plain:
        plain.update(stage(*NAMES, said=(ACK,)))
        plain.update(stage(*NAMES))
        plain.verdict(stage(*NAMES), VERDICT, exact=True)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "config, detector, spectrum and peak: ACK (31 ms)"
    assert lines[1].startswith("sent 1,234,567 events | detector COUNTING 780 lag 0 | spectrum COUNTING 45")
    assert lines[2] == f"config, a config with a mistake: ERR INVALID_ARGUMENT: {MESSAGE} (8 ms)"
    assert lines[3:] == ["", *VERDICT]
