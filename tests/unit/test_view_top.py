"""Services as lines: what they tell of one, and that they fit into width and height."""

from __future__ import annotations

import re
from typing import Any

import pytest
from rich.text import Text
from unit.beats import ESCAPED, NASTY, beat, info, plain, widest

from histsvc.client import Heartbeat, HistogramInfo, State, WorkerLoad
from histsvc.view.top import Seen, services

COUNTERS = {"messages": 1200, "events": 3_400_000, "published": 56, "commands": 7}
RATES = {"messages": 50.0, "events": 9990.0, "published": 8.02}
LONG = "a histogram that was filled with all pulses of a weekend"


def lines(
    *beats: Heartbeat, width: int = 160, rows: int | None = None, age_ms: float = 100, known: bool = True
) -> list[str]:
    seen = [Seen(each, age_ms, RATES if known else None) for each in beats]
    return plain(services(seen, width, rows))


def many(number: int, **keys: Any) -> list[HistogramInfo]:
    return [info(f"h{each}", **keys) for each in range(number)]


def test_everything_about_a_service() -> None:
    failed = {"commands_failed": 2, "undecodable.ev44": 3, "undecodable.other": 0, "publish_failed.queue": 4}
    load = WorkerLoad(0.512, 0.1, 0.05, 0.25, 0.25, 12_345.6, 99_800_000, 1234)
    workers = [(11, "COUNTING", 1), (12, "SPARE", 1), (13, "COUNTING", 1, load)]
    histograms = [
        info("tof", sum=12_345, rate=99.5, lag=1234, data_age_ms=300),
        info("", State.FINISHED, job="job1", index=4, topic=None),
    ]
    assert lines(beat(*histograms, counters=COUNTERS | failed, workers=workers, id="sans")) == [
        " RUNNING   histsvc  sans  host:4711  0.1.0  up 60 min  heartbeat 0.1 s ago",
        "counters  messages 50/s (1,200)  events 9.99k/s (3,400,000)  published 8.02/s (56)"
        "  commands 7 (2 failed)",
        "problems  undecodable 3 (ev44)  publish_failed 4 (queue)",
        "workers   COUNTING 11 13  SPARE 12  restarts 1",
        "          13  12.3k/s events  99.8 MB/s  lag 1,234"
        "  wait 51 % read 10 % decode 5 % fill 25 % publish 25 %",
        "jobs      job0: 1 COUNTING  job1: 1 FINISHED",
        "ID      STATE     COUNTS    RATE    LAG    AGE  JOB   TOPIC",
        "tof     COUNTING  12,345  99.5/s  1,234  0.4 s  job0  output",
        "job1/4  FINISHED       0     0/s      0      -  job1  -",
    ]


def test_a_service_that_has_nothing_to_tell() -> None:
    assert lines(beat(name="", host="", pid=0, version="", uptime_ms=0), known=False) == [
        " IDLE   :0    up 0.0 s  heartbeat 0.1 s ago",
        "counters  messages -/s (0)  events -/s (0)  published -/s (0)  commands 0",
    ]


@pytest.mark.parametrize(("age_ms", "silent"), [(2999, False), (3001, True)])
def test_a_service_is_silent_after_three_intervals(age_ms: float, silent: bool) -> None:
    told = lines(beat(info("tof")), age_ms=age_ms)
    assert told[0].startswith(" SILENT for 3.0 s   was RUNNING  histsvc  ") == silent
    assert ("heartbeat 3.0 s ago" in told[0]) != silent
    assert ("messages -/s" in told[1]) == silent, "what is not heard of has no rate"


def test_short_intervals_make_nobody_silent() -> None:
    quick = beat()
    object.__setattr__(quick, "message_interval", 10)
    assert "SILENT" not in lines(quick, age_ms=1900)[0]
    assert "SILENT" in lines(quick, age_ms=2100)[0]


def test_what_is_in_error_comes_first_and_says_why() -> None:
    histograms = [info("a"), info("b", warning="late"), info("c", State.ERROR, error_message="too large")]
    told = lines(beat(*histograms))
    assert told[0].startswith(" DEGRADED ")
    assert "job0: 2 COUNTING, 1 ERROR" in told[2]
    assert [line.split()[0] for line in told[4:]] == ["c", "error:", "a", "b", "warning:"]
    assert told[5] == "  error: too large"


def test_states_are_coloured() -> None:
    (line,) = [
        each
        for each in services([Seen(beat(info("ERROR", State.ERROR)), 0)], 80, None)
        if each[:1].plain == "E"
    ]
    styles = {line.plain[span.start : span.end]: str(span.style) for span in line.spans}
    assert styles["ERROR"] == "bold red"
    assert line.spans[0].end == len("ERROR"), "the id is bold, no more"


HISTOGRAMS = [
    info("tof", sum=12_345_678, rate=9990.0, data_age_ms=3),
    info(LONG, State.ERROR, error_message="the topic takes no message of this size: " * 4),
    info("x" * 200, warning="w" * 200, topic="t" * 100, job="j" * 50),
    info("日本" * 20, error_message="漢字" * 60, state=State.ERROR, sum=1 << 53),
]
WORKERS = [(1_000_000 + number, "COUNTING", 0) for number in range(40)]


@pytest.mark.parametrize("width", [60, 80, 160])
def test_no_line_is_longer_than_the_terminal_is_wide_and_nothing_is_lost(width: int) -> None:
    told = lines(beat(*HISTOGRAMS, workers=WORKERS, counters=COUNTERS, host="h" * 100), width=width)
    assert widest(told) <= width
    packed = "".join("".join(told).split())
    for each in HISTOGRAMS:
        for text in (each.name, each.error_message, each.warning, f"{each.sum:,}"):
            assert "".join((text or "").split()) in packed
    assert all(str(pid) in packed for pid, _, _ in WORKERS)


@pytest.mark.parametrize(
    ("width", "titles"),
    [
        (51, "ID STATE COUNTS RATE LAG AGE JOB TOPIC"),
        (50, "ID STATE COUNTS RATE LAG AGE JOB"),
        (42, "ID STATE COUNTS RATE LAG AGE"),
    ],
)
def test_columns_give_way_where_there_is_no_room(width: int, titles: str) -> None:
    told = lines(beat(info("tof")), width=width)
    assert next(line for line in told if " STATE " in line).split() == titles.split()
    assert widest(told) <= width


@pytest.mark.parametrize("rows", range(1, 30))
def test_what_has_no_room_is_said_to_be_more(rows: int) -> None:
    for beats in ([beat(*many(20))], [beat(*many(20)), beat(*many(3), id="b"), beat(id="c")]):
        told = lines(*beats, rows=rows)
        assert len(told) <= rows
        whole = lines(*beats)
        heads = [line for line in whole if "histsvc" in line]
        more = {word: int(number) for number, word in re.findall(r"and (\d+) more (\w+)", "\n".join(told))}
        assert sum(line in told for line in heads) + more.get("services", 0) == len(heads)
        if len(told) > len(heads):
            shown = [line for line in told if re.match(r"h\d+ ", line)]
            hidden = re.findall(r"and (\d+) more histograms", "\n".join(told))
            assert len(shown) + sum(map(int, hidden)) == sum(len(each.histograms) for each in beats)


def test_histograms_are_more_important_than_the_rest_of_the_head() -> None:
    told = lines(beat(*many(30)), width=60, rows=6)
    assert [line.split()[0] for line in told] == ["RUNNING", "ID", "h0", "h1", "h2", "and"]
    assert told[-1] == "and 27 more histograms"


def test_a_long_id_does_not_take_the_room_of_others() -> None:
    told = lines(beat(info(LONG), info("tof")))
    assert told[-1].index("COUNTING") == 26
    assert LONG in told


def test_a_service_of_few_histograms_leaves_its_room_to_others() -> None:
    beats = [beat(*many(20), id="a"), beat(info("only"), id="b")]
    whole, told = lines(*beats), lines(*beats, rows=20)
    assert len(told) == 20
    assert told[-5:] == whole[-5:], "the second has all that it needs"
    assert "and 11 more histograms" in told


def test_a_long_error_does_not_hide_its_histogram() -> None:
    failed = info("tof", State.ERROR, error_message="too large " * 50)
    told = lines(beat(failed, *many(5)), width=80, rows=8)
    assert [line.split()[0] for line in told[5:7]] == ["tof", "error:"]
    assert told[-1] == "and 5 more histograms"
    assert len(told) == 8


@pytest.mark.parametrize("width", [60, 160])
def test_texts_of_others_do_nothing_to_a_terminal(width: int) -> None:
    nasty = info(NASTY, State.ERROR, job=NASTY, topic=NASTY, error_message=NASTY, warning=NASTY)
    names: dict[str, Any] = dict.fromkeys(("name", "id", "version", "host"), NASTY)
    told = lines(
        beat(nasty, workers=[(1, NASTY, 0)], counters={f"undecodable.{NASTY}": 1}, **names), width=width
    )
    assert all(line.isprintable() for line in told)
    # The job is in a column of its own, as the topic is, only where there is room.
    assert "".join("".join(told).split()).count(ESCAPED) == (10 if width == 60 else 12)


def test_no_services_are_no_lines() -> None:
    assert services([], 80, None) == services([], 80, 5) == []
    assert isinstance(services([Seen(beat(), 0)], 80, None)[0], Text)
