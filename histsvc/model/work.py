"""What is to be done: which histograms count which partitions, from where."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

Stream = tuple[tuple[str, ...], str]
"""Brokers, and a topic of theirs."""


class Partition(NamedTuple):
    """One partition of a stream: where the unit of reading begins and ends."""

    brokers: tuple[str, ...]
    topic: str
    number: int


@dataclass(frozen=True)
class Start:
    """Where reading of a partition begins; `end` is where it ended at that time, 0 where not known."""

    partition: Partition
    offset: int
    end: int = 0


@dataclass(frozen=True)
class HistogramSpec:
    """One histogram of a job: its configuration (as it came, checked) and its identity.

    `error` is set for a histogram that can only say why it does not count.
    """

    index: int
    config: Mapping[str, Any]
    input_schemas: tuple[str, ...]
    output_schema: str
    config_hash: str
    error: str | None = None


@dataclass(frozen=True)
class WorkerSpec:
    """What one worker does: the histograms of a job that share streams, and where their reading begins.

    `awaited`: data topics that do not exist yet; they are read from their beginning once they do.
    `stands_in`: for how many workers that died; all that is left to do is to publish the error.
    """

    job: str
    histograms: tuple[HistogramSpec, ...]
    starts: tuple[Start, ...]
    start_ms: int | None
    stop_ms: int | None
    awaited: tuple[Stream, ...] = ()
    stands_in: int = 0

    def without(self, indices: Collection[int]) -> WorkerSpec:
        """The same but for these histograms."""
        return replace(self, histograms=tuple(h for h in self.histograms if h.index not in indices))
