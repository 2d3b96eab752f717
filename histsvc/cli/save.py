"""histsvc save: writes histograms into NeXus files, each that FINISHED and others from time to time."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TextIO

from histsvc import files
from histsvc.cli.histograms import add_timeout, check_complete, first, following, histogram_parser
from histsvc.cli.one_line import OneLineParser
from histsvc.cli.options import at_least
from histsvc.cli.output import output
from histsvc.cli.stop import Stop
from histsvc.client import BrokerError, HistogramFollowing
from histsvc.clock import Deadline, SystemClock

_PROG = "histsvc save"
_POLL_S = 0.2
# For how long to read on when somebody asks to stop, and how long nothing must have come to be at the end.
_REST_S, _QUIET_S = 2.0, 0.4
_LONGEST_S = 7 * 24 * 3600


def main(arguments: list[str]) -> int:
    """Write files until a signal comes, or once; returns 0, and 1 where something could not be written.

    Raises TimeoutError where `--once` does not find everything, SettingsError where nothing can be written
    from the start, and BrokerError.
    """
    options = options_parser().parse_args(arguments)
    files.check_folder(options.to)
    stop, unwritten = Stop(second_at_once=True), 0
    with output() as stream, stop.signals(), following(options, keep_finished=not options.once) as histograms:
        if options.once:
            _once(options, histograms, stream, stop)
        else:
            unwritten = _live(options, histograms, stream, stop)
    if stop.hurried():
        _say("ended before everything was written")
    else:
        _tell(unwritten)
    return 1 if unwritten or stop.hurried() else 0


def options_parser() -> OneLineParser:
    """Make the argument parser of ``histsvc save``."""
    about = "Write each histogram that is FINISHED into a NeXus file, and others from time to time."
    made = histogram_parser(_PROG, about)
    group = made.add_argument_group("files")
    about_to = "folder for the files, which must exist"
    group.add_argument("--to", type=Path, required=True, metavar="DIR", help=about_to)
    when = group.add_mutually_exclusive_group()
    about_every = "seconds after which those that have changed are written, too, before they are FINISHED"
    when.add_argument("--every", type=at_least(1, _LONGEST_S), metavar="SECONDS", help=about_every)
    when.add_argument("--once", action="store_true", help="write each once, in whatever state, and end")
    add_timeout(group, "--once")
    return made


def _once(options: argparse.Namespace, histograms: HistogramFollowing, stream: TextIO, stop: Stop) -> None:
    for each in first(histograms, options.timeout, stop):
        print(files.save(options.to, each), file=stream, flush=True)
    check_complete(options, histograms)


def _live(options: argparse.Namespace, histograms: HistogramFollowing, stream: TextIO, stop: Stop) -> int:
    """Write until somebody asks to stop, and then what is newest; returns how many could not be written."""
    saver = files.Saver(
        options.to,
        SystemClock(),
        every_s=options.every,
        written=lambda file: print(file, file=stream, flush=True),
    )
    with stop.at_once():
        found = histograms.poll(0)  # which takes long where brokers do not answer
    try:
        while not stop.requested():
            saver.take(found)
            saver.write()
            if saver.is_full:
                stop.wait(_POLL_S)
            found = [] if saver.is_full else histograms.poll(_POLL_S)
        saver.take(found)
        _take_rest(histograms, saver)
    except BrokerError:
        _tell(saver.finish())
        raise
    return saver.finish()


def _take_rest(histograms: HistogramFollowing, saver: files.Saver) -> None:
    """Take what was published until somebody asked to stop, and what FINISHED because all ends."""
    deadline = Deadline(SystemClock(), _REST_S)
    while not deadline.expired():
        found = histograms.poll(_QUIET_S)
        saver.take(found)
        if not found:
            break


def _tell(unwritten: int) -> None:
    if unwritten:
        _say(f"{unwritten} histograms could not be written")


def _say(what: str) -> None:
    print(f"{_PROG}: {what}", file=sys.stderr)
