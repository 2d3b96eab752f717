"""What a worker spends its time on, and how much it gets through."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

import pytest
from fakes import FakeClock, event_message, payloads, raw
from unit.worker_bench import Worker

from histsvc.model import RawMessages
from histsvc.worker.load import LoadMeter, Phase, Stopwatch


@dataclass
class Work:
    """Something to be measured."""

    stopwatch: Stopwatch
    counters: Counter[str] = field(default_factory=Counter)
    lag: int = 0


def test_all_time_goes_somewhere() -> None:
    clock = FakeClock()
    watch = Stopwatch(clock)
    for phase, seconds in zip(Phase, (1.0, 0.5, 0.25, 2.0, 4.0), strict=True):
        clock.advance(seconds)
        watch.lap(phase)
    assert watch.seconds == {"wait": 1.0, "read": 0.5, "decode": 0.25, "fill": 2.0, "publish": 4.0}


def test_shares_and_rates_are_those_of_the_last_window() -> None:
    clock = FakeClock()
    work, meter = Work(Stopwatch(clock)), LoadMeter(clock)
    work.counters.update(events=1000, bytes=9000)  # before the first look, of another window
    assert meter.load(work, 7.0) is None
    clock.advance(1.0)
    work.stopwatch.lap(Phase.FILL)
    assert meter.load(work, 7.0) is None
    clock.advance(3.0)
    work.stopwatch.lap(Phase.WAIT)
    work.counters.update(events=4000, bytes=32_000)
    work.lag = 5
    load = meter.load(work, 7.8)
    assert load is not None
    shares = (load.wait, load.read, load.decode, load.fill, load.publish)
    assert shares == pytest.approx((0.75, 0, 0, 0.25, 0.2))
    assert (load.events_per_s, load.bytes_per_s, load.lag) == (1000, 8000, 5)
    clock.advance(1.0)
    assert meter.load(work, 7.8) == load, "until the next window is over"
    clock.advance(1.0)
    work.stopwatch.lap(Phase.WAIT)
    next_load = meter.load(work, 7.8)
    assert next_load is not None
    assert (next_load.wait, next_load.fill, next_load.events_per_s) == (1.0, 0.0, 0.0)


def test_other_work_begins_a_window_of_its_own() -> None:
    clock = FakeClock()
    meter, first, second = LoadMeter(clock), Work(Stopwatch(clock)), Work(Stopwatch(clock))
    meter.load(first, 0.0)
    clock.advance(5.0)
    assert meter.load(first, 0.0) is not None
    assert meter.load(second, 0.0) is None


MESSAGE = event_message("ev44", [1, 2, 3], [1, 2, 3])


@pytest.mark.parametrize(
    ("read", "phase"),
    [
        (raw([]), Phase.WAIT),
        (payloads([MESSAGE, b""]), Phase.READ),
        (replace(payloads([MESSAGE]), waited=True), Phase.WAIT),
    ],
)
def test_a_reader_that_has_less_than_it_could_have_waits(read: RawMessages, phase: Phase) -> None:
    bench = Worker()
    reading = bench.reader.read

    def slow(timeout_s: float) -> RawMessages:
        bench.clock.advance(2.0)
        return reading(timeout_s)

    bench.reader.read = slow  # type: ignore[method-assign]
    bench.reader.queue.append(read)
    bench.clock.advance(1.0)
    bench.pipeline.step(0)
    waited = {Phase.WAIT: 1.0, Phase.READ: 0.0}
    waited[phase] += 2.0
    assert {each: bench.pipeline.stopwatch.seconds[each] for each in waited} == waited
    assert bench.pipeline.counters["bytes"] == sum(map(len, read.payload))
