"""What a benchmark has found: one number with its spread, what it is held to, and figures beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.pairs import Spread


@dataclass(frozen=True)
class Finding:
    """One line of the table; `row` is that of the targets in docs/performance.md.

    `value` is in `unit` and should be at least, or with `at_most` at most, `target` (None: only to be known).
    `also` are figures that belong to it, their units in their names. `samples` are what a distribution was
    made from.
    """

    row: int
    work: str
    measured: str
    value: Spread
    unit: str = ""
    target: float | None = None
    at_most: bool = False
    also: Mapping[str, float] = field(default_factory=dict)
    samples: tuple[float, ...] = ()

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one."""
        if self.target is None:
            return None
        met = self.value.median <= self.target if self.at_most else self.value.median >= self.target
        return bool(met)  # numpy's own is none that JSON knows

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"met": self.met}
