"""One histogram in a worker: which messages of a batch it takes, and what becomes of the others."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt

from histsvc.histograms.base import HistogramConfig
from histsvc.model import Batch, HistogramSpec, Int64Array, RawMessages, Stream
from histsvc.protocol.info import State
from histsvc.window import NO_LIMIT


class Filling:
    """A histogram that counts: its accumulator, its state, and the slots (partitions) that it reads."""

    def __init__(
        self,
        spec: HistogramSpec,
        config: HistogramConfig,
        slots: npt.NDArray[np.bool_],
        schemas: Sequence[str],
        sources: Sequence[str],
        awaits: Collection[Stream] = (),
    ) -> None:
        """`slots` is bool (slots,); `schemas` and `sources` are the lists that batches index.

        `awaits` are the data topics that do not exist yet.
        """
        from histsvc.kernels.account import account, note_pulses  # loads numba: only where events are filled

        self.spec = spec
        self.config = config
        self.slots = slots
        # What lies below these offsets it has counted before it was taken up, int64 (slots,).
        self.floor: Int64Array = np.zeros(slots.size, np.int64)
        # Nothing at or behind these offsets counts, int64 (slots,): it is told to end there.
        self.limit: Int64Array = np.full(slots.size, NO_LIMIT)
        self.awaits = set(awaits)
        self._missed: set[Stream] = set()
        self._remarks: list[str] = []
        # Why slots are not read for now.
        self._hindered: dict[int, str] = {}
        self.accumulator = config.accumulator()
        self.state = State.ERROR if spec.error else State.INITIALISED
        self.error = spec.error
        self.generation = 1
        # Messages that the broker has removed before they were read.
        self.lost = 0
        # The first and the newest pulse, see note_pulses.
        self._pulse_ns: Int64Array = np.zeros(2, np.int64)
        # The entry behind the last is that of index -1: no schema of the list.
        self._schemas = np.array([schema in spec.input_schemas for schema in (*schemas, None)])
        self._source = sources.index(config.source_name) if config.source_name else -1
        self._account = account
        self._note_pulses = note_pulses

    @property
    def counting(self) -> bool:
        """Whether it still takes messages."""
        return self.state in (State.INITIALISED, State.COUNTING)

    @property
    def first_pulse_ns(self) -> int:
        """When counting began, by the time of the data; 0 as long as that is not known."""
        return int(self._pulse_ns[0])

    @property
    def last_pulse_ns(self) -> int:
        """The newest pulse of what was looked into, 0 where none was."""
        return int(self._pulse_ns[1])

    @property
    def trouble(self) -> str | None:
        """Why it counts no more, or not all of its slots for now."""
        return next(iter(self._hindered.values()), None) if self.counting else self.error

    def hear_of(self, raw: RawMessages) -> None:
        """Note which of its slots are not read for now, and which are again."""
        if self._hindered:
            read = {*raw.slot.tolist(), *raw.ends}
            self._hindered = {slot: why for slot, why in self._hindered.items() if slot not in read}
        if self.counting:
            for slot in raw.hindered:
                if self.slots[slot]:
                    self._hindered[slot] = f"{raw.failures[slot]}; trying again"

    @property
    def warning(self) -> str | None:
        """What a user should know, where there is something."""
        missing = sorted(self.awaits | self._missed)
        waiting = [f"data topic {topic!r} does not exist yet" for _, topic in missing]
        said = [*waiting, *self._remarks, *self._hindered.values(), self.accumulator.warning]
        return "; ".join(filter(None, said)) or None

    def lose(self, messages: int, sentence: str) -> None:
        """The broker has removed so many messages before they were read."""
        self.lost += messages
        self.remark(sentence)

    def remark(self, sentence: str) -> None:
        """Something else that a user should know, once."""
        if sentence not in (self.warning or ""):
            self._remarks.append(sentence)

    def read_also(self, stream: Stream, slots: int) -> None:
        """A stream has come into being, or has grown: `slots` more partitions, for those who read it."""
        reads = stream[0] == self.config.brokers and stream[1] in self.config.data_topics
        self.slots = np.append(self.slots, np.full(slots, reads and stream not in self._missed))
        self.awaits.discard(stream)
        self.floor = np.append(self.floor, np.zeros(slots, np.int64))
        self.limit = np.append(self.limit, np.full(slots, NO_LIMIT))

    def wait_no_more(self) -> None:
        """It ends, and what has not come until now is not read any more."""
        self._missed |= self.awaits
        self.awaits.clear()

    def limit_to(self, slot: int, offset: int) -> None:
        """Count nothing of a slot from `offset` on."""
        self.limit[slot] = min(int(self.limit[slot]), offset)

    def resume(self, generation: int, state: State, pulses_ns: tuple[int, int]) -> None:
        """Go on from what was published, which the accumulator has already: its first and its last pulse."""
        self.generation = generation
        self._pulse_ns[:] = pulses_ns
        if self.counting:
            self.state = state

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
            self.lost = 0
            self._pulse_ns[:] = 0

    def take(self, batch: Batch, verdicts: npt.NDArray[np.uint8]) -> None:
        """Count what belongs to this histogram and account for the rest, exactly."""
        if not self.counting:
            return
        rows = self._rows_of(batch, verdicts)
        if rows.size == 0:
            return
        self.accumulator.fill(rows, batch)
        self._note_pulses(batch.reference_time_ns, rows, self._pulse_ns)
        if self.accumulator.sum:
            self.state = State.COUNTING

    def _rows_of(self, batch: Batch, verdicts: npt.NDArray[np.uint8]) -> Int64Array:
        """The messages whose events are looked at one by one; the others go into the accounting here."""
        rows = np.empty(batch.offset.size, np.int64)
        number = self._account(
            batch.slot,
            batch.offset,
            verdicts,
            batch.fault,
            batch.schema,
            batch.source,
            batch.events,
            batch.lacks(tof=self.config.needs_tof, pixel=self.config.needs_pixel),
            self.slots,
            self.floor,
            self.limit,
            self._schemas,
            self._source,
            rows,
            self.accumulator.tally,
        )
        return rows[:number]
