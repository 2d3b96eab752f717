"""What tests do with who follows: write what services publish, and wait until something is given."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from events import EventSender
from service_process import TIMEOUT_S
from unit.client_bench import published

from histsvc.client import Following, Heartbeat, Histogram, HistogramFollowing


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def write(sender: EventSender, topic: str, counts: Mapping[str, int], times: int = 1) -> None:
    """Publish histograms by name, `times` times with one more count each time, up to the number given."""
    for step in range(times):
        for name, last in counts.items():
            sender.raw(topic, published(name, last - times + 1 + step), now_ms())
    sender.flush()


def sums(histograms: list[Histogram]) -> dict[str, int]:
    """What one poll gave; nothing comes twice."""
    assert len({each.id for each in histograms}) == len(histograms)
    return {each.id: each.info.sum for each in histograms}


def given(following: HistogramFollowing, expected: Mapping[str, int], timeout_s: float = TIMEOUT_S) -> float:
    """Poll until the newest of these are there; returns how long the longest poll took, in s."""
    longest_s, deadline_s = 0.0, time.monotonic() + timeout_s
    while not expected.items() <= sums(list(following.latest.values())).items():
        begun_s = time.monotonic()
        assert begun_s < deadline_s, sums(list(following.latest.values()))
        following.poll(0.2)
        longest_s = max(longest_s, time.monotonic() - begun_s)
    return longest_s


def heard(beats: Following[Heartbeat], fact: Callable[[list[Heartbeat]], bool]) -> list[Heartbeat]:
    """Poll until something is true of the newest heartbeats."""
    deadline_s = time.monotonic() + TIMEOUT_S
    while not fact(list(beats.latest.values())):
        assert time.monotonic() < deadline_s, beats.latest
        beats.poll(0.2)
    return list(beats.latest.values())
