"""Counts as an array that may also be called, which is how UHI asks for them."""

from __future__ import annotations

from typing import Any, overload

import numpy as np
import numpy.typing as npt


class Counts(np.ndarray[Any, Any]):
    """The counts of a histogram, an array like any other; ``counts()`` is what UHI's plotters call."""

    def __call__(self) -> npt.NDArray[np.float64]:
        """The same as a plain array, float64."""
        return np.asarray(self, np.float64)


class CountsField:
    """A field of a dataclass that is given any array and holds it as Counts, which copies nothing."""

    @overload
    def __get__(self, instance: None, owner: type) -> CountsField: ...
    @overload
    def __get__(self, instance: object, owner: type) -> Counts: ...
    def __get__(self, instance: object | None, owner: type) -> Counts | CountsField:
        if instance is None:
            raise AttributeError("counts")  # by which a dataclass knows that there is no default
        counts: Counts = vars(instance)["counts"]
        return counts

    def __set__(self, instance: object, counts: npt.NDArray[Any]) -> None:
        vars(instance)["counts"] = np.asarray(counts).view(Counts)
