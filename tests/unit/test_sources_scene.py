"""The scene is reproducible, in range, and has in it what it is said to have."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from histsvc.sources.scene import (
    DETECTOR,
    FIRST_PIXEL,
    FRAME_NS,
    HEIGHT,
    MONITOR,
    SOURCES,
    STRIP,
    STRIP_PIXELS,
    WIDTH,
    SceneSource,
)

EVENTS = 300_000
# m c^2 of the neutron is not needed: 1 Å at 45 m is 11.375 ms, by m λ L / h.
NS_PER_ANGSTROM = 1.674927e-27 * 1e-10 * 45.0 / 6.626070e-34 * 1e9


def image(seed: int = 1) -> npt.NDArray[np.int64]:
    """Counts of the detector as [row][column]."""
    pulse = SceneSource(EVENTS, seed).pulse(0, SOURCES.index(DETECTOR), 0)
    counts = np.bincount(pulse.pixel_id - FIRST_PIXEL, minlength=WIDTH * HEIGHT)
    return counts.reshape(HEIGHT, WIDTH)


def mean_at(counts: npt.NDArray[np.int64], low: float, high: float) -> float:
    """Mean of the pixels at these distances from the centre, as parts of half the width; above the arm."""
    row, column = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    radius = np.hypot(column - WIDTH / 2, row - HEIGHT / 2) / (WIDTH / 2)
    return float(counts[(radius >= low) & (radius < high) & (row > HEIGHT / 2)].mean())


def test_equal_seeds_give_equal_pulses_and_others_do_not() -> None:
    first, same, other = (list(SceneSource(50, seed).pulses([10, 20])) for seed in (1, 1, 2))
    assert [(pulse.source, pulse.reference_time_ns) for pulse in first] == [
        *((source, 10) for source in SOURCES),
        *((source, 20) for source in SOURCES),
    ]
    for one, again, different in zip(first, same, other, strict=True):
        assert np.array_equal(one.tof_ns, again.tof_ns)
        assert np.array_equal(one.pixel_id, again.pixel_id)
        assert not np.array_equal(one.tof_ns, different.tof_ns)
    assert not np.array_equal(first[0].pixel_id, first[3].pixel_id), "each message is another one"


@pytest.mark.parametrize(
    ("source", "pixels"), [(DETECTOR, WIDTH * HEIGHT), (MONITOR, 1), (STRIP, STRIP_PIXELS)]
)
def test_all_events_are_within_the_frame_and_the_detector(source: str, pixels: int) -> None:
    pulse = SceneSource(EVENTS, 1).pulse(0, SOURCES.index(source), 0)
    assert pulse.tof_ns.shape == pulse.pixel_id.shape == (EVENTS,)
    assert pulse.tof_ns.min() >= 0
    assert pulse.tof_ns.max() < FRAME_NS
    assert pulse.pixel_id.min() >= FIRST_PIXEL
    assert pulse.pixel_id.max() < FIRST_PIXEL + pixels


@pytest.mark.parametrize("radius", [0.34, 0.52, 0.68, 0.9])
def test_rings_are_brighter_than_what_is_beside_them(radius: float) -> None:
    counts = image()
    ring = mean_at(counts, radius - 0.02, radius + 0.02)
    assert ring > 1.5 * mean_at(counts, radius - 0.11, radius - 0.07)
    assert ring > 1.5 * mean_at(counts, radius + 0.07, radius + 0.11)


def test_the_beam_stop_and_its_arm_throw_a_shadow() -> None:
    counts = image()
    assert mean_at(counts, 0.0, 0.11) < 0.1 * mean_at(counts, 0.14, 0.2)
    arm = counts[: HEIGHT // 2 - 6, WIDTH // 2 - 1 : WIDTH // 2 + 1]
    beside = counts[: HEIGHT // 2 - 6, WIDTH // 2 - 6 : WIDTH // 2 - 4]
    assert arm.sum() < 0.1 * beside.sum()


def test_more_neutrons_come_through_beyond_each_bragg_edge() -> None:
    """Iron's (110) and (200) planes scatter nothing that is longer than twice their distance."""
    pulse = SceneSource(EVENTS, 1).pulse(0, SOURCES.index(MONITOR), 0)
    for indices in ((1, 1, 0), (2, 0, 0)):
        edge_ns = 2 * 2.866 / float(np.linalg.norm(indices)) * NS_PER_ANGSTROM
        below, above = (
            np.count_nonzero(np.abs(pulse.tof_ns - edge_ns - side) < 200_000) for side in (-300_000, 300_000)
        )
        assert above > 1.3 * below


def test_the_peak_moves_and_comes_back() -> None:
    source = SceneSource(EVENTS, 1)

    def centre(time_s: float) -> tuple[float, float]:
        pulse = source.pulse(0, SOURCES.index(STRIP), round(time_s * 1e9))
        return float(np.median(pulse.tof_ns) / FRAME_NS), float(np.median(pulse.pixel_id) / STRIP_PIXELS)

    assert centre(0) == pytest.approx((0.78, 0.52), abs=0.05)
    assert centre(8) == pytest.approx((0.22, 0.52), abs=0.05)
    assert centre(4) == pytest.approx((0.5, 0.81), abs=0.05)
    assert centre(16) == pytest.approx(centre(0), abs=0.01)
