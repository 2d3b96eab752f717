"""The demo as a live picture in the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Self

import numpy as np
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.status import Status
from rich.table import Table
from rich.text import Text

from histsvc.cli.demo.show import GOES_ON, Page, Said, Show, Stage
from histsvc.client import Histogram
from histsvc.clock import SystemClock, now_ms
from histsvc.view.styles import SERVICE_STATES, STATES
from histsvc.view.terminal import picture
from histsvc.view.text import age, duration, rate, short

# At least below the pictures: the commands, with their title.
_LINES_BELOW = 6
_LEAST_ROWS = 10
_LEAST_COLUMNS = 16
_STARTING = "the first start takes some seconds: "
_LEFT, _ABOVE = "detector", "spectrum"


class Screen(Show):
    """Takes the whole terminal while it runs and leaves the last picture and the verdict."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = Status("starting", console=console)
        self._live = Live(console=console, screen=True, auto_refresh=False)
        self._notes: list[str] = []
        self._clock = SystemClock()

    def __enter__(self) -> Self:
        """Say that it begins."""
        self._status.start()
        return self

    def close(self, error: BaseException | None) -> None:
        """Give the terminal back; after an error with what the service has said."""
        self._status.stop()
        self._live.stop()
        if isinstance(error, Exception):
            self._console.print("\n".join(self._notes[-20:]), markup=False)

    def note(self, line: str) -> None:
        """Keep it; at the start it is shown for a moment."""
        self._notes.append(line)
        room = self._console.width - len(_STARTING) - 4
        self._status.update(Text(f"{_STARTING}{(line.partition(' INFO ')[2] or line)[:room]}"))

    def update(self, stage: Stage) -> None:
        """Draw it anew."""
        if not self._live.is_started:
            self._status.stop()
            self._live.start()
        self._live.update(Group(self.drawn(stage), _footer(stage)), refresh=True)

    def verdict(self, stage: Stage, lines: Sequence[str], *, exact: bool) -> None:
        """Leave the last picture, the commands and the verdict in the terminal."""
        self._live.stop()
        style = "bold green" if exact else "bold red"
        *each, last = lines
        self._console.print(self.drawn(stage))
        self._console.print(*(Text(line) for line in each), Text(last, style), sep="\n")

    def drawn(self, stage: Stage) -> RenderableType:
        """All but the last line of a terminal."""
        columns, rows = self._console.size
        below = max(_LINES_BELOW, rows // 5)
        above = [_headline(stage)] if stage.page is None else [_address(stage.page), _headline(stage)]
        pictures = self._pictures(stage, columns, max(rows - len(above) - below - 1, _LEAST_ROWS))
        return Group(*above, pictures, *_commands(stage.said, columns, below))

    def _pictures(self, stage: Stage, columns: int, rows: int) -> RenderableType:
        """The detector to the left, the others to its right: the spectrum above the newest of the others."""
        left = min(2 * rows, columns * 9 // 20)
        right, upper = columns - left, rows // 2
        others: list[Histogram | None]
        others = [h for name, h in stage.histograms.items() if name not in (_LEFT, _ABOVE)] or [None]
        others = others[-max(1, right // _LEAST_COLUMNS) :]
        table, below = Table.grid(padding=0), Table.grid(padding=0)
        parts = range(len(others) + 1)
        widths = np.diff([right * part // len(others) for part in parts]).tolist()
        below.add_row(*map(self._panel, others, widths, [rows - upper] * len(others)))
        above = self._panel(stage.histograms.get(_ABOVE), right, upper)
        table.add_row(self._panel(stage.histograms.get(_LEFT), left, rows), Group(above, below))
        return table

    def _panel(self, histogram: Histogram | None, columns: int, rows: int) -> Panel:
        if histogram is None:
            return Panel(Text("…"), width=columns, height=rows, border_style="dim")
        info, style = histogram.info, STATES[histogram.state]
        how = f"{info.sum:,} counts" if columns > 34 else short(info.sum)
        more = [rate(info.rate), age(histogram.data_age_ms(now_ms(self._clock)))] if columns > 52 else []
        colour = self._console.color_system is not None and not self._console.no_color
        return Panel(
            picture(histogram, columns - 2, rows - 2, colour=colour),
            title=Text(f" {histogram.id} ", "bold"),
            subtitle=Text(f" {' · '.join([histogram.state, how, *more])} ", style),
            padding=0,
            width=columns,
            height=rows,
            border_style="dim",
        )


def _address(page: Page) -> Text:
    """Where the dashboard is, or why there is none."""
    line = Text("dashboard: ", "bold", no_wrap=True, overflow="ellipsis")
    if page.trouble:
        return line.append(f"{page.trouble}; the demo goes on without", "red")
    if not page.url:
        return line.append("is starting", "dim")
    line.append(page.url, "bold underline cyan")
    if page.open:
        return line.append(f"  {page.open} {'page' if page.open == 1 else 'pages'} open")
    return line.append("  open it in a browser")


def _headline(stage: Stage) -> Text:
    """Whether it is healthy, and how fast it goes."""
    line = Text("histsvc ", "bold", no_wrap=True, overflow="ellipsis")
    if stage.beat is not None:
        line.append(stage.beat.state, SERVICE_STATES.get(stage.beat.state, "bold"))
        states = Counter(str(worker.state).lower() for worker in stage.beat.workers)
        workers = ", ".join(f"{number} {state}" for state, number in sorted(states.items()))
        lag = max((info.lag for info in stage.beat.histograms), default=0)
        line.append(f"  workers: {workers}  lag {lag}")
    line.append(f"  {stage.sent:,} events  {rate(stage.rate)}")
    return line


def _commands(said: Sequence[Said], columns: int, rows: int) -> list[Text]:
    """The last commands and their replies, in so many lines with their title."""
    lines: list[Text] = []
    for each in reversed(said):
        entry = _command(each, columns)
        if len(lines) + len(entry) > rows - 1:
            break
        lines = [*entry, *lines]
    title = Text(" commands ".center(columns, "\u2500"), "dim", no_wrap=True)
    return [title, *lines, *[Text()] * (rows - 1 - len(lines))]


def _command(said: Said, columns: int) -> list[Text]:
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"{said.at_s:5.1f} s ", "dim").append(f"{said.cmd} ", "bold").append(said.about)
    if said.good:
        return [line.append("  ACK", "bold green").append(f" after {said.took_ms:.0f} ms", "dim")]
    line.append("  ERR", "bold red").append(f" {said.reply.get('code')}", "red")
    message = Text(f"{said.reply.get('message')}; what ran goes on untouched", "red")
    wrapped = message.wrap(Console(width=columns), columns - 8)
    return [line, *(Text.assemble(" " * 8, part) for part in wrapped)]


def _footer(stage: Stage) -> Text:
    left = "" if stage.left_s is None else f"{duration(1000 * stage.left_s)} left"
    if stage.is_looked_at:
        said = GOES_ON
    elif stage.stays and stage.page is not None and not stage.page.trouble:
        said = f"{left}, longer while the page is open; Ctrl-C ends it"
    else:
        said = f"{left}{', ' if left else ''}Ctrl-C ends it with the verdict"
    return Text(said, "dim", no_wrap=True, overflow="ellipsis")
