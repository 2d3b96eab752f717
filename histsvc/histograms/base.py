"""What the histogram types have in common: the keys of every configuration, and the accumulator."""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from typing import Annotated, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from histsvc.histograms.keys import Broker, Count, OptionalText, Topic
from histsvc.model import Batch, EventBatch, FrameBatch, Int64Array, Snapshot, Tally

# What is stripped from source names, here and in the parser.
BLANKS = " \t\n\v\f\r"
# With a longer one every message would be mostly that.
_LONGEST_CONFIG_BYTES = 65_536
# So many edges are made and looked at in some ms.
_MOST_EXACT_BINS = 100_000


class HistogramConfig(BaseModel, ABC):
    """The keys of every histogram (protocol.md, section 2.1); each type adds its own."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    takes: ClassVar[tuple[type[Batch], ...]] = (EventBatch,)
    needs_tof: ClassVar[bool]
    needs_pixel: ClassVar[bool]

    type: str
    data_brokers: Annotated[tuple[Broker, ...], Field(min_length=1)]
    data_topics: Annotated[tuple[Topic, ...], Field(min_length=1)]
    topic: Topic
    id: OptionalText = ""
    source: OptionalText = ""
    input_schema: str | None = None
    output_schema: str | None = None
    publish_interval_ms: Count | None = None

    @property
    def brokers(self) -> tuple[str, ...]:
        """The brokers in one canonical order, so that equal lists are one cluster."""
        return tuple(sorted(set(self.data_brokers)))

    @property
    def source_name(self) -> str:
        """The wanted source, stripped of blanks; empty for all."""
        return self.source.strip(BLANKS)

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """The shape of the published data: bins along each axis."""

    def told(self) -> dict[str, Any] | None:
        """The keys that it was made of, for those who see its counts; None where they are very long."""
        keys = self.model_dump(mode="json", exclude_none=True)
        told = {key: value for key, value in keys.items() if value != ""}
        return told if len(json.dumps(told)) <= _LONGEST_CONFIG_BYTES else None

    @property
    def bins(self) -> int:
        """Number of bins; cheap, for the check against the limit."""
        return math.prod(self.shape)

    @property
    def table_bytes(self) -> int:
        """How large the tables are at most that its events are looked up in; cheap, as `bins`."""
        return 0

    @property
    def message_bytes(self) -> int:
        """About how large a message of counts and edges, float64, and the info is before compression."""
        return 8 * (self.bins + sum(self.shape) + len(self.shape)) + 2000

    def check(self) -> None:
        """Raise ValueError, with the key's name as first argument, where numpy cannot make the bins."""

    @abstractmethod
    def axes(self) -> dict[str, npt.NDArray[np.float64]]:
        """Name and edges, float64 (bins + 1,), of every axis in the order of the data."""

    @abstractmethod
    def simulated(self, draw: np.random.Generator, events: int) -> tuple[Int64Array, Int64Array]:
        """Make events up that all fall into a bin, for the simulation mode; the same for the same `draw`.

        Times of flight in ns and pixel ids, int64 (events,) each; one may be empty where the type does not
        need it. All are numbers that events of 32 bits carry; where none of those fits, as near as may be.
        """

    @abstractmethod
    def accumulator(self) -> Accumulator:
        """Make an empty accumulator; loads the kernels."""


class Accumulator(ABC):
    """Exact counts of one histogram, and what became of the events that it saw.

    Nothing in it assumes that it sees all partitions: `merge` adds another one exactly.
    """

    def __init__(self, config: HistogramConfig, counts: npt.NDArray[np.int64]) -> None:
        self.config = config
        self._counts = counts
        self.tally: Int64Array = np.zeros(len(Tally), np.int64)
        # What a user should know about the counts, empty where there is nothing.
        self.warning = ""

    def fill(self, rows: Int64Array, batch: Batch) -> None:
        """Count the messages `rows`, int64, of a batch of a kind that the configuration takes."""
        match batch:
            case EventBatch():
                self.fill_events(rows, batch)
            case FrameBatch():
                self.fill_frames(rows, batch)
            case _:
                raise TypeError(f"{type(batch).__name__} is no kind of input that a histogram takes")

    @abstractmethod
    def fill_events(self, rows: Int64Array, batch: EventBatch) -> None:
        """Count messages of events; all have the vectors that the type needs."""

    def fill_frames(self, rows: Int64Array, batch: FrameBatch) -> None:
        """Count messages that are histograms already; raises TypeError where the type takes none."""
        raise TypeError(f"{type(self).__name__} takes no frames")

    @abstractmethod
    def snapshot(self) -> Snapshot:
        """A copy of the counts with their axes; later fills do not change it."""

    @property
    def counts(self) -> Int64Array:
        """The counts, int64, in the order in which they are filled."""
        return self._counts

    @property
    def sum(self) -> int:
        """The sum of the counts."""
        return int(self.tally[Tally.COUNTED])

    def merge(self, other: Self) -> None:
        """Add another accumulator of the same histogram; raises ValueError where it is of another one."""
        if type(other) is not type(self) or other.config != self.config:
            raise ValueError("accumulators of different histograms cannot be merged")
        np.add(self.counts, other.counts, out=self._counts)
        self.tally += other.tally
        self.warning = self.warning or other.warning

    def resume(self, counts: npt.NDArray[Any], tally: Int64Array, warning: str) -> None:
        """Go on from counts in the shape in which they are given out, and their accounting.

        For an accumulator that has counted nothing. Raises ValueError where the shape is another.
        """
        if counts.shape != self.config.shape:
            raise ValueError(f"counts of shape {counts.shape} are no histogram of shape {self.config.shape}")
        self.counts[:] = self._as_filled(counts)
        self.tally[:] = tally
        self.warning = warning

    def _as_filled(self, counts: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Counts as they are given out, in the order in which they are filled."""
        return counts

    def reset(self) -> None:
        """Put counts and accounting to zero."""
        self.counts[:] = 0
        self.tally[:] = 0
        self.warning = ""


def regular_edges(key: str, bins: int, limits: tuple[float, float]) -> npt.NDArray[np.float64]:
    """The edges of np.histogram, float64 (bins + 1,); raises ValueError(key, reason) where it has none."""
    with np.errstate(all="ignore"):
        try:
            edges = np.histogram_bin_edges(np.empty(0), bins=bins, range=limits)
        except ValueError as error:
            raise ValueError(key, str(error)) from error
    if not np.all(np.isfinite(edges)) or not np.all(np.diff(edges) > 0):
        raise ValueError(key, f"Too many bins for data range. Cannot create {bins} finite-sized bins.")
    return edges.astype(np.float64)


def check_edges(key: str, bins: int, limits: tuple[float, float]) -> None:
    """Raise what `regular_edges` raises; as a rule without making the edges, which may be millions."""
    low, high = limits if limits[0] != limits[1] else (limits[0] - 0.5, limits[1] + 0.5)
    width = (high - low) / bins
    # Bins several times wider than the distance of neighbouring floats are finite and ascending for sure.
    if 4 * np.spacing(max(abs(low), abs(high))) < width < np.inf:
        return
    if bins > _MOST_EXACT_BINS:
        raise ValueError(key, f"Too many bins for data range. Cannot create {bins} finite-sized bins.")
    regular_edges(key, bins, limits)


def known_keys(config: type[HistogramConfig]) -> frozenset[str]:
    """The keys that a type's configuration has."""
    fields: dict[str, Any] = config.model_fields
    return frozenset(fields)
