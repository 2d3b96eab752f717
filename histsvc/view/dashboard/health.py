"""Whether a measurement is well, at one moment: of a histogram, of a service, and of all together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from histsvc.client import Heartbeat, Histogram, State
from histsvc.view.text import age, duration, rate, short

# Data come every pulse, and are published every 0.5 s: what is older has stopped coming.
_FRESH_MS = 3_000
# A small histogram that does not change is published every second, a large one every 10 s.
_STALE_MS = 15_000
# So many heartbeats may be late, or be lost, before a service counts as silent.
_BEATS = 4
# A service that was ended on purpose is not missed for ever.
_FORGOTTEN_MS = 3_600_000


class Level(StrEnum):
    """How it is, from good to bad; each looks different."""

    GOOD = "good"
    STOPPED = "stopped"
    WAITING = "waiting"
    LATE = "late"
    STALE = "stale"
    ERROR = "error"


_ORDER = tuple(Level)


@dataclass(frozen=True)
class Condition:
    """How it is, and in words: short ones, and why."""

    level: Level
    words: str
    why: str = ""


def of_histogram(histogram: Histogram, now_ms: int) -> Condition:
    """How a histogram is at `now_ms` since the epoch."""
    info, ago_ms = histogram.info, histogram.published_ago_ms(now_ms)
    if histogram.state is State.FINISHED:
        return Condition(Level.STOPPED, "finished", f"published {duration(ago_ms)} ago, counts no more")
    if ago_ms > _STALE_MS:
        return Condition(Level.STALE, f"silent for {duration(ago_ms)}", "nothing is published any more")
    if histogram.state is State.ERROR:
        return Condition(Level.ERROR, "error", info.error_message or "it does not say why")
    old_ms = histogram.data_age_ms(now_ms)
    if old_ms is None:
        return Condition(Level.WAITING, "no data yet", "nothing was read since it was asked for")
    if old_ms > _FRESH_MS:
        return Condition(Level.LATE, age(old_ms), "no newer data came")
    return Condition(Level.GOOD, age(old_ms))


def of_service(beat: Heartbeat, now_ms: int) -> Condition:
    """How a service is at `now_ms` since the epoch."""
    ago_ms = now_ms - beat.message
    if _is_silent(beat, now_ms):
        return Condition(Level.STALE, f"silent for {duration(ago_ms)}", "no heartbeat comes any more")
    failed = [info for info in beat.histograms if info.state is State.ERROR]
    if failed:
        why = failed[0].error_message or "it does not say why"
        return Condition(Level.ERROR, f"{len(failed)} in error", f"{failed[0].name}: {why}")
    if beat.degraded:
        return Condition(Level.LATE, "recovering", "a worker process is being replaced")
    running = [info for info in beat.histograms if info.state in (State.INITIALISED, State.COUNTING)]
    if not running:
        return Condition(Level.STOPPED, "idle", "no histogram counts")
    counting = max(info.rate for info in running)
    return Condition(Level.GOOD, f"{len(running)} counting", f"at most {rate(counting)}")


def missed(beats: Iterable[Heartbeat], now_ms: int) -> list[Heartbeat]:
    """The services of these heartbeats that are there, or should be.

    Who is silent and has a successor of the same name, or is so for an hour, is not missed.
    """
    all_beats = list(beats)
    heard = {_name(beat) for beat in all_beats if not _is_silent(beat, now_ms)}
    return [
        beat
        for beat in all_beats
        if not _is_silent(beat, now_ms)
        or (_name(beat) not in heard and now_ms - beat.message < _FORGOTTEN_MS)
    ]


def _name(beat: Heartbeat) -> tuple[str, str]:
    return beat.identity.name, beat.identity.id


def _is_silent(beat: Heartbeat, now_ms: int) -> bool:
    return now_ms - beat.message > _BEATS * max(beat.message_interval, 1_000)


def verdict(conditions: Iterable[Condition], counting: int, events_per_s: float) -> Condition:
    """All in one: the worst of what goes on, in words that a glance takes in."""
    told = list(conditions)
    going_on = [each for each in told if each.level is not Level.STOPPED]
    worst = max(going_on or told, key=lambda each: _ORDER.index(each.level), default=None)
    if worst is None:
        return Condition(Level.WAITING, "No service is heard", "no heartbeat has come yet")
    words = {
        Level.GOOD: f"Counting: workers read {short(events_per_s)} events/s",
        Level.STOPPED: "Nothing is being measured",
        Level.WAITING: "Waiting for the first data",
        Level.LATE: f"Data are late: {worst.words}",
        Level.STALE: f"Out of touch: {worst.words}",
        Level.ERROR: f"Error: {worst.why}",
    }
    return Condition(worst.level, words[worst.level], f"{counting} histograms" if counting else worst.why)
