"""Which worker counts what. Pure: from the histograms of a job and the starts of its partitions to specs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from histsvc.model import HistogramSpec, Partition, Start, Stream, WorkerSpec


@dataclass(frozen=True)
class Wish:
    """A histogram and the streams (brokers, topic) that it counts."""

    spec: HistogramSpec
    streams: tuple[Stream, ...]


def plan(
    job: str,
    wishes: Sequence[Wish],
    starts: Mapping[Partition, int],
    times: tuple[int | None, int | None],
    workers: int,
    awaited: Collection[Stream] = (),
    ends: Mapping[Partition, int] | None = None,
) -> tuple[WorkerSpec, ...]:
    """Spread histograms over at most `workers` workers.

    Histograms that share a stream, directly or through others, come to the same worker, so that each message
    is fetched and parsed once. `starts` gives the first offset of every partition, `times` start and
    stop (ms); `awaited` are streams that do not exist yet, `ends` is where the partitions end now.
    """
    shares: list[list[Wish]] = [[] for _ in range(workers)]
    for group in sorted(_groups(wishes), key=_weight, reverse=True):
        min(shares, key=_weight).extend(group)
    begins = {p: Start(p, offset, (ends or {}).get(p, 0)) for p, offset in starts.items()}
    return tuple(_spec(job, share, begins, times, awaited) for share in shares if share)


def _groups(wishes: Sequence[Wish]) -> list[list[Wish]]:
    """Histograms that are connected by shared streams."""
    groups: list[tuple[set[Stream], list[Wish]]] = []
    for wish in wishes:
        streams, members = set(wish.streams), [wish]
        apart = []
        for group in groups:
            if group[0].isdisjoint(streams):
                apart.append(group)
            else:
                streams |= group[0]
                members = group[1] + members
        groups = [*apart, (streams, members)]
    return [members for _, members in groups]


def _weight(group: Sequence[Wish]) -> int:
    """What a group costs, roughly: a stream has to be read, a histogram to be filled."""
    return len({stream for wish in group for stream in wish.streams}) + len(group)


def _spec(
    job: str,
    share: Sequence[Wish],
    starts: Mapping[Partition, Start],
    times: tuple[int | None, int | None],
    awaited: Collection[Stream],
) -> WorkerSpec:
    streams = {stream for wish in share if wish.spec.error is None for stream in wish.streams}
    mine = sorted(partition for partition in starts if (partition.brokers, partition.topic) in streams)
    return WorkerSpec(
        job=job,
        histograms=tuple(sorted((wish.spec for wish in share), key=lambda spec: spec.index)),
        starts=tuple(starts[partition] for partition in mine),
        start_ms=times[0],
        stop_ms=times[1],
        awaited=tuple(sorted(streams.intersection(awaited))),
    )
