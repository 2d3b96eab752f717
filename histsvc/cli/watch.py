"""histsvc watch: prints histograms as they come, as text or JSON."""

from __future__ import annotations

import argparse
import json
import select
import shutil
from collections.abc import Sequence
from typing import TextIO

from histsvc.cli.histograms import add_timeout, check_complete, first, following, histogram_parser
from histsvc.cli.one_line import OneLineParser
from histsvc.cli.output import output
from histsvc.cli.stop import Stop
from histsvc.client import Histogram, HistogramFollowing
from histsvc.clock import Clock, SystemClock
from histsvc.errors import SettingsError
from histsvc.view.line import Lines, json_object

_PROG = "histsvc watch"
_POLL_S = 0.2
# What does not change is shown again after so long: one sees that it is still published.
_AGAIN_NS = 10_000_000_000
_NOT_SHOWN = {"offsets", "messages", "data_age_ms", "other_schema", "diff", "config"}
_NOT_SHOWN |= {"first_pulse_time", "last_pulse_time"}


def main(arguments: list[str]) -> int:
    """Print histograms; returns 0, also where a signal or a closed pipe ends it.

    Raises TimeoutError where `--once` does not find everything, and BrokerError.
    """
    options = options_parser().parse_args(arguments)
    if options.no_counts and not options.json:
        raise SettingsError("--no-counts leaves counts out of JSON; give --json, too, or neither")
    stop = Stop()
    with output() as stream, stop.signals(), following(options) as histograms:
        printer = Printer(options, stream, SystemClock())
        if options.once:
            _once(options, histograms, printer, stop)
        else:
            _live(histograms, printer, stop)
    return 0


def options_parser() -> OneLineParser:
    """Make the argument parser of ``histsvc watch``."""
    made = histogram_parser(_PROG, "Print histograms as they come, a line each.")
    group = made.add_argument_group("what to print")
    about_json = "a JSON object a line, with the counts, also where nothing has changed"
    group.add_argument("--json", action="store_true", help=about_json)
    group.add_argument("--no-counts", action="store_true", help="with --json: leave counts and edges out")
    group.add_argument("--once", action="store_true", help="print each histogram once, and end")
    add_timeout(group, "--once")
    return made


def _once(options: argparse.Namespace, histograms: HistogramFollowing, printer: Printer, stop: Stop) -> None:
    printer.show(first(histograms, options.timeout, stop))
    check_complete(options, histograms)


def _live(histograms: HistogramFollowing, printer: Printer, stop: Stop) -> None:
    with stop.at_once():
        found = histograms.poll(0)  # which takes long where brokers do not answer
    while not stop.requested() and not printer.closed():
        printer.show(found)
        found = histograms.poll(_POLL_S)


class Printer:
    """Prints histograms to a stream, as the options say."""

    def __init__(self, options: argparse.Namespace, stream: TextIO, clock: Clock) -> None:
        self._json, self._counts = options.json, not options.no_counts
        self._stream = stream
        self._clock = clock
        self._lines = Lines()
        self._header = ""
        self._shown: dict[str, Histogram] = {}

    def show(self, histograms: Sequence[Histogram]) -> None:
        """Print these in the order in which they were published; as text, if there is anything new.

        Raises BrokenPipeError where nobody reads any more.
        """
        ordered = sorted(histograms, key=lambda each: (each.timestamp_ns, each.info.index))
        for line in self._objects(ordered) if self._json else self._texts(ordered):
            print(line, file=self._stream, flush=True)

    def closed(self) -> bool:
        """Whether it is a pipe that nobody reads any more; found out without one more line."""
        poll = select.poll()
        poll.register(self._stream, 0)
        return bool(poll.poll(0))

    def _objects(self, histograms: Sequence[Histogram]) -> list[str]:
        # All that terminals act on is escaped: it is no ASCII that can be printed.
        return [json.dumps(json_object(each, counts=self._counts), allow_nan=False) for each in histograms]

    def _texts(self, histograms: Sequence[Histogram]) -> list[str]:
        news = [each for each in histograms if self._is_news(each)]
        self._shown.update({each.id: each for each in news})
        width = shutil.get_terminal_size().columns if self._stream.isatty() else None
        texts = self._lines.texts(news, self._clock.now_ns(), width)
        if not texts or width is None:
            return texts
        before, self._header = self._header, self._lines.header(width)
        return texts if self._header == before else [self._header, *texts]

    def _is_news(self, histogram: Histogram) -> bool:
        before = self._shown.get(histogram.id)
        return (
            before is None
            or histogram.timestamp_ns - before.timestamp_ns >= _AGAIN_NS
            or _shown(histogram) != _shown(before)
        )


def _shown(histogram: Histogram) -> tuple[object, ...]:
    """What makes a line differ from the one before, but for the time."""
    return *histogram.info.model_dump(exclude=_NOT_SHOWN).values(), histogram.counts.shape
