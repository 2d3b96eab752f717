"""The region of a detector whose spectrum is wanted: rows of consecutive pixel ids, as roihist has them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from histsvc.histograms.keys import Count, LeftEdges

# In kernels/regions.py: a left edge, its place and 16 cells, int64 each; and the states, uint8.
_ROW_BYTES = 8 * (1 + 1 + 16)
_STATES_BYTES = 1 << 20
# So many pixel ids there are in 32 bits, signed or unsigned.
_MOST_PIXELS = (1 << 31) + (1 << 32)


class Region(BaseModel):
    """`width` ids from each of `left_edges`; a pixel in several rows is in the region once."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    left_edges: LeftEdges
    width: Annotated[Count, Field(le=_MOST_PIXELS)]

    @property
    def table_bytes(self) -> int:
        """How large the tables are at most that say whether a pixel lies in it."""
        return table_bytes(len(self.left_edges)) + _STATES_BYTES


def table_bytes(rows: int) -> int:
    """How large the tables are at most in which the rows of a pixel are looked up, of so many."""
    return _ROW_BYTES * rows
