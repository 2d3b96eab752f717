"""histsvc view: draws histograms as they come, in a window or a terminal, or into a file."""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

from histsvc.cli import view_terminal
from histsvc.cli.histograms import add_timeout, first, following, histogram_parser
from histsvc.cli.one_line import OneLineParser
from histsvc.cli.stop import Stop
from histsvc.clock import SystemClock, now_ms
from histsvc.errors import SettingsError
from histsvc.view import grid, window

_PROG = "histsvc view"
_YES, _NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def main(arguments: list[str]) -> int:
    """Draw; returns 0 where the window was closed or the file is written."""
    options = options_parser().parse_args(arguments)
    if options.terminal:
        if options.save is not None:
            raise SettingsError("--terminal draws into the terminal, --save into a file; give one of them")
        return view_terminal.show(options)
    if options.once:
        raise SettingsError("--once needs --terminal; --save draws into a file once")
    # Ids may have letters that the font does not have; that is seen.
    warnings.filterwarnings("ignore", "Glyph .* missing from font")
    return _live(options) if options.save is None else _save(options)


def options_parser() -> OneLineParser:
    """Make the argument parser of ``histsvc view``."""
    about = "Draw histograms as they come, in a window or a terminal, or into a file."
    made = histogram_parser(_PROG, about, log_level=("--log-level",))
    about_log = "logarithmic scale of the counts"
    made.add_argument(
        "-l", "--log", "--log-scale", nargs="?", type=_flag, const=True, default=False, help=about_log
    )
    shown = made.add_argument_group("terminal")
    about_terminal = "draw in the terminal, with characters; neither display nor matplotlib is needed"
    shown.add_argument("--terminal", action="store_true", help=about_terminal)
    about_once = "with --terminal: draw each once, and end; so it is, too, where the output is no terminal"
    shown.add_argument("--once", action="store_true", help=about_once)
    group = made.add_argument_group("file")
    about_save = "draw once into this file, such as view.png, and end; no display is needed"
    group.add_argument("--save", type=Path, metavar="FILE", help=about_save)
    add_timeout(made.add_argument_group("waiting"), "--save or --once")
    return made


def _flag(given: str) -> bool:
    if given.lower() not in (*_YES, *_NO):
        raise argparse.ArgumentTypeError(f"{given!r} is none of {', '.join((*_YES, *_NO))}")
    return given.lower() in _YES


def _save(options: argparse.Namespace) -> int:
    grid.check_file(options.save)
    # Nobody asks to stop: who interrupts gets no file.
    with following(options) as histograms:
        found = first(histograms, options.timeout, Stop())
        if not histograms.complete:
            _say(f"not everything was published within {options.timeout:g} s; what there is, is drawn")
    _tell_left_out(grid.save(options.save, found, now_ms(SystemClock()), log=options.log))
    print(options.save)
    return 0


def _live(options: argparse.Namespace) -> int:
    stop = Stop()
    with stop.signals(), following(options) as histograms:
        with stop.at_once():
            figure = window.open_figure()
            histograms.poll(0)  # brokers that do not answer are told before the window is seen
        window.Window(
            figure,
            histograms,
            SystemClock(),
            log=options.log,
            stopped=stop.requested,
            left_out=_tell_left_out,
        ).run()
    return 0


def _tell_left_out(number: int) -> None:
    if number:
        _say(f"{number} more left out: the first {grid.MOST} by id are drawn; --id chooses")


def _say(what: str) -> None:
    print(f"{_PROG}: {what}", file=sys.stderr)
