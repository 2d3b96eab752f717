"""Made-up events of an instrument worth looking at: rings, Bragg edges and a peak that moves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from histsvc.model import Int64Array, Pulse

DETECTOR, MONITOR, STRIP = "detector", "monitor", "strip"
SOURCES = (DETECTOR, MONITOR, STRIP)
WIDTH = HEIGHT = 96
FIRST_PIXEL = 1
STRIP_PIXELS = 64
FRAME_NS = 71_428_571
"""A pulse at 14 Hz lasts so long."""

# Time of flight in ns for 1 m and 1 Å: the mass of the neutron times 1 Å over Planck's constant.
_NS_PER_M_ANGSTROM = 252_778
_FLIGHT_PATH_M = 45.0
_BINS = 4000
# Iron: the lattice constant in Å, and its strongest reflections with their multiplicities.
_LATTICE_ANGSTROM = 2.866
_REFLECTIONS = {(1, 1, 0): 12, (2, 0, 0): 6, (2, 1, 1): 24, (2, 2, 0): 12, (3, 1, 0): 24, (2, 2, 2): 8}
_ABSORPTION = 0.012
# Rings: radius and width as parts of the detector's half width, and strength.
_RINGS = ((0.34, 0.03, 1.0), (0.52, 0.03, 0.55), (0.68, 0.03, 0.75), (0.9, 0.035, 0.4))
_PEAK_PERIOD_S = 16.0
_BACKGROUND = 0.1


@dataclass(frozen=True)
class SceneSource:
    """Pulses of `events` events at each of `SOURCES`; equal seeds give equal events.

    The detector of WIDTH x HEIGHT pixels sees powder rings and the shadow of a beam stop with its arm, the
    monitor the spectrum that iron lets through, with Bragg edges at twice the lattice spacings, and a strip
    of STRIP_PIXELS pixels a peak that goes round in time of flight and pixel, once in 16 s.
    """

    events: int
    seed: int

    def pulses(self, times_ns: Iterable[int]) -> Iterator[Pulse]:
        """Yield, for each time (ns since the epoch), the pulse of each source; takes one time at a time."""
        for number, time_ns in enumerate(times_ns):
            for index in range(len(SOURCES)):
                yield self.pulse(number, index, time_ns)

    def pulse(self, number: int, index: int, time_ns: int) -> Pulse:
        """Make pulse `number` of the source at `index`, int64 (events,)."""
        draw = np.random.default_rng((self.seed, number, index))
        made: tuple[Callable[[np.random.Generator, int], tuple[Int64Array, Int64Array]], ...]
        made = (self._detector, self._monitor, self._strip)
        tof_ns, pixel_id = made[index](draw, time_ns)
        return Pulse(SOURCES[index], time_ns, tof_ns, pixel_id)

    def _detector(self, draw: np.random.Generator, time_ns: int) -> tuple[Int64Array, Int64Array]:
        pixel = _drawn(self._image, draw, self.events)
        return self._times(draw), FIRST_PIXEL + pixel

    def _monitor(self, draw: np.random.Generator, time_ns: int) -> tuple[Int64Array, Int64Array]:
        return self._times(draw), np.full(self.events, FIRST_PIXEL)

    def _strip(self, draw: np.random.Generator, time_ns: int) -> tuple[Int64Array, Int64Array]:
        angle = 2 * np.pi * (time_ns / 1e9 % _PEAK_PERIOD_S) / _PEAK_PERIOD_S
        tof = (0.5 + 0.3 * np.cos(angle) + 0.03 * draw.standard_normal(self.events)) * FRAME_NS
        pixel = (0.5 + 0.32 * np.sin(angle) + 0.04 * draw.standard_normal(self.events)) * STRIP_PIXELS
        elsewhere = draw.random(self.events) < _BACKGROUND
        tof[elsewhere] = draw.random(elsewhere.sum()) * FRAME_NS
        pixel[elsewhere] = draw.random(elsewhere.sum()) * STRIP_PIXELS
        tof_ns = np.clip(tof, 0, FRAME_NS - 1).astype(np.int64)
        return tof_ns, FIRST_PIXEL + np.clip(pixel, 0, STRIP_PIXELS - 1).astype(np.int64)

    def _times(self, draw: np.random.Generator) -> Int64Array:
        """Times of flight of the beam behind the iron, spread evenly within each fine bin."""
        width_ns = FRAME_NS / _BINS
        fine = _drawn(self._spectrum, draw, self.events) + draw.random(self.events)
        return np.minimum(fine * width_ns, FRAME_NS - 1).astype(np.int64)

    @cached_property
    def _image(self) -> npt.NDArray[np.float64]:
        """How probable each pixel and all before it are, float64 (pixels,), in the order of the ids."""
        y, x = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
        half = WIDTH / 2
        across, up = (x - half) / half, (y - HEIGHT / 2) / half
        radius = np.hypot(across, up)
        image = 0.1 + 1.5 * np.exp(-radius / 0.12)
        for at, width, strength in _RINGS:
            image += strength * np.exp(-(((radius - at) / width) ** 2) / 2)
        image[(radius < 0.13) | ((np.abs(across) < 0.035) & (up < 0))] *= 0.02
        return np.cumsum(image.ravel() / image.sum())

    @cached_property
    def _spectrum(self) -> npt.NDArray[np.float64]:
        """The same for fine bins of the frame: a Maxwellian beam, and what iron takes out of it."""
        tof_ns = (np.arange(_BINS) + 0.5) * FRAME_NS / _BINS
        angstrom = tof_ns / (_NS_PER_M_ANGSTROM * _FLIGHT_PATH_M)
        beam = angstrom**-5 * np.exp(-((2.6 / angstrom) ** 2))
        scattered = np.zeros(_BINS)
        for indices, multiplicity in _REFLECTIONS.items():
            spacing = _LATTICE_ANGSTROM / np.linalg.norm(indices)
            scattered += np.where(angstrom < 2 * spacing, multiplicity * spacing, 0.0)
        through = beam * np.exp(-_ABSORPTION * angstrom**2 * scattered)
        return np.cumsum(through / through.sum())


def _drawn(cumulated: npt.NDArray[np.float64], draw: np.random.Generator, events: int) -> Int64Array:
    """Indices, int64 (events,), as probable as the steps of `cumulated`."""
    found = np.searchsorted(cumulated, draw.random(events), side="right")
    return np.minimum(found, cumulated.size - 1).astype(np.int64)
