"""The schedule is absolute: no drift, nothing skipped, and it ends when told to."""

from __future__ import annotations

import itertools

import numpy as np

from histsvc.model import Pulse
from histsvc.sources.pace import Pace


class FakeTime:
    """A clock that moves only when somebody waits or works."""

    def __init__(self) -> None:
        self.elapsed_s = 0.0
        self.waits: list[float] = []
        self.stopped = False
        self.longest_s = float("inf")

    def now_ns(self) -> int:
        return 1_000_000_000_000 + round(self.elapsed_s * 1e9)

    def monotonic_s(self) -> float:
        return 50.0 + self.elapsed_s

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.elapsed_s += min(seconds, self.longest_s)
        return self.stopped


def pulse_at(time_ns: int) -> Pulse:
    return Pulse("a", time_ns, np.empty(0, np.int64), np.empty(0, np.int64))


def test_work_between_two_messages_makes_no_drift() -> None:
    time = FakeTime()
    due_s = []
    for now_ns in Pace(time, time.wait).times_ns(range(5), rate=4.0):
        due_s.append(now_ns / 1e9 - 1000)
        time.elapsed_s += 0.1
    np.testing.assert_allclose(due_s, [0, 0.25, 0.5, 0.75, 1.0], atol=1e-9)


def test_what_is_late_is_caught_up_and_nothing_is_skipped() -> None:
    time = FakeTime()
    due_s = []
    for number, now_ns in enumerate(Pace(time, time.wait).times_ns(range(6), rate=1.0)):
        due_s.append(now_ns / 1e9 - 1000)
        if number == 0:
            time.elapsed_s += 3.5
    np.testing.assert_allclose(due_s, [0, 3.5, 3.5, 3.5, 4.0, 5.0], atol=1e-9)


def test_a_wait_that_ends_early_is_continued() -> None:
    time = FakeTime()
    time.longest_s = 0.4
    assert Pace(time, time.wait).wait_until(1.0)
    np.testing.assert_allclose(time.waits, [1.0, 0.6, 0.2])


def test_no_rate_never_waits() -> None:
    time = FakeTime()
    assert len(list(Pace(time, time.wait).times_ns(range(1000), rate=0))) == 1000
    assert not time.waits


def test_stopping_ends_the_schedule_in_its_wait() -> None:
    time = FakeTime()
    times_ns = Pace(time, time.wait).times_ns(itertools.count(), rate=1.0)
    next(times_ns)
    time.stopped = True
    assert list(times_ns) == []


def test_pulses_come_at_their_own_pace_times_the_speed() -> None:
    time = FakeTime()
    pulses = [pulse_at(10**18 + ns) for ns in (0, 100_000_000, 400_000_000)]
    seen_s = [time.elapsed_s for _ in Pace(time, time.wait).at_speed(pulses, speed=2.0)]
    np.testing.assert_allclose(seen_s, [0, 0.05, 0.2], atol=1e-9)


def test_speed_zero_never_waits_and_a_pulse_of_the_past_comes_at_once() -> None:
    time = FakeTime()
    pulses = [pulse_at(ns) for ns in (5_000_000_000, 9_000_000_000, 1)]
    assert list(Pace(time, time.wait).at_speed(pulses, speed=0)) == pulses
    assert list(Pace(time, time.wait).at_speed(reversed(pulses[:2]), speed=1)) == pulses[1::-1]
    assert not time.waits
