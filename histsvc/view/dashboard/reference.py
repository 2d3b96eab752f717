"""What a picture is compared with: counts of another time, frozen or read from a file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from histsvc.files.reader import plotted
from histsvc.view.dashboard.choice import Choice
from histsvc.view.dashboard.shown import Shown


@dataclass(frozen=True, eq=False)
class Reference:
    """Counts, float64, that came in so many `seconds` (0: not known); `about` says where they are from."""

    counts: npt.NDArray[np.float64]
    seconds: float
    about: str

    def scale(self, choice: Choice) -> float:
        """What to multiply the counts by: each in its own time, where counts per second are shown."""
        if not choice.per_s:
            return 1.0
        return 1 / self.seconds if self.seconds else 0.0


def frozen(shown: Shown, about: str) -> Reference:
    """What is shown at this moment."""
    return Reference(np.array(shown.gained()), shown.seconds, about)


def loaded(content: bytes, name: str, shape: tuple[int, ...]) -> Reference:
    """What a file plots; raises ValueError for what cannot be compared with counts of this shape."""
    found = plotted(content)
    if found.signal.shape != shape:
        have, want = (" by ".join(map(str, each)) for each in (found.signal.shape, shape))
        raise ValueError(f"{name} has {have} bins, and this histogram {want}")
    if not np.isfinite(found.signal).all():
        raise ValueError(f"{name} has values that are not finite")
    return Reference(found.signal, found.seconds, name)
