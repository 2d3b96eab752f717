"""Made-up events: Gaussian times of flight, and pixel ids in a row or in a blob on a detector."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from histsvc.model import Int64Array, Pulse

TOF_MEAN_NS = 30_000_000
TOF_SIGMA_NS = 10_000_000
TOF_MAX_NS = 71_428_570
"""The last whole ns of a pulse at 14 Hz."""

_SIGMAS_ACROSS = 6.0
"""A detector is so many sigmas wide: what would fall off its edge (0.3 %) is put on the edge."""


@dataclass(frozen=True)
class GaussianSource:
    """Pulses of `events` Gaussian events at each of `sources`.

    Times of flight: 30 ms, sigma 10 ms, clipped to 0..71,428,570 ns. Pixel ids: `first_pixel` and up, of a
    detector of `width` x `height`; a Gaussian blob in x and y with `detector`, else Gaussian in the id.
    Equal seeds give equal events, whatever was drawn before.
    """

    sources: tuple[str, ...]
    events: int
    seed: int
    width: int = 100
    height: int = 100
    first_pixel: int = 1
    detector: bool = False

    @property
    def last_pixel(self) -> int:
        """The largest pixel id there can be."""
        return self.first_pixel + self.width * self.height - 1

    def pulses(self, times_ns: Iterable[int]) -> Iterator[Pulse]:
        """Yield, for each time (ns since the epoch), the pulse of each source; takes one time at a time."""
        for number, time_ns in enumerate(times_ns):
            for index in range(len(self.sources)):
                yield self.pulse(number, index, time_ns)

    def pulse(self, number: int, index: int, time_ns: int) -> Pulse:
        """Make pulse `number` of the source at `index`, int64 (events,); only the seed matters besides."""
        draw = np.random.default_rng((self.seed, number, index))
        tof = TOF_MEAN_NS + TOF_SIGMA_NS * draw.standard_normal(self.events)
        tof_ns = np.clip(np.rint(tof), 0, TOF_MAX_NS).astype(np.int64)
        if self.detector:
            x, y = self._across(draw, self.width), self._across(draw, self.height)
            offset = x + self.width * y
        else:
            offset = self._across(draw, self.width * self.height)
        return Pulse(self.sources[index], time_ns, tof_ns, self.first_pixel + offset)

    def _across(self, draw: np.random.Generator, size: int) -> Int64Array:
        where = size / 2 + size / _SIGMAS_ACROSS * draw.standard_normal(self.events)
        return np.clip(np.floor(where), 0, size - 1).astype(np.int64)
