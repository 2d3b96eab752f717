"""Adding a monitor's own histogram to ours."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from histsvc.model import Frame, Int64Array, Tally

# Edges that went over the wire in another unit or as float32 come back a little different: by less than
# this part of a bin they are the same.
_SAME = 1e-3


def add_frame(frame: Frame, edges: npt.NDArray[np.float64], counts: Int64Array, tally: Int64Array) -> bool:
    """Add a frame to `counts`, int64 (bins,), between `edges` (ns), and to `tally`; exact.

    Equal edges: bin by bin. Otherwise each bin of the frame goes whole to the bin that holds its centre, or
    below or above; the last bin is closed on the right. Returns whether it was otherwise.
    """
    if frame.edges_ns.size == edges.size and np.all(
        np.abs(frame.edges_ns - edges) <= _SAME * np.diff(edges).min()
    ):
        counts += frame.counts
        tally[Tally.COUNTED] += frame.counts.sum()
        return False
    centres = frame.edges_ns[:-1] + np.diff(frame.edges_ns) / 2
    below, above = centres < edges[0], centres > edges[-1]
    inside = ~below & ~above
    bins = np.minimum(np.searchsorted(edges, centres[inside], side="right") - 1, counts.size - 1)
    np.add.at(counts, bins, frame.counts[inside])
    tally[Tally.UNDERFLOW] += frame.counts[below].sum()
    tally[Tally.OVERFLOW] += frame.counts[above].sum()
    tally[Tally.COUNTED] += frame.counts[inside].sum()
    return True
