"""One histogram in a worker: which messages of a batch it takes, and what becomes of the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from histsvc.histograms.base import HistogramConfig
from histsvc.model import Column, EventBatch, Fault, HistogramSpec, Int64Array, Tally
from histsvc.protocol.info import State
from histsvc.window import Verdict


class Filling:
    """A histogram that counts: its accumulator, its state, and the slots (partitions) that it reads."""

    def __init__(
        self,
        spec: HistogramSpec,
        config: HistogramConfig,
        slots: npt.NDArray[np.bool_],
        schemas: Sequence[str],
        sources: Sequence[str],
    ) -> None:
        """`slots` is bool (slots,); `schemas` and `sources` are the lists that batches index."""
        self.spec = spec
        self.config = config
        self.slots = slots
        self.accumulator = config.accumulator()
        self.state = State.ERROR if spec.error else State.INITIALISED
        self.error = spec.error
        self.generation = 1
        self.first_pulse_ns = 0
        self.last_pulse_ns = 0
        # The entry behind the last is that of index -1: no schema of the list.
        self._schemas = np.array([schema in spec.input_schemas for schema in (*schemas, None)])
        self._source = sources.index(config.source_name) if config.source_name else None

    @property
    def counting(self) -> bool:
        """Whether it still takes messages."""
        return self.state in (State.INITIALISED, State.COUNTING)

    def finish(self) -> None:
        """Nothing more will be counted, and that is final."""
        if self.counting:
            self.state = State.FINISHED

    def fail(self, reason: str) -> None:
        """It cannot go on; `reason` is one sentence for the user."""
        if self.counting:
            self.state = State.ERROR
            self.error = reason

    def reset(self) -> None:
        """Counts and accounting to zero; identity, position and state stay; no effect once finished."""
        if self.counting:
            self.accumulator.reset()
            self.generation += 1
            self.first_pulse_ns = self.last_pulse_ns = 0

    def take(self, batch: EventBatch, verdicts: npt.NDArray[np.uint8]) -> None:
        """Count what belongs to this histogram and account for the rest, exactly."""
        mine = self.slots[batch.slot] & (verdicts != Verdict.SKIPPED)
        if not self.counting or not mine.any():
            return
        rows = np.flatnonzero(self._accounted(batch, verdicts, mine))
        if rows.size == 0:
            return
        self.accumulator.fill(rows, batch)
        times = batch.column(Column.REFERENCE_TIME_NS)[rows]
        known = times[times > 0]  # a message need not have one
        if known.size:
            self.first_pulse_ns = self.first_pulse_ns or int(known.min())
            self.last_pulse_ns = max(self.last_pulse_ns, int(known.max()))
        if self.accumulator.sum:
            self.state = State.COUNTING

    def _accounted(
        self, batch: EventBatch, verdicts: npt.NDArray[np.uint8], mine: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.bool_]:
        """The messages whose events are looked at one by one; the others go into the accounting here."""
        tally, events, fault = self.accumulator.tally, batch.events, batch.column(Column.FAULT)
        wanted = self._schemas[batch.column(Column.SCHEMA)]
        nameless = fault == Fault.NO_SCHEMA
        tally[Tally.MESSAGES] += np.count_nonzero(mine)
        tally[Tally.OTHER_SCHEMA] += np.count_nonzero(mine & ~wanted & ~nameless)
        tally[Tally.UNDECODABLE] += np.count_nonzero(mine & (nameless | (wanted & (fault != Fault.NONE))))
        good = mine & wanted & (fault == Fault.NONE) & (events > 0)
        outside = good & (verdicts == Verdict.OUT_OF_WINDOW)
        tally[Tally.OUT_OF_WINDOW] += _total(events, outside)
        filtered = good & ~outside & self._unfit(batch)
        tally[Tally.FILTERED] += _total(events, filtered)
        left: npt.NDArray[np.bool_] = good & ~outside & ~filtered
        return left

    def _unfit(self, batch: EventBatch) -> npt.NDArray[np.bool_]:
        """Messages of another source or without a vector that the type needs."""
        unfit = np.zeros(batch.offset.size, dtype=bool)
        if self._source is not None:
            unfit |= batch.column(Column.SOURCE) != self._source
        if self.config.needs_tof:
            unfit |= batch.column(Column.TOF_LENGTH) == 0
        if self.config.needs_pixel:
            unfit |= batch.column(Column.PIXEL_LENGTH) == 0
        return unfit


def _total(events: Int64Array, rows: npt.NDArray[np.bool_]) -> int:
    return int(events[rows].sum())
