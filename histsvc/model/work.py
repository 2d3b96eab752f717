"""What is to be done: which histograms count which partitions, from where."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

Stream = tuple[tuple[str, ...], str]
"""Brokers, and a topic of theirs."""


class Partition(NamedTuple):
    """One partition of a stream: where the unit of reading begins and ends."""

    brokers: tuple[str, ...]
    topic: str
    number: int


class Extent(NamedTuple):
    """Messages of a partition: the offsets of the first and of the last."""

    partition: Partition
    first: int
    last: int


@dataclass(frozen=True)
class Start:
    """Where reading of a partition begins; `end` is where it ended at that time, 0 where not known."""

    partition: Partition
    offset: int
    end: int = 0


class Place(NamedTuple):
    """Where a message lies in its topic: the partition's number and the offset."""

    partition: int
    offset: int


Offsets = Mapping[str, Mapping[int, int]]
"""The next offset of partitions, by topic and number."""


@dataclass(frozen=True)
class Mark:
    """Where a histogram is taken up again should its worker die.

    Its last `generation` began with counts of zero at the offsets `base` (None: where the job did); `place`
    is that of the last message that the broker is known to have. Newer ones may lie behind it.
    """

    generation: int = 1
    base: Offsets | None = None
    place: Place | None = None


@dataclass(frozen=True)
class HistogramSpec:
    """One histogram of a job: its configuration (as it came, checked) and its identity.

    `error` is set for a histogram that can only say why it does not count. `epoch` is 1 and rises whenever it
    is taken up again, and then `mark` says from where.
    """

    index: int
    config: Mapping[str, Any]
    input_schemas: tuple[str, ...]
    output_schema: str
    config_hash: str
    error: str | None = None
    epoch: int = 1
    mark: Mark | None = None


@dataclass(frozen=True)
class WorkerSpec:
    """What one worker does: the histograms of a job that share streams, and where their reading begins.

    `awaited`: data topics that do not exist yet; they are read from their beginning once they do.
    `topic_ids` are those of the data topics when the job began, which was at `begun_ms` (since the epoch).
    `attempt` says how many workers have died one after the other with none of them having got any further
    than `reached`: messages of each histogram. `suspects` are the messages that the last of them died of, by
    all that is known, `poison` those that are passed over.
    """

    job: str
    histograms: tuple[HistogramSpec, ...]
    starts: tuple[Start, ...]
    start_ms: int | None
    stop_ms: int | None
    awaited: tuple[Stream, ...] = ()
    topic_ids: tuple[tuple[Stream, str], ...] = ()
    attempt: int = 0
    reached: Mapping[int, int] = field(default_factory=dict)
    suspects: tuple[Extent, ...] = ()
    poison: tuple[Extent, ...] = ()
    begun_ms: int = 0

    def names(self, indices: Collection[int] | None = None) -> str:
        """What its histograms (None: all, else these) are called, for messages."""
        mine = [h for h in self.histograms if indices is None or h.index in indices]
        return ", ".join(str(h.config.get("id") or f"{self.job}/{h.index}") for h in mine)

    def without(self, indices: Collection[int]) -> WorkerSpec:
        """The same but for these histograms."""
        return replace(self, histograms=tuple(h for h in self.histograms if h.index not in indices))
