"""What somebody wants to see of a histogram, and how."""

from __future__ import annotations

from dataclasses import dataclass

SCALES = ("linear", "log", "square root")


@dataclass(frozen=True)
class Choice:
    """How one histogram is drawn.

    `per_s`: counts per second instead of counts; `window_s`: of the last seconds only, 0 for all. `limits` of
    the values are found by themselves where they are None: up to the value that the part `quantile` of all
    bins stays below. `turns` are quarters of a full turn, anticlockwise, of what is `mirrored` before.
    """

    per_s: bool = False
    window_s: int = 0
    scale: str = "linear"
    quantile: float = 0.999
    limits: tuple[float, float] | None = None
    turns: int = 0
    mirrored: bool = False
    reference: bool = False

    @property
    def unit(self) -> str:
        """The unit of what is drawn."""
        return "counts/s" if self.per_s else "counts"

    @property
    def swaps(self) -> bool:
        """Whether x goes up and y goes across."""
        return self.turns % 2 == 1

    @property
    def flips(self) -> tuple[bool, bool]:
        """Whether what goes across, and what goes up, runs backwards."""
        across, up = ((False, False), (True, False), (True, True), (False, True))[self.turns % 4]
        # What was left to right before it was turned by a quarter is up and down then.
        if self.mirrored:
            across, up = (across, not up) if self.swaps else (not across, up)
        return across, up
