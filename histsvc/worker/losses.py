"""Messages that the broker has removed before they were read: how many, and whose end that is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from histsvc.model import Partition
from histsvc.ports import Reader
from histsvc.worker.ends import EndQueries
from histsvc.worker.fill import Filling
from histsvc.worker.progress import Progress
from histsvc.worker.where import Whereabouts

Fail = Callable[[Filling, str], None]


class Losses:
    """Partitions whose next offset is not there any more; never waits for a broker."""

    def __init__(
        self, where: Whereabouts, progress: Progress, reader: Reader, queries: EndQueries, *, go_on: bool
    ) -> None:
        """`queries` asks for the oldest offset that is kept; `go_on` with what is there, or end in ERROR."""
        self._where = where
        self._progress = progress
        self._reader = reader
        self._queries = queries
        self._go_on = go_on
        self._open: dict[Partition, int] = {}

    @property
    def open(self) -> bool:
        """Whether an answer is awaited."""
        return bool(self._open)

    def note(self, slots: Iterable[int]) -> None:
        """Nothing more comes from these slots: their next offset is out of range."""
        self._open.update({self._where.partitions[slot]: slot for slot in slots})

    def settle(self, fillings: Sequence[Filling], fail: Fail) -> None:
        """Read on where something is kept, once that is known; `fail` ends a histogram in ERROR."""
        for partition, oldest in list(self._queries.answers(list(self._open))):
            slot = self._open.pop(partition)
            position = int(self._progress.position[slot])
            for filling in fillings:
                if not (filling.counting and filling.slots[slot]) or self._where.done(filling)[slot]:
                    continue
                if oldest < position:
                    fail(
                        filling, f"{_name(partition)} ends before offset {position}: it was cut or made anew"
                    )
                else:
                    self._miss(filling, partition, max(position, int(filling.floor[slot])), oldest, fail)
            if oldest >= position:
                self._progress.reached_end(slot, oldest)
                self._reader.move(slot, oldest)

    def _miss(self, filling: Filling, partition: Partition, first: int, oldest: int, fail: Fail) -> None:
        """A histogram wants what begins at `first`, and does not get what lies below `oldest`."""
        lost = max(0, oldest - first)
        what = f"{lost} messages of {_name(partition)}, from offset {first} on,"
        removed = f"{what} were removed by the broker before they were read"
        if lost and self._go_on:
            filling.lose(lost, removed)
        elif lost:
            fail(filling, f"{removed} (--on-data-loss continue would count on)")


def _name(partition: Partition) -> str:
    return f"partition {partition.number} of {partition.topic!r}"
