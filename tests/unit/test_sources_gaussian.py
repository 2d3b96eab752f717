"""Made-up events are reproducible, in range, and shaped as they are said to be."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from histsvc.model import Pulse
from histsvc.sources.gaussian import TOF_MAX_NS, GaussianSource


def equal(a: Pulse, b: Pulse) -> bool:
    return np.array_equal(a.tof_ns, b.tof_ns) and np.array_equal(a.pixel_id, b.pixel_id)


def test_equal_seeds_give_equal_events_whatever_came_before() -> None:
    source = GaussianSource(("a", "b"), events=100, seed=7)
    again = GaussianSource(("a", "b"), events=100, seed=7)

    pulses = list(source.pulses([10, 20, 30]))

    assert equal(again.pulse(2, 1, 0), pulses[5])
    assert equal(again.pulse(0, 0, 0), pulses[0])


def test_seeds_messages_and_sources_differ() -> None:
    source = GaussianSource(("a", "b"), events=100, seed=7)
    pulse = source.pulse(0, 0, 0)
    others = source.pulse(1, 0, 0), source.pulse(0, 1, 0), GaussianSource(("a",), 100, seed=8).pulse(0, 0, 0)
    assert not any(equal(pulse, other) for other in others)


def test_every_source_sends_at_each_time() -> None:
    pulses = GaussianSource(("a", "b"), events=3, seed=1).pulses([10, 20])
    assert [(pulse.source, pulse.reference_time_ns) for pulse in pulses] == [
        ("a", 10), ("b", 10), ("a", 20), ("b", 20),
    ]  # fmt: skip


def test_times_are_asked_for_one_at_a_time() -> None:
    asked = []

    def times() -> Iterator[int]:
        for time_ns in range(10):
            asked.append(time_ns)
            yield time_ns

    next(GaussianSource(("a",), events=1, seed=1).pulses(times()))

    assert asked == [0]


@pytest.mark.parametrize("detector", [False, True])
def test_events_are_in_range_and_centred(detector: bool) -> None:
    source = GaussianSource(("a",), 200_000, seed=1, width=64, height=32, first_pixel=1000, detector=detector)

    pulse = source.pulse(0, 0, 0)

    assert pulse.tof_ns.dtype == pulse.pixel_id.dtype == np.int64
    assert pulse.tof_ns.min() == 0
    assert pulse.tof_ns.max() <= TOF_MAX_NS
    assert 1000 <= pulse.pixel_id.min() < pulse.pixel_id.max() <= source.last_pixel == 3047
    assert abs(pulse.tof_ns.mean() - 30e6) < 0.1e6
    assert abs(pulse.tof_ns.std() - 10e6) < 0.1e6


def test_a_detector_sees_a_blob() -> None:
    source = GaussianSource(("a",), 200_000, seed=1, width=60, height=30, detector=True)

    offset = source.pulse(0, 0, 0).pixel_id - 1

    x, y = offset % 60, offset // 60
    assert abs(x.mean() - 29.5) < 0.2
    assert abs(y.mean() - 14.5) < 0.1
    assert abs(x.std() - 10) < 0.2
    assert abs(y.std() - 5) < 0.1
    assert abs(np.corrcoef(x, y)[0, 1]) < 0.01


def test_no_events_are_an_empty_pulse() -> None:
    pulse = GaussianSource(("a",), events=0, seed=1).pulse(0, 0, 5)
    assert (pulse.tof_ns.shape, pulse.pixel_id.shape) == ((0,), (0,))
