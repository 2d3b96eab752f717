"""How far the histograms of a worker are: positions, what is left to count, what is done."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from histsvc.model import Start
from histsvc.ports import Reader
from histsvc.window import NO_LIMIT
from histsvc.worker.fill import Filling
from histsvc.worker.progress import Progress
from histsvc.worker.publication import Position
from histsvc.worker.seen import Seen


class Whereabouts:
    """The partitions (slots) of a worker, how far each histogram is in them, and where they end."""

    def __init__(self, starts: Sequence[Start], progress: Progress, reader: Reader, seen: Seen) -> None:
        self.partitions = [start.partition for start in starts]
        # Where those were that have finished while others went on, by the index of the histogram.
        self.final: dict[int, Position] = {}
        self._progress = progress
        self._reader = reader
        self._seen = seen
        self._ends = {slot: start.end for slot, start in enumerate(starts)}
        self._ends_fresh = False

    def outdated(self) -> None:
        """Something was read: ends are looked up again when they are asked for."""
        self._ends_fresh = False

    def of(self, filling: Filling) -> Position:
        """How far the partitions of a histogram have been counted."""
        if filling.spec.index in self.final:
            return self.final[filling.spec.index]
        offsets: dict[str, dict[int, int]] = {}
        done: dict[str, list[int]] = {}
        self._refresh_ends()
        lag, slots, over = 0, np.flatnonzero(filling.slots).tolist(), self.done(filling)
        for slot in slots:
            partition, position = self.partitions[slot], self._counted(filling, slot)
            offsets.setdefault(partition.topic, {})[partition.number] = position
            if over[slot]:
                done.setdefault(partition.topic, []).append(partition.number)
            else:
                lag += self._progress.lag(slot, position, self._ends.get(slot, position), filling.limit[slot])
        return Position(offsets, done, lag, self._seen.newest_ms(slots))

    def done(self, filling: Filling) -> npt.NDArray[np.bool_]:
        """Which slots have nothing more for a histogram, bool (slots,)."""
        position = np.maximum(self._progress.position, filling.floor)
        done: npt.NDArray[np.bool_] = self._progress.done | (position >= filling.limit)
        return done

    def lag(self, dropped: npt.NDArray[np.bool_]) -> int:
        """Messages of all partitions that are still to be counted, but for those that are read no more."""
        self._refresh_ends()
        positions = enumerate(self._progress.position.tolist())
        return sum(
            self._progress.lag(slot, position, self._ends.get(slot, position), NO_LIMIT)
            for slot, position in positions
            if not dropped[slot]
        )

    def keep_ends(self) -> None:
        """Slots are about to be read no more, and the reader will not know their ends any longer."""
        self._ends.update(self._reader.ends())

    def _counted(self, filling: Filling, slot: int) -> int:
        """The next offset of a slot for a histogram."""
        position = max(int(self._progress.position[slot]), int(filling.floor[slot]))
        return min(position, int(filling.limit[slot]))

    def _refresh_ends(self) -> None:
        if not self._ends_fresh:  # many histograms ask for the same ends after a read
            self._ends |= self._reader.ends()
            self._ends_fresh = True
