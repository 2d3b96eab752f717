"""Messages that processes die of: each part of what is read is told before it is looked into."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes import BROKERS, NOW_MS, histogram_spec, in_place, raw
from unit.worker_bench import EVENT, Worker, event

from histsvc.model import Extent, Partition, RawMessages
from histsvc.worker.caution import Caution

PLACE, OTHER = Partition(BROKERS, "events", 0), Partition(BROKERS, "events", 1)
STARTS = {("events", 0): 0, ("events", 1): 0}


class Careful:
    """A worker that tells what it looks into, and what was counted at each of these moments."""

    def __init__(self, *suspects: Extent) -> None:
        self.worker = Worker(starts=STARTS)
        self.told: list[tuple[tuple[Extent, ...], int]] = []
        self.worker.pipeline.caution = Caution(suspects, self._tell, self.worker.clock)

    def _tell(self, extents: tuple[Extent, ...]) -> None:
        self.told.append((extents, self.worker.info.messages))


def test_a_batch_is_told_before_it_is_counted_and_that_it_is_over() -> None:
    careful = Careful()
    careful.worker.read(event(0, 3), event(1, 0), event(0, 4))
    assert careful.told == [((Extent(PLACE, 3, 4), Extent(OTHER, 0, 0)), 0), ((), 3)]


def test_suspicious_messages_are_taken_one_by_one_in_order() -> None:
    careful = Careful(Extent(PLACE, 2, 3))
    careful.worker.read(*(event(0, n) for n in range(5)), event(1, 2))
    parts = [extents for extents, _ in careful.told if extents]
    assert parts == [
        (Extent(PLACE, 0, 1),),
        (Extent(PLACE, 2, 2),),
        (Extent(PLACE, 3, 3),),
        (Extent(PLACE, 4, 4), Extent(OTHER, 2, 2)),
    ]
    assert [count for extents, count in careful.told if not extents] == [2, 3, 4, 6]
    assert careful.worker.info.sum == 6


def test_nothing_is_read_meanwhile() -> None:
    careful = Careful()
    careful.worker.read(event(0, 0))
    assert careful.worker.reader.reads_ahead == 0
    careful.worker.clock.advance(61)
    careful.worker.read(event(0, 1))
    assert (careful.worker.reader.reads_ahead, len(careful.told)) == (1, 2)


def test_what_workers_die_of_is_counted_as_undecodable_and_told() -> None:
    worker = Worker()
    spec = replace(worker.spec, poison=(Extent(PLACE, 1, 1),))
    careful = Worker(spec=spec)
    careful.read(event(0, 0), event(0, 1), event(0, 2))
    info = careful.info
    assert (info.sum, info.undecodable, info.messages) == (2, 1, 3)
    assert info.warning == (
        "the message at offset 1 of partition 0 of 'events' was not counted: workers die of it"
    )


def test_who_has_counted_beyond_it_hears_nothing_of_it() -> None:
    worker = Worker(histogram_spec("hist1d", 0), histogram_spec("hist1d", 1))
    careful = Worker(spec=replace(worker.spec, poison=(Extent(PLACE, 1, 1),)))
    careful.pipeline.fillings[1].floor[0] = 2
    careful.read(event(0, 0), event(0, 1), event(0, 2))
    assert [(i.sum, i.undecodable, i.warning is None) for i in careful.infos()] == [
        (2, 1, False),
        (1, 0, True),
    ]


@pytest.mark.parametrize("read", [raw([(0, n, NOW_MS, EVENT) for n in range(4)]), in_place([EVENT] * 4, 0)])
def test_parts_and_emptied_messages_are_the_same_wherever_they_are(read: RawMessages) -> None:
    part = read.rows(slice(1, 3))
    assert (part.offset.tolist(), list(part.payload), part.size.tolist()) == (
        [1, 2],
        [EVENT] * 2,
        [len(EVENT)] * 2,
    )
    emptied = read.emptied(part.offset)
    assert list(emptied.payload) == [EVENT, b"", b"", EVENT]
    assert (emptied.size.tolist(), list(read.payload)) == ([len(EVENT), 0, 0, len(EVENT)], [EVENT] * 4)
