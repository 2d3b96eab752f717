"""What goes out: a histogram at one moment, independent of any wire schema."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt


class Role(StrEnum):
    """What a variable of a snapshot is."""

    COUNTS = "counts"
    EDGES = "edges"
    ERRORS = "errors"


@dataclass(frozen=True, eq=False)
class Variable:
    """A named array: `data` has one axis per entry of `dims`; edges are one longer than their dimension.

    Counts are int64, or uint32 where that holds them.
    """

    name: str
    role: Role
    dims: tuple[str, ...]
    data: npt.NDArray[Any]
    unit: str
    label: str = ""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A histogram at one moment, independent of any wire schema and of the accumulator it came from."""

    variables: tuple[Variable, ...]

    @property
    def counts(self) -> Variable:
        """The counts; raises LookupError where there are none."""
        return self._one(Role.COUNTS, None)

    def edges(self, dim: str) -> Variable:
        """The bin edges of a dimension; raises LookupError where there are none."""
        return self._one(Role.EDGES, dim)

    def _one(self, role: Role, dim: str | None) -> Variable:
        for variable in self.variables:
            if variable.role is role and (dim is None or variable.dims == (dim,)):
                return variable
        raise LookupError(f"the snapshot has no {role} of dimension {dim}")

    def zeroed(self) -> Snapshot:
        """The same with counts of zero."""
        return Snapshot(
            tuple(
                replace(v, data=np.zeros_like(v.data)) if v.role is Role.COUNTS else v for v in self.variables
            )
        )

    def merge(self, other: Snapshot) -> Snapshot:
        """Add the counts of another snapshot of the same histogram, exactly; raises ValueError otherwise."""
        if len(self.variables) != len(other.variables):
            raise ValueError("the snapshots are of different histograms: they differ in their variables")
        return Snapshot(tuple(_merged(a, b) for a, b in zip(self.variables, other.variables, strict=True)))


def _merged(a: Variable, b: Variable) -> Variable:
    if (a.name, a.role, a.dims, a.unit, a.data.shape) != (b.name, b.role, b.dims, b.unit, b.data.shape):
        raise ValueError(f"the snapshots are of different histograms: they differ in {a.name!r}")
    if a.role is Role.COUNTS:
        return Variable(a.name, a.role, a.dims, np.add(a.data, b.data, dtype=np.int64), a.unit, a.label)
    if not np.array_equal(a.data, b.data):
        raise ValueError(f"the snapshots are of different histograms: their {a.name!r} differ")
    return a
