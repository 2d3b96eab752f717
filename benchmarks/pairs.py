"""Two sides of a comparison, measured in turn: on noisy machines only ratios of neighbours mean anything."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Run:
    """One run: how long it took, and the CPU seconds of all processes that it kept busy."""

    seconds: float
    cpu_s: float


@dataclass(frozen=True)
class Spread:
    """Median, and the quartiles beside it, of some numbers."""

    median: float
    low: float
    high: float

    @staticmethod
    def of(numbers: Sequence[float]) -> Spread:
        """Of at least two numbers."""
        low, median, high = statistics.quantiles(numbers, n=4, method="inclusive")
        return Spread(median, low, high)

    def times(self, factor: float) -> Spread:
        """All three, multiplied."""
        return Spread(self.median * factor, self.low * factor, self.high * factor)

    def __format__(self, spec: str) -> str:
        return f"{self.median:{spec}} ({self.low:{spec}} to {self.high:{spec}})"


@dataclass
class Sides:
    """The runs of some sides, in the order in which they were measured; ratios are those of neighbours."""

    runs: dict[str, list[Run]] = field(default_factory=dict)

    def ratio(self, of: str, to: str) -> Spread:
        """How fast `of` is, with `to` as 1; of runs that count the same."""
        pairs = zip(self.runs[of], self.runs[to], strict=True)
        return Spread.of([other.seconds / run.seconds for run, other in pairs])

    def seconds(self, side: str) -> Spread:
        """How long a side took."""
        return Spread.of([run.seconds for run in self.runs[side]])

    def cpu_s(self, side: str) -> Spread:
        """How many CPU seconds a side took."""
        return Spread.of([run.cpu_s for run in self.runs[side]])


def interleaved(sides: dict[str, Callable[[], Run]], runs: int) -> Sides:
    """Measure all sides in turn, so often; each turn begins with another one, and the first is dropped."""
    names = list(sides)
    measured = Sides({name: [] for name in names})
    for name in names:
        sides[name]()
    for number in range(runs):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            measured.runs[name].append(sides[name]())
    return measured
