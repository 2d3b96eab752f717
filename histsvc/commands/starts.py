"""Where reading begins in every partition (protocol.md, section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from histsvc.clock import Deadline
from histsvc.commands.context import Context
from histsvc.commands.steps import Steps, ask
from histsvc.model import Partition, Stream
from histsvc.ports import Cluster, FoundOffset, OffsetAt, TopicFacts

# A start this short before the command is never an error: clients ask for «now».
_RECENT_MS = 60_000


@dataclass(frozen=True)
class Starts:
    """The first offset of every partition and its end, and why a stream cannot be counted from start on."""

    offsets: Mapping[Partition, int]
    ends: Mapping[Partition, int]
    errors: Mapping[Stream, str]


def find_starts(
    facts: Mapping[Stream, TopicFacts],
    start_ms: int | None,
    now_ms: int,
    context: Context,
    deadline: Deadline,
) -> Steps[Starts]:
    """Ask the brokers; raises CommandError where they do not answer."""
    offsets: dict[Partition, int] = {}
    known_ends: dict[Partition, int] = {}
    errors: dict[Stream, str] = {}
    for brokers in {stream[0] for stream in facts}:
        partitions = [
            Partition(brokers, stream[1], number)
            for stream, topic in facts.items()
            if stream[0] == brokers
            for number in range(topic.partitions)
        ]
        cluster = context.data.of(brokers)
        # The end is asked for first: what arrives between the two questions is then read, and judged by its
        # timestamp; the other way round it would be missed.
        ends = yield from _ask(cluster, partitions, OffsetAt.LATEST, deadline)
        known_ends.update({partition: found.offset for partition, found in ends.items()})
        offsets.update({partition: found.offset for partition, found in ends.items()})
        if start_ms is None:
            continue
        found = yield from _ask(cluster, partitions, start_ms, deadline)
        offsets.update({partition: at.offset for partition, at in found.items() if at.offset >= 0})
        if start_ms <= now_ms - _RECENT_MS:
            errors.update((yield from _removed(cluster, partitions, start_ms, deadline)))
    return Starts(offsets, known_ends, errors)


def _removed(
    cluster: Cluster, partitions: list[Partition], start_ms: int, deadline: Deadline
) -> Steps[dict[Stream, str]]:
    """Streams from which the broker has removed data that start asks for."""
    earliest = yield from _ask(cluster, partitions, OffsetAt.EARLIEST, deadline)
    cut = [partition for partition in partitions if earliest[partition].offset > 0]
    if not cut:
        return {}
    oldest = yield from _ask(cluster, cut, 0, deadline)
    return {
        (partition.brokers, partition.topic): (
            f"Cannot find start time in the data: start is {start_ms}, but the oldest message kept in "
            f"partition {partition.number} of {partition.topic!r} has timestamp {kept.timestamp_ms} (ms); "
            "older ones were removed by the broker"
        )
        for partition, kept in oldest.items()
        if kept.offset >= 0 and kept.timestamp_ms > start_ms
    }


def _ask(
    cluster: Cluster, partitions: list[Partition], at: OffsetAt | int, deadline: Deadline
) -> Steps[dict[Partition, FoundOffset]]:
    whom = ", ".join(partitions[0].brokers) if partitions else "no brokers"
    return (yield from ask(cluster, lambda: cluster.offsets(partitions, at), deadline, whom, None))
