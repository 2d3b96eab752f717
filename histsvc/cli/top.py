"""histsvc top: shows services, their workers and histograms, live or once."""

from __future__ import annotations

import argparse
import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.live import Live
from rich.text import Text

from histsvc import settings
from histsvc.cli.one_line import OneLineParser
from histsvc.cli.options import not_negative, parser
from histsvc.cli.output import output
from histsvc.cli.screen import Notes, filled, joined, room
from histsvc.cli.stop import Stop
from histsvc.client import Client, Following, Heartbeat
from histsvc.clock import Clock, Deadline, Every, SystemClock, now_ms
from histsvc.names import check_topics
from histsvc.view.top import RATES, Seen, services

_POLL_S = 0.1
# How long a snapshot waits for a second heartbeat, without which nothing is known of rates.
_SECOND_S = 3.0
_FORGOTTEN_MS = 60_000


def main(arguments: list[str]) -> int:
    """Show services until a signal comes, or once; returns 0.

    Raises TimeoutError where a snapshot finds no heartbeat in time, and BrokerError.
    """
    options = options_parser().parse_args(arguments)
    check_topics("-hb/--hb-topic", options.hb_topic)
    level, notes, stop = settings.log_level(options.log_level), Notes(), Stop()
    with output() as stream, stop.signals():
        console = Console(file=stream, highlight=False)
        once = options.once or not console.is_terminal or console.is_dumb_terminal
        logging.basicConfig(
            level=level, format="%(levelname)s %(message)s", handlers=None if once else [notes]
        )
        with Client(settings.kafka_settings(options), heartbeat_topic=options.hb_topic) as client:
            if once:
                _once(options, console, client.heartbeats(), stop)
            else:
                _live(options, console, client.heartbeats(), notes, stop)
    return 0


def options_parser() -> OneLineParser:
    """Make the argument parser of ``histsvc top``."""
    made = parser("histsvc top", "Show services, their workers and histograms, live.", level="3")
    made.add_argument("-hb", "--hb-topic", required=True, help="topic of heartbeats")
    group = made.add_argument_group("how to show them")
    about_once = "print how things are now, and end; so it is, too, where the output is no terminal"
    group.add_argument("--once", action="store_true", help=about_once)
    about_timeout = "seconds to wait for the first heartbeat with --once"
    group.add_argument("--timeout", type=not_negative, default=15.0, help=about_timeout)
    about_interval = "seconds from one picture to the next"
    group.add_argument("--interval", type=not_negative, default=1.0, help=about_interval)
    return made


def _once(options: argparse.Namespace, console: Console, beats: Following[Heartbeat], stop: Stop) -> None:
    clock = SystemClock()
    known, seen = Services(clock), list[Seen]()
    first, second = (Deadline(clock, min(options.timeout, each)) for each in (math.inf, _SECOND_S))
    with stop.at_once():
        while not seen or not (second.expired() or all(each.rates or each.silent for each in seen)):
            if not seen and first.expired():
                raise TimeoutError(
                    f"no heartbeat came from topic {options.hb_topic!r} in {options.timeout:g} s"
                )
            beats.poll(_POLL_S)
            known.take(beats.latest)
            seen = known.seen()
    # By itself it would end the program with exit code 1 where the pipe is closed.
    with console.capture() as captured:
        console.print(joined(services(seen, console.width, None)))
    print(captured.get(), end="", file=console.file, flush=True)


def _live(
    options: argparse.Namespace, console: Console, beats: Following[Heartbeat], notes: Notes, stop: Stop
) -> None:
    clock = SystemClock()
    known, due = Services(clock), Every(clock, max(options.interval, _POLL_S))
    with stop.at_once():
        beats.poll(0)  # which takes long where brokers do not answer
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while not stop.requested():
            known.take(beats.latest)
            if due.due():
                live.update(_screen(known.seen(), options.hb_topic, console, notes), refresh=True)
            beats.poll(_POLL_S)


def _screen(seen: Sequence[Seen], topic: str, console: Console, notes: Notes) -> Text:
    """As many lines as the terminal has; the last ones are those of the log, and how to end."""
    if not seen:
        return filled(
            [Text(f"no heartbeats yet from topic {topic}; waiting for them", "yellow")], console, notes
        )
    return filled(services(seen, console.width, room(console, notes)), console, notes)


@dataclass
class _Track:
    newest: Heartbeat
    arrived_s: float
    aged_ms: float
    rates: Mapping[str, float] | None = None


class Services:
    """The services of which heartbeats tell: how old these are, and how fast counters grow between two."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tracks: dict[str, _Track] = {}

    def take(self, latest: Mapping[str, Heartbeat]) -> None:
        """Take the newest heartbeat of each name, be it new or the one as before."""
        now_s = self._clock.monotonic_s()
        for name, beat in latest.items():
            track = self._tracks.get(name)
            if track is None:
                # It may lie there for long. All others have come just now, whatever their host's clock says.
                aged_ms = max(0, now_ms(self._clock) - beat.message)
                self._tracks[name] = _Track(beat, now_s, aged_ms)
            elif beat is not track.newest:
                self._tracks[name] = _Track(beat, now_s, 0.0, rates(track.newest, beat))

    def seen(self) -> list[Seen]:
        """All services, but for those that were silent for a minute and have a successor."""
        now_s = self._clock.monotonic_s()
        every = {
            name: Seen(track.newest, track.aged_ms + 1000 * (now_s - track.arrived_s), track.rates)
            for name, track in sorted(self._tracks.items())
        }
        return [seen for seen in every.values() if not _is_replaced(seen, every.values())]


def _is_replaced(seen: Seen, others: Iterable[Seen]) -> bool:
    return seen.age_ms > _FORGOTTEN_MS and any(
        _called(other) == _called(seen) and other.beat.message > seen.beat.message for other in others
    )


def _called(seen: Seen) -> tuple[str, str]:
    return seen.beat.identity.name, seen.beat.identity.id


def rates(before: Heartbeat, now: Heartbeat) -> dict[str, float] | None:
    """How fast the counters grow, per second; None where these are not two heartbeats of one process."""
    elapsed_s = (now.message - before.message) / 1000
    if elapsed_s <= 0 or now.identity.uptime_ms < before.identity.uptime_ms:
        return None
    return {name: (now.counters.get(name, 0) - before.counters.get(name, 0)) / elapsed_s for name in RATES}
