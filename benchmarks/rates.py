"""How fast one stream is counted, in each shape of messages, beside the yardsticks."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from kafka_broker import Broker
from service_process import Service

from benchmarks.data import PIXELS, SHAPES, Filled, Shape, dethist, fill, hist1d, remove
from benchmarks.pairs import Run, Sides, interleaved
from benchmarks.sides import Counted, Yardstick

BINS = 50
WIDTH, HEIGHT = 1000, PIXELS // 1000
# The usual way is so slow that it reads so many times fewer messages; rates are compared, not times.
NAIVE_PART = 10
SPECTRUM, BOTH, DISCARD, NAIVE = "hist1d", "hist1d + dethist", "discard", "naive"
_WITH_NAIVE = (Shape("compact", 1_000), Shape("efu", 1_000))


@dataclass(frozen=True)
class Rate:
    """All sides of one shape."""

    filled: Filled
    sides: Sides


def rates(broker: Broker, service: Service, megabytes: int, runs: int) -> Iterator[Rate]:
    """Measure each shape with a topic of so many MB."""
    for shape in SHAPES:
        name = f"bench-{shape.shape}-{shape.events}"
        filled = fill(broker, name, shape, shape.messages(megabytes * 1_000_000))
        yield Rate(filled, _measured(broker, service, filled, runs))
        remove(broker, name)


def _measured(broker: Broker, service: Service, filled: Filled, runs: int) -> Sides:
    spectrum = filled.spectrum(BINS)
    image = filled.image(1, PIXELS).reshape(HEIGHT, WIDTH).T
    one, other = hist1d(filled, BINS), dethist(filled, WIDTH, HEIGHT)
    with contextlib.ExitStack() as processes:
        discard = Yardstick(DISCARD, broker, filled.messages + 1, [filled.topic])
        sides: dict[str, Callable[[], Run]] = {
            DISCARD: processes.enter_context(discard),
            SPECTRUM: Counted(service, filled, [one], {"spectrum": spectrum}),
            BOTH: Counted(service, filled, [one, other], {"spectrum": spectrum, "image": image}),
        }
        if filled.shape in _WITH_NAIVE:
            part = filled.messages // NAIVE_PART
            sides[NAIVE] = processes.enter_context(Yardstick(NAIVE, broker, part, [filled.topic]))
        return interleaved(sides, runs)
