"""From where a worker goes on with histograms that another one has counted before. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from histsvc.histograms.base import HistogramConfig
from histsvc.model import HistogramSpec, Int64Array, Mark, Offsets, Partition, Start, Tally, WorkerSpec
from histsvc.protocol.info import HistogramInfo, State
from histsvc.worker.publication import Position, Publication

# What the warnings of protocol.md say of topics that are awaited: it may have changed since.
_AWAITED = "does not exist yet"


@dataclass(frozen=True, eq=False)
class Published:
    """What a worker that is gone has published of a histogram: `counts` in the shape of the output."""

    info: HistogramInfo
    counts: npt.NDArray[Any]

    @property
    def finished(self) -> bool:
        """Whether that was the end of it."""
        return self.info.state is State.FINISHED


Found = Mapping[int, Published]
"""The last publication of histograms that had one, by index."""


def outranking(spec: WorkerSpec, epochs: Mapping[int, int]) -> WorkerSpec:
    """The same with an epoch of each histogram that is above all that was published, `epochs` by index.

    A service that is killed may not have had the time to store that another worker has taken over.
    """
    histograms = (replace(h, epoch=max(h.epoch, epochs.get(h.index, 0) + 1)) for h in spec.histograms)
    return replace(spec, histograms=tuple(histograms))


def resumed(spec: WorkerSpec, configs: Sequence[HistogramConfig], found: Found) -> WorkerSpec:
    """The same with the starts from which no histogram misses anything.

    What has come into being since the job began, as far as a histogram has read it, is a start as well.
    """
    begins = {start.partition: start for start in spec.starts}
    for histogram, config in zip(spec.histograms, configs, strict=True):
        for topic, read in (_offsets(histogram, found) or {}).items():
            for partition in (Partition(config.brokers, topic, number) for number in read):
                begins.setdefault(partition, Start(partition, 0))
    wanted: dict[Partition, list[int]] = {}
    for histogram, config in zip(spec.histograms, configs, strict=True):
        for partition, offset in _begins(histogram, config, spec, begins, found).items():
            if not _is_done(partition, histogram, found):
                wanted.setdefault(partition, []).append(offset)
    starts = [replace(each, offset=min(wanted.get(each.partition, [each.end]))) for each in begins.values()]
    known = {(partition.brokers, partition.topic) for partition in begins}
    awaited = tuple(stream for stream in spec.awaited if stream not in known)
    return replace(spec, starts=tuple(starts), awaited=awaited)


def resume(publication: Publication, spec: WorkerSpec, begins: WorkerSpec, found: Found) -> Position | None:
    """Let a histogram go on: `spec` is what its first worker was to do, `begins` what `resumed` made of it.

    Returns where it was when it was FINISHED, else None. Raises ValueError where the counts do not fit.
    """
    filling = publication.filling
    mark = filling.spec.mark or Mark()
    partitions = [start.partition for start in begins.starts]
    offsets = _begins(filling.spec, filling.config, spec, partitions, found)
    filling.floor[:] = [offsets.get(partition, 0) for partition in partitions]
    published = found.get(filling.spec.index)
    if published is None:
        filling.resume(mark.generation, State.INITIALISED, (0, 0))
        publication.resume(mark, None)
        return None
    info = published.info
    filling.accumulator.resume(published.counts, tally_of(info), _warning(info))
    counting = State.COUNTING if info.sum else State.INITIALISED
    pulses_ns = info.first_pulse_time or info.last_pulse_time, info.last_pulse_time
    filling.resume(info.generation, State.FINISHED if published.finished else counting, pulses_ns)
    filling.lost = info.lost
    publication.resume(replace(mark, generation=info.generation), info)
    for slot, partition in enumerate(partitions):
        if partition.number in info.done.get(partition.topic, ()) and filling.slots[slot]:
            filling.limit_to(slot, int(filling.floor[slot]))
    return Position(info.offsets, info.done, info.lag, None) if published.finished else None


def tally_of(info: HistogramInfo) -> Int64Array:
    """The accounting of a publication, int64 (len(Tally),)."""
    tally = np.zeros(len(Tally), np.int64)
    tally[Tally.COUNTED] = info.sum
    for which in Tally:
        if which is not Tally.COUNTED:
            tally[which] = getattr(info, which.name.lower())
    return tally


def _begins(
    histogram: HistogramSpec,
    config: HistogramConfig,
    spec: WorkerSpec,
    partitions: Iterable[Partition],
    found: Found,
) -> dict[Partition, int]:
    """The first offset that a histogram has not counted, of each of its partitions."""
    offsets = _offsets(histogram, found)
    pinned = {start.partition: start.offset for start in spec.starts}
    begins = {}
    for partition in partitions:
        if partition.brokers == config.brokers and partition.topic in config.data_topics:
            first = pinned.get(partition, 0) if offsets is None else 0
            begins[partition] = (offsets or {}).get(partition.topic, {}).get(partition.number, first)
    return begins


def _is_done(partition: Partition, histogram: HistogramSpec, found: Found) -> bool:
    """Whether a histogram wants nothing more of a partition."""
    published = found.get(histogram.index)
    if published is None:
        return histogram.error is not None
    done = partition.number in published.info.done.get(partition.topic, ())
    return published.finished or done or histogram.error is not None


def _offsets(histogram: HistogramSpec, found: Found) -> Offsets | None:
    """Where a histogram was; None for where its job began."""
    if histogram.index in found:
        return found[histogram.index].info.offsets
    return histogram.mark.base if histogram.mark is not None else None


def _warning(info: HistogramInfo) -> str:
    """What was said about the counts."""
    return "; ".join(part for part in (info.warning or "").split("; ") if part and _AWAITED not in part)
