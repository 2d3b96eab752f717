"""histsvc top: what it shows of real services, live in a terminal and once, and how it ends."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from typing import Any

import pytest
from events import BASE_MS, TOF_END_NS, EventSender, Sent
from kafka_broker import MakeTopic
from service_process import TIMEOUT_S, Service
from tool_process import TOP, piped, plain, printed, refused, terminal

ON, OFF = "\x1b[?1049h", "\x1b[?1049l"  # the screen on which nothing is kept, and the one of before
SHOW_CURSOR = "\x1b[?25h"


def where(service: Service) -> list[str]:
    return ["-b", service.bootstrap, "-hb", service.heartbeat]


def running(service: Service, topic: MakeTopic, *ids: str) -> tuple[str, dict[str, Any]]:
    """Let histograms count until a heartbeat tells it; their data topic, and that heartbeat."""
    data = topic("data")
    keys = {"tof_range": [0, TOF_END_NS], "num_bins": 10}
    service.config([service.histogram("hist1d", data, id=name, **keys) for name in ids], start=BASE_MS)

    def told(beat: dict[str, Any]) -> dict[str, Any] | None:
        return beat if {each["id"] for each in beat["histograms"]} == set(ids) else None

    return data, service.heartbeat_until(told)


def counting(beat: dict[str, Any]) -> list[str]:
    """Process ids of the workers that count."""
    return [str(worker["pid"]) for worker in beat["workers"] if worker["state"] == "COUNTING"]


def test_once(service: Service, topic: MakeTopic, sender: EventSender) -> None:
    data, beat = running(service, topic, "tof", "other")
    sender.pulses(data, Sent(), range(BASE_MS, BASE_MS + 12), events=1000)
    service.heartbeat_until(lambda beat: all(each["sum"] == 12_000 for each in beat["histograms"]))
    lines = printed(*TOP, *where(service), "--once").splitlines()
    assert re.match(rf" RUNNING   histsvc  \S+:{service.process.pid}  ", lines[0])
    assert re.match(r"counters  messages [\d.]+/s \([\d,]+\)  events \S+/s \([\d,]+\)", lines[1])
    assert re.search(r" published [1-9][\d.]*/s ", "\n".join(lines)), "which both are about once a second"
    (workers,) = (line for line in lines if line.startswith("workers "))
    assert counting(beat)
    assert set(counting(beat)) <= set(workers.split("SPARE")[0].split())
    assert lines[-3].split()[:6] == ["ID", "STATE", "COUNTS", "RATE", "LAG", "AGE"]
    assert [line.split()[:3] for line in lines[-2:]] == [
        ["tof", "COUNTING", "12,000"],
        ["other", "COUNTING", "12,000"],
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (160, 50)])
def test_live(
    columns: int,
    rows: int,
    number: signal.Signals,
    service: Service,
    topic: MakeTopic,
    sender: EventSender,
) -> None:
    data, beat = running(service, topic, "tof")
    with terminal(*TOP, *where(service), "--interval", "0.1", columns=columns, rows=rows) as shown:
        text = shown.until(lambda said: "tof" in said and "Ctrl-C ends" in said and "events 0/s" in said)
        assert all(f"COUNTING {pid}" in text or f" {pid} " in text for pid in counting(beat))
        assert re.search(r"^tof +INITIALISED +0 ", text, re.MULTILINE)
        sender.pulses(data, Sent(), range(BASE_MS, BASE_MS + 12), events=1000)
        shown.until(lambda said: re.search(r"^tof +COUNTING +12,000 ", said, re.MULTILINE))
        shown.until(lambda said: re.search(r"events 0/s \([1-9]", said))
        assert re.search(r"events [\d.]+k/s \([1-9]", plain(shown.shown)), (
            "a rate was seen before it was over"
        )
        assert ON in shown.shown
        assert OFF not in shown.shown
        assert shown.end(number) == 0
        assert shown.as_before
    assert shown.shown.endswith(SHOW_CURSOR) or shown.shown.endswith(OFF)
    assert (shown.shown.count(ON), shown.shown.count(OFF)) == (1, 1)
    assert shown.shown.count(SHOW_CURSOR) == 1
    assert "Traceback" not in shown.shown
    assert max(map(len, text.splitlines())) <= columns


def test_more_histograms_than_rows(service: Service, topic: MakeTopic) -> None:
    running(service, topic, *(f"bank{number}" for number in range(40)))
    with terminal(*TOP, *where(service), "--interval", "0.1", columns=60, rows=12) as shown:
        text = shown.until(lambda said: "more histograms" in said and said.rstrip().endswith("Ctrl-C ends"))
        assert shown.end(signal.SIGINT) == 0
    picture = [line.rstrip() for line in text.rstrip().splitlines()[-12:]]
    banks = [line.split()[0] for line in picture if line.startswith("bank")]
    (more,) = re.findall(r"^and (\d+) more histograms$", "\n".join(picture), re.MULTILINE)
    assert len(banks) + int(more) == 40
    assert banks == [f"bank{number}" for number in range(len(banks))]
    assert banks


def test_a_service_that_has_ended_is_silent(own_service: Callable[..., Service], topic: MakeTopic) -> None:
    service = own_service()
    running(service, topic, "tof")
    with terminal(*TOP, *where(service), "--interval", "0.1", columns=80, rows=24) as shown:
        shown.until(lambda said: " RUNNING " in said)
        service.process.kill()
        text = shown.until(lambda said: "SILENT for" in said and "tof" in said)
        assert "was RUNNING" in text
        assert shown.end(signal.SIGINT) == 0
    assert "SILENT for" in printed(*TOP, *where(service), "--once").splitlines()[0]


def test_without_heartbeats_it_waits_and_says_so(service: Service, topic: MakeTopic) -> None:
    silent = topic("nobody")
    with terminal(*TOP, "-b", service.bootstrap, "-hb", silent, columns=80, rows=24) as shown:
        shown.until(lambda said: f"no heartbeats yet from topic {silent}" in said)
        assert shown.end(signal.SIGINT) == 0
    said = refused(1, *TOP, "-b", service.bootstrap, "-hb", silent, "--once", "--timeout", "1")
    assert said == f"histsvc top: no heartbeat came from topic {silent!r} in 1 s\n"


def test_a_pipe_that_nobody_reads_ends_it_quietly(service: Service) -> None:
    with piped(*TOP, *where(service)) as top:
        assert top.stdout is not None
        assert top.stderr is not None
        top.stdout.close()
        assert top.wait(TIMEOUT_S) == 0
        assert top.stderr.read() == ""


def test_brokers_that_are_not_there_are_one_line_and_code_1() -> None:
    said = refused(1, *TOP, "-b", "127.0.0.1:1", "-hb", "heartbeat")
    assert said == "histsvc top: 127.0.0.1:1 did not answer in time\n"
