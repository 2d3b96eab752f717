"""Services as their heartbeats tell of them, as lines that fit a terminal of 60 columns or more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.text import Text

from histsvc.client import Heartbeat, HistogramInfo, State, WorkerStatus
from histsvc.view import table
from histsvc.view.line import remarks
from histsvc.view.styles import SERVICE_STATES, STATES
from histsvc.view.text import duration, printable, rate

_REMARKS = {"error": "red", "warning": "yellow"}
RATES = ("messages", "events", "published")
_TITLES = ("ID", "STATE", "COUNTS", "RATE", "LAG", "AGE", "JOB", "TOPIC")
# What goes first where there is no room for everything.
_LEAST_IMPORTANT = ("TOPIC", "JOB")
# An id that is longer has a line of its own, so that one does not take the room of all others.
_LONG_ID = 24
# Titles, a histogram, and how many more there are.
_LEAST_ROWS = 3
_LABEL, _INDENT = 10, 2
_PHASES = ("wait", "read", "decode", "fill", "publish")
_SHORTEST_SILENCE_MS = 2000
_SILENT_INTERVALS = 3


@dataclass(frozen=True)
class Seen:
    """A service: its newest heartbeat, how old that is, and counters per second where they are known."""

    beat: Heartbeat
    age_ms: float
    rates: Mapping[str, float] | None = None

    @property
    def silent(self) -> bool:
        """Whether heartbeats are missing; intervals below a second are shorter than the way of a message."""
        return self.age_ms > max(_SILENT_INTERVALS * self.beat.message_interval, _SHORTEST_SILENCE_MS)


def services(seen: Sequence[Seen], width: int, rows: int | None) -> list[Text]:
    """Lines that show services within so many rows, if any; what has no room there is said to be more."""
    whole = [_head(each, width) for each in seen]
    tables = [_table(each, width) for each in seen]
    needs = [each.height for each in tables]
    between = max(0, len(seen) - 1)
    room = sum(map(len, whole)) + sum(needs) + between if rows is None else rows
    for heads in (whole, [head[:1] for head in whole]):
        left = room - sum(map(len, heads)) - between
        if left >= sum(min(need, _LEAST_ROWS) for need in needs):
            bodies = map(_body, tables, _shares(needs, left))
            return _separated([[*head, *body] for head, body in zip(heads, bodies, strict=True)])
    return _headlines(whole, room)


def _separated(blocks: Sequence[Sequence[Text]]) -> list[Text]:
    return [line for block in blocks for line in (Text(), *block)][1:]


def _headlines(heads: Sequence[Sequence[Text]], rows: int) -> list[Text]:
    """The first lines of services, where there is no room for more of them."""
    if len(heads) <= rows:
        return [head[0] for head in heads]
    return [*(head[0] for head in heads[: rows - 1]), _more(len(heads) - rows + 1, "services")]


def _shares(needs: Sequence[int], left: int) -> list[int]:
    """Share lines out: who needs few gets them, and the others get as many as one another."""
    shares = [0] * len(needs)
    for rank, number in enumerate(sorted(range(len(needs)), key=lambda each: needs[each])):
        shares[number] = min(needs[number], left // (len(needs) - rank))
        left -= shares[number]
    return shares


@dataclass(frozen=True)
class _Table:
    """The table of a service: its titles, and the lines of each histogram."""

    titles: Text
    rows: Sequence[Sequence[Text]]

    @property
    def height(self) -> int:
        """How many lines it takes; none without histograms."""
        return sum(map(len, self.rows)) + bool(self.rows)


def _body(body: _Table, most: int) -> list[Text]:
    """As much of a table as there are lines for, the last of which says how many histograms are left out."""
    if body.height <= most:
        return [line for row in ([body.titles], *body.rows) for line in row] if body.rows else []
    lines = [body.titles]
    for number, row in enumerate(body.rows):
        room = most - 1 - len(lines)
        if room < 1:
            return [*lines, _more(len(body.rows) - number, "histograms")]
        lines += row[:room]
    return lines


def _more(number: int, what: str) -> Text:
    return Text(f"and {number} more {what}", "bold")


def _head(seen: Seen, width: int) -> list[Text]:
    beat = seen.beat
    lines = table.flowed(_headline(seen), width)
    lines += _labelled("counters", _counters(seen), width)
    lines += _labelled("problems", _problems(beat), width)
    lines += _labelled("workers", _workers(beat), width)
    for worker in beat.workers:
        lines += _labelled("", _load(worker), width)
    return lines + _labelled("jobs", _jobs(beat), width)


def _headline(seen: Seen) -> list[Text]:
    beat, who = seen.beat, seen.beat.identity
    state = str(beat.state)
    shown = [Text(f" {state} ", f"{SERVICE_STATES.get(state, 'bold')} reverse")]
    if seen.silent:
        shown = [Text(f" SILENT for {duration(seen.age_ms)} ", "bold red reverse"), Text(f"was {state}")]
    names = [Text(printable(str(name)), "bold") for name in (who.name, who.id) if name]
    more = [f"{who.host}:{who.pid}", str(who.version), f"up {duration(who.uptime_ms)}"]
    if not seen.silent:
        more.append(f"heartbeat {duration(seen.age_ms)} ago")
    return [*shown, *names, *(Text(printable(each)) for each in more)]


def _counters(seen: Seen) -> list[Text]:
    counters, per_s = seen.beat.counters, None if seen.silent else seen.rates
    parts = [
        Text.assemble(
            f"{name} ",
            ("-/s" if per_s is None else rate(per_s[name]), "bold"),
            f" ({counters.get(name, 0):,})",
        )
        for name in RATES
    ]
    commands, failed = counters.get("commands", 0), counters.get("commands_failed", 0)
    return [*parts, Text(f"commands {commands:,}" + (f" ({failed:,} failed)" if failed else ""))]


def _problems(beat: Heartbeat) -> list[Text]:
    """What failed, by reason, as far as anything has."""
    failed = ((*name.partition("."), number) for name, number in beat.counters.items() if number)
    return [
        Text(f"{printable(kind)} {number:,} ({printable(reason)})", "yellow")
        for kind, dot, reason, number in failed
        if dot
    ]


def _workers(beat: Heartbeat) -> list[Text]:
    """Process ids by state; restarts are those of all processes."""
    by_state: dict[str, list[str]] = {}
    for worker in beat.workers:
        by_state.setdefault(str(worker.state), []).append(str(worker.pid))
    restarts = max((worker.restarts for worker in beat.workers), default=0)
    parts = [Text(printable(f"{state} {' '.join(pids)}")) for state, pids in by_state.items()]
    return [*parts, Text(f"restarts {restarts}", "yellow" if restarts else "")] if parts else []


def _load(worker: WorkerStatus) -> list[Text]:
    """What a worker gets through, and what it spends its time on."""
    load = worker.load
    if load is None:
        return []
    shares = " ".join(f"{phase} {100 * getattr(load, phase):.0f} %" for phase in _PHASES)
    through = (rate(load.events_per_s) + " events", rate(load.bytes_per_s, "B"), f"lag {load.lag:,}")
    return [Text(str(worker.pid)), *map(Text, through), Text(shares)]


def _jobs(beat: Heartbeat) -> list[Text]:
    jobs: dict[str, Counter[State]] = {}
    for info in beat.histograms:
        jobs.setdefault(info.job, Counter())[info.state] += 1
    told = ((job, ", ".join(f"{n} {state}" for state, n in states.items())) for job, states in jobs.items())
    return [Text(f"{printable(job)}: {states}") for job, states in told]


def _labelled(label: str, parts: Sequence[Text], width: int) -> list[Text]:
    """Lines with a label before the first of them; none where there are no parts."""
    lines = table.flowed(parts, width, _LABEL)
    if lines:
        lines[0] = Text.assemble((label.ljust(_LABEL), "dim"), lines[0][_LABEL:])
    return lines


def _table(seen: Seen, width: int) -> _Table:
    """The histograms of a service, those in ERROR first."""
    infos = sorted(seen.beat.histograms, key=lambda info: info.state is not State.ERROR)
    cells = [_cells(info, seen.age_ms) for info in infos]
    titles = {title: Text(title) for title in _TITLES}
    widths = {title: max(each[title].cell_len for each in [*cells, titles]) for title in _TITLES}
    widths["ID"] = min(widths["ID"], _LONG_ID)
    columns = table.fitted(widths, width, _LEAST_IMPORTANT)
    rows = [
        [*table.lines(each, columns, width), *_remarks(info, width)]
        for each, info in zip(cells, infos, strict=True)
    ]
    return _Table(Text(str(table.line(titles, columns)), "dim"), rows)


def _cells(info: HistogramInfo, since_ms: float) -> dict[str, Text]:
    values = (
        Text(printable(info.name), "bold"),
        Text(info.state, STATES[info.state]),
        Text(f"{info.sum:,}"),
        Text(rate(info.rate)),
        Text(f"{info.lag:,}"),
        Text("-" if info.data_age_ms is None else duration(info.data_age_ms + since_ms)),
        Text(printable(info.job)),
        Text(printable(info.topic or "-")),
    )
    return dict(zip(_TITLES, values, strict=True))


def _remarks(info: HistogramInfo, width: int) -> list[Text]:
    texts = (Text(f"{kind}: {said}", _REMARKS[kind]) for kind, said in remarks(info))
    return [row for text in texts for row in table.flowed([text], width, _INDENT)]
