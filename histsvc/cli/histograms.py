"""What the tools that show histograms share: which ones, from where, and for how long to wait for them."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from histsvc import settings
from histsvc.cli.one_line import OneLineParser
from histsvc.cli.options import not_negative, parser
from histsvc.cli.stop import Stop
from histsvc.client import Client, Histogram, HistogramFollowing
from histsvc.clock import Deadline, SystemClock
from histsvc.errors import SettingsError
from histsvc.names import check_topics, plain_ids
from histsvc.view.text import printable

# A large histogram that does not change is published every 10 s.
_TIMEOUT_S = 15.0
_POLL_S = 0.2


def histogram_parser(
    prog: str, description: str, log_level: tuple[str, ...] = ("-l", "--log-level")
) -> OneLineParser:
    """Make an argument parser with the options that say which histograms to show."""
    made = parser(prog, description, log_level, level="3")
    group = made.add_argument_group("histograms")
    about_topics = "topics of histograms; if not given, those that the heartbeats tell"
    group.add_argument("-t", "--topic", nargs="+", default=[], help=about_topics)
    group.add_argument("-hb", "--hb-topic", default="", help="topic of heartbeats, needed without --topic")
    about_ids = "only histograms with these ids; patterns such as 'bank*' in quotes"
    group.add_argument("--id", nargs="+", default=["*"], metavar="PATTERN", help=about_ids)
    return made


def add_timeout(group: argparse._ActionsContainer, what: str) -> None:
    """Add the option for how long to wait for the first histograms."""
    about = f"seconds to wait for histograms with {what}"
    group.add_argument("--timeout", type=not_negative, default=_TIMEOUT_S, help=about)


@contextmanager
def following(
    options: argparse.Namespace, *, keep_finished: bool = False, handler: logging.Handler | None = None
) -> Iterator[HistogramFollowing]:
    """Follow the histograms that the options ask for; the log goes to `handler`, without one to stderr."""
    level, handlers = settings.log_level(options.log_level), None if handler is None else [handler]
    logging.basicConfig(level=level, format="%(levelname)s %(message)s", handlers=handlers)
    if not options.topic and not options.hb_topic:
        raise SettingsError("give -t/--topic, the topics of histograms, or -hb/--hb-topic to find them")
    check_topics("-t/--topic", *options.topic)
    if options.hb_topic:
        check_topics("-hb/--hb-topic", options.hb_topic)
    with Client(settings.kafka_settings(options), heartbeat_topic=options.hb_topic) as client:
        yield client.follow(options.id, options.topic, keep_finished=keep_finished)


def first(histograms: HistogramFollowing, timeout_s: float, stop: Stop) -> list[Histogram]:
    """Wait until everything that is asked for is there; raises TimeoutError where nothing is in time."""
    deadline = Deadline(SystemClock(), timeout_s)
    with stop.at_once():
        while not histograms.complete:
            if deadline.expired():
                if histograms.latest:
                    break
                raise TimeoutError(f"no such histogram was published within {timeout_s:g} s")
            histograms.poll(min(_POLL_S, deadline.remaining_s()))
    return list(histograms.latest.values())


def check_complete(options: argparse.Namespace, histograms: HistogramFollowing) -> None:
    """Raise TimeoutError, which names them, where histograms are missing when `first` has waited."""
    if not histograms.complete:
        missing = [printable(name) for name in plain_ids(options.id) if name not in histograms.latest]
        which = f": {', '.join(missing)}" if missing else ""
        raise TimeoutError(f"not all were published within {options.timeout:g} s{which}")
