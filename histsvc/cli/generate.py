"""``histsvc generate``: sends events, made up or recorded, and says exactly what Kafka has taken."""

from __future__ import annotations

import argparse
import itertools
import logging
import secrets
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from histsvc import settings
from histsvc.cli import options as shared
from histsvc.cli.one_line import OneLineParser
from histsvc.cli.options import at_least, not_negative
from histsvc.cli.sending import Sending
from histsvc.cli.stop import Stop
from histsvc.clock import Clock, SystemClock
from histsvc.errors import SettingsError
from histsvc.kafka.event_producer import EventProducer
from histsvc.model import Pulse
from histsvc.names import check_topics
from histsvc.sources.gaussian import GaussianSource
from histsvc.sources.nexus import NexusSource
from histsvc.sources.pace import Pace
from histsvc.wire import shapes

_PROG = "histsvc generate"
_EVENTS = {"compact": 1000, "efu": 1000, "isis": 100_000}
_ONLY_GAUSSIAN = ("num_events", "det_hist", "rate", "sources", "pixels", "first_pixel", "seed")
_ONLY_NEXUS = ("nexus_group", "source", "now", "speed")

_Plan = tuple[tuple[str, ...], Iterator[Pulse]]
"""The names of the sources, and their pulses, each when it is due."""


def options_parser() -> OneLineParser:
    """Make the argument parser of ``histsvc generate``."""
    made = shared.parser(_PROG, "Send events to a topic and say exactly what was delivered.")
    option = made.add_argument
    option("-t", "--topic", required=True, help="topic to send to")
    about_n = "messages of each source, 0: for ever; if not given, for ever, but with --nexus the file once"
    option("-n", "--num_messages", "--num-messages", type=at_least(0), metavar="N", help=about_n)
    option("--schema", choices=("ev42", "ev44"), default="ev42", help="schema of the messages")
    about_shape = (
        f"compact: as large as the events; efu: always {shapes.EFU_BYTES} bytes, with up to "
        f"{shapes.EFU_EVENTS} events each; isis: compact, with 100000 events each"
    )
    option("--shape", choices=tuple(_EVENTS), default="compact", help=about_shape)
    option("--partition", type=at_least(0), metavar="N", help="send to this partition only")
    _add_gaussian(made.add_argument_group("made-up events", "without --nexus"))
    _add_nexus(made.add_argument_group("recorded events"))
    return made


def _add_gaussian(group: argparse._ArgumentGroup) -> None:
    option = group.add_argument
    about_ne = "events of each message; if not given, 1000, but with --shape isis 100000"
    option("-ne", "--num_events", "--num-events", type=at_least(0), metavar="N", help=about_ne)
    about_dh = "pixel ids are a blob in x and y on the detector, not just Gaussian numbers"
    option("-dh", "--det-hist", action="store_true", help=about_dh)
    option("--rate", type=not_negative, default=1.0, help="messages per second of each source, 0: no limit")
    about_sources = "number (they are source0, source1, ...) or names (a,b,c) of the sources"
    option("--sources", default="1", metavar="N|NAMES", help=about_sources)
    option("--pixels", metavar="WxH", type=_size, default="100x100", help="size of the detector")
    option("--first-pixel", type=at_least(0), default=1, metavar="ID", help="smallest pixel id")
    option("--seed", type=at_least(0), help="equal seeds give equal events; stderr tells which it is")


def _add_nexus(group: argparse._ArgumentGroup) -> None:
    option = group.add_argument
    about_nexus = "NeXus file; its pulse times become Kafka timestamps: retention.ms may drop old ones"
    option("--nexus", type=Path, metavar="FILE", help=about_nexus)
    option("--nexus-group", metavar="PATH", help="group of the events; if not given, the first NXevent_data")
    option("--source", metavar="NAME", help="source name; if not given, the instrument's, else the group's")
    option("--now", action="store_true", help="move the pulse times so that the run begins now")
    about_speed = "factor on the pace of the run, 0: no limit; if not given, 0, but with --now 1"
    option("--speed", type=not_negative, help=about_speed)


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise argparse.ArgumentTypeError(f"{text!r} is not WIDTHxHEIGHT, such as 512x1568")
    return int(width), int(height)


def _source_names(text: str) -> tuple[str, ...]:
    if text.isdecimal() and int(text):
        return tuple(f"source{number}" for number in range(int(text)))
    names = tuple(name.strip() for name in text.split(","))
    if text.isdecimal() or not all(names) or len(set(names)) < len(names):
        raise SettingsError(f"--sources: {text!r} is neither a number from 1 up nor different names (a,b,c)")
    return names


def _refuse_misplaced(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    names, why = (_ONLY_GAUSSIAN, "has no effect with") if options.nexus else (_ONLY_NEXUS, "needs")
    defaults = parser.parse_args(["-b", "-", "-t", "-"])
    for name in names:
        if getattr(options, name) != getattr(defaults, name):
            raise SettingsError(f"--{name.replace('_', '-')} {why} --nexus")


def _gaussian(options: argparse.Namespace, pace: Pace) -> _Plan:
    width, height = options.pixels
    source = GaussianSource(
        sources=_source_names(options.sources),
        events=_EVENTS[options.shape] if options.num_events is None else options.num_events,
        seed=secrets.randbits(32) if options.seed is None else options.seed,
        width=width,
        height=height,
        first_pixel=options.first_pixel,
        detector=options.det_hist,
    )
    _, largest = shapes.allowed(options.schema)
    if source.last_pixel > largest:
        raise SettingsError(
            f"--pixels, --first-pixel: the last id is {source.last_pixel}, {options.schema} ends at {largest}"
        )
    _say(f"seed {source.seed}, sources {', '.join(source.sources)}")
    numbers: Iterable[int] = range(options.num_messages) if options.num_messages else itertools.count()
    return source.sources, source.pulses(pace.times_ns(numbers, options.rate))


def _nexus(options: argparse.Namespace, pace: Pace, clock: Clock) -> _Plan:
    allowed = shapes.allowed(options.schema)
    source = NexusSource(options.nexus, allowed, group=options.nexus_group, source=options.source)
    times = source.time_ns
    shift_ns = clock.now_ns() - int(times[0]) if options.now and times.size else 0
    if times.size and int(times.min()) + shift_ns < 1_000_000:
        raise SettingsError(f"{options.nexus}: Kafka has no times before 1970-01-01T00:00:00.001; use --now")
    _say(f"{options.nexus}, {source.group}: {times.size} pulses, {source.events} events of {source.source}")
    speed = float(options.now) if options.speed is None else options.speed
    pulses = source.pulses(repeat=options.num_messages is not None)
    limited = itertools.islice(pulses, options.num_messages or None)
    return (source.source,), (pulse.shifted(shift_ns) for pulse in pace.at_speed(limited, speed))


def _say(text: str) -> None:
    print(f"{_PROG}: {text}", file=sys.stderr)


def _generate(options: argparse.Namespace, clock: Clock, stop: Stop) -> int:
    producer = EventProducer(settings.kafka_settings(options), clock)

    def wait(left_s: float) -> bool:
        producer.poll(0)
        return stop.wait(min(left_s, 1.0))

    pace = Pace(clock, wait)
    sources, pulses = _nexus(options, pace, clock) if options.nexus else _gaussian(options, pace)
    encoders = {source: shapes.encoder(options.shape, options.schema, source) for source in sources}
    sending = Sending(producer, clock, stop, options.topic, options.partition)
    try:
        sending.send(pulses, encoders)
    finally:
        print(*sending.summary.lines(), sep="\n", flush=True)
    if sending.failure:
        _say(f"not everything was delivered: {sending.failure}")
        return 1
    return 0


def main(argv: list[str]) -> int:
    """Run ``histsvc generate``; returns the exit code.

    0: everything sent was delivered, also after SIGINT or SIGTERM; 1: something was not; 2: wrong use.
    """
    parser = options_parser()
    options = parser.parse_args(argv)
    stop = Stop()
    try:
        _refuse_misplaced(parser, options)
        check_topics("-t/--topic", options.topic)
        level = settings.log_level(options.log_level)
        logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
        with stop.signals():
            return _generate(options, SystemClock(), stop)
    except SettingsError as error:
        _say(str(error))
        return 2
