"""histsvc view --terminal: histograms as pictures in a terminal, live or once."""

from __future__ import annotations

import argparse

from rich.console import Console
from rich.live import Live
from rich.text import Text

from histsvc.cli.histograms import check_complete, first, following
from histsvc.cli.output import output
from histsvc.cli.screen import Notes, filled, joined, room
from histsvc.cli.stop import Stop
from histsvc.client import HistogramFollowing
from histsvc.clock import Clock, Every, SystemClock, now_ms
from histsvc.view.tiles import Tiles

_POLL_S = 0.1
# Ages change all the time; what is published is shown no more often than eyes follow.
_FRAME_S, _AGES_S = 0.2, 1.0


def show(options: argparse.Namespace) -> int:
    """Show histograms until a signal comes, or once; returns 0.

    Raises TimeoutError where that once does not find everything in time, and BrokerError.
    """
    stop, notes, clock = Stop(), Notes(), SystemClock()
    with output() as stream, stop.signals():
        console = Console(file=stream, highlight=False)
        once = options.once or not console.is_terminal or console.is_dumb_terminal
        with following(options, handler=None if once else notes) as histograms:
            if once:
                _once(options, histograms, console, stop)
            else:
                _live(histograms, Screen(console, notes, clock, log=options.log), clock, stop)
    return 0


class Screen:
    """Draws histograms into a terminal, whatever its size is by then."""

    def __init__(self, console: Console, notes: Notes, clock: Clock, *, log: bool) -> None:
        self.console = console
        self._notes = notes
        self._clock = clock
        self._log = log

    def drawn(self, histograms: HistogramFollowing) -> Text:
        """As many lines as the terminal has."""
        shown = histograms.latest.values()
        lines = _tiles(self.console, log=self._log).lines(
            shown, room(self.console, self._notes), now_ms(self._clock)
        )
        if not shown:
            lines = [Text("waiting for histograms \u2026", "yellow")]
        return filled(lines, self.console, self._notes)


def _once(options: argparse.Namespace, histograms: HistogramFollowing, console: Console, stop: Stop) -> None:
    found = first(histograms, options.timeout, stop)
    # By itself it would end the program with exit code 1 where the pipe is closed.
    with console.capture() as captured:
        console.print(joined(_tiles(console, log=options.log).lines(found, None, now_ms(SystemClock()))))
    print(captured.get(), end="", file=console.file, flush=True)
    check_complete(options, histograms)


def _live(histograms: HistogramFollowing, screen: Screen, clock: Clock, stop: Stop) -> None:
    frame_due, ages_due, changed = Every(clock, _FRAME_S), Every(clock, _AGES_S), False
    with stop.at_once():
        histograms.poll(0)  # which takes long where brokers do not answer
    with Live(console=screen.console, screen=True, auto_refresh=False) as live:
        while not stop.requested():
            if ages_due.due() or (changed and frame_due.due()):
                live.update(screen.drawn(histograms), refresh=True)
                changed = False
            changed |= bool(histograms.poll(_POLL_S))


def _tiles(console: Console, *, log: bool) -> Tiles:
    colour = console.color_system is not None and not console.no_color
    return Tiles(console.width, colour=colour, log=log)
