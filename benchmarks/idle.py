"""Row 10: what a service costs that has nothing to count."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Generator, Iterator
from itertools import pairwise
from typing import Any

from service_process import Service

from benchmarks.bench import Bench
from benchmarks.finding import Finding
from benchmarks.latency import LOKI, ONE, commands
from benchmarks.pairs import Spread
from benchmarks.sides import cpu_seconds
from histsvc.client import TopicReader
from histsvc.ports import OffsetAt

_TARGETS_PERCENT = {LOKI: 8.0, ONE: 2.0}
_WINDOWS, _QUICK_WINDOWS = 3, 2
# In heartbeats, which come once a second; in 20 s large histograms are published twice, in 6 s once or never.
_WINDOW_BEATS, _QUICK_WINDOW_BEATS = 20, 4
_SETTLED_BEATS = 3
_TIMEOUT_S = 30.0


def findings(bench: Bench) -> Iterator[Finding]:
    """Measure each config in a service of its own."""
    windows, length = (_QUICK_WINDOWS, _QUICK_WINDOW_BEATS) if bench.quick else (_WINDOWS, _WINDOW_BEATS)
    for work, target in _TARGETS_PERCENT.items():
        with bench.service() as service, contextlib.closing(_beats(service)) as beats:
            service.client.send(commands(service)[work])
            processes = _settle(beats)
            used = Spread.of(_percents(service, beats, windows, length))
        name = f"{work}, no events"
        yield Finding(10, name, "of one core", used, "%", target, at_most=True, also={"workers": processes})


def _beats(service: Service) -> Generator[dict[str, Any]]:
    """Heartbeats from now on as they come; raises AssertionError where none comes any more."""
    follower = TopicReader(service.kafka, [service.heartbeat], OffsetAt.LATEST)
    try:
        last_s = time.monotonic()
        while time.monotonic() - last_s < _TIMEOUT_S:
            for _, payload in follower.poll(0.1):
                last_s = time.monotonic()
                yield json.loads(payload)
    finally:
        follower.close()
    raise AssertionError(f"no heartbeat for {_TIMEOUT_S} s\n{service.log}")


def _settle(beats: Iterator[dict[str, Any]]) -> int:
    """Wait until heartbeats say again and again that the same workers count or are spare; returns how many.

    A command is followed by the start of processes that take the place of the spare ones it has used.
    """
    deadline = time.monotonic() + 2 * _TIMEOUT_S
    last: set[tuple[int, str]] = set()
    same = 0
    while same < _SETTLED_BEATS:
        workers = {(worker["pid"], worker["state"]) for worker in next(beats)["workers"]}
        states = {state for _, state in workers}
        same = same + 1 if workers == last and states <= {"SPARE", "COUNTING"} and "COUNTING" in states else 0
        last = workers
        assert time.monotonic() < deadline, f"it does not settle: {workers}"
    return len(last)


def _percents(service: Service, beats: Iterator[dict[str, Any]], windows: int, length: int) -> list[float]:
    """What all processes use, % of one core, in windows of so many heartbeats, one behind the other."""
    next(beats)
    moments = [(time.perf_counter(), cpu_seconds(service.process.pid))]
    for _ in range(windows):
        for _ in range(length):
            next(beats)
        moments.append((time.perf_counter(), cpu_seconds(service.process.pid)))
    return [
        100 * (cpu_s - before_s) / (at_s - begun_s)
        for (begun_s, before_s), (at_s, cpu_s) in pairwise(moments)
    ]
