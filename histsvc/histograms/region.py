"""The region of a detector whose spectrum is wanted: rows of consecutive pixel ids, as roihist has them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from histsvc.histograms.keys import Count, LeftEdges

# A left edge, its place, and 16 cells (kernels/regions.py), int64 each.
_ROW_BYTES = 8 * (1 + 1 + 16)
# So many pixel ids there are in 32 bits, signed or unsigned.
_MOST_PIXELS = (1 << 31) + (1 << 32)


class Region(BaseModel):
    """`width` ids from each of `left_edges`; a pixel in several rows is in the region once."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    left_edges: LeftEdges
    width: Annotated[Count, Field(le=_MOST_PIXELS)]


def table_bytes(rows: int) -> int:
    """How large the table is at most in which pixels of so many rows are looked up."""
    return _ROW_BYTES * rows
