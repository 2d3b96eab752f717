"""One histogram's publications: when the next is due, and what its message says (protocol.md, section 4)."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np

from histsvc.clock import Clock
from histsvc.errors import BrokerError
from histsvc.model import Int64Array, Mark, Offsets, Place, Snapshot, Tally, WorkerSpec
from histsvc.protocol.info import HistogramInfo, State
from histsvc.worker.fill import Filling
from histsvc.worker.growth import Growth

# A histogram that does not change is published this often; one of more bytes than that less often.
_UNCHANGED_S = 1.0
_UNCHANGED_LARGE_S = 10.0
_LARGE_BYTES = 1_000_000


@dataclass(frozen=True, eq=False)
class Draft:
    """A histogram message before it is serialised."""

    brokers: tuple[str, ...]
    topic: str
    key: bytes
    schema: str
    snapshot: Snapshot
    info: HistogramInfo
    time_ns: int


@dataclass(frozen=True)
class Position:
    """How far a histogram's partitions have been read, and (by topic) which of them are done."""

    offsets: dict[str, dict[int, int]]
    done: dict[str, list[int]]
    lag: int
    newest_timestamp_ms: int | None


class Publication:
    """What was published of one histogram, and when the next is due."""

    def __init__(self, filling: Filling, spec: WorkerSpec, interval_ms: int, clock: Clock) -> None:
        self.filling = filling
        self._spec = spec
        self._interval_s = (filling.config.publish_interval_ms or interval_ms) / 1000
        large = 8 * filling.config.bins > _LARGE_BYTES
        self._unchanged_s = _UNCHANGED_LARGE_S if large else _UNCHANGED_S
        self._clock = clock
        self.published_s = float("-inf")
        self._tally: Int64Array = np.full(len(Tally), -1, np.int64)
        self._growth = Growth(filling, clock)
        self._config = filling.config.told()
        # The last message, and with FINISHED the counts before it, too.
        self.sent: list[Future[Place]] = []
        self.ended = False
        # Where the broker has put the last message that it has, and where the counts were zero.
        self._place: Place | None = None
        self._base: Offsets | None = None
        # What was published instead of a histogram that the broker refuses.
        self._told: list[Future[Place]] = []
        self._told_s = float("-inf")
        self._refusal: str | None = None

    @property
    def name(self) -> str:
        """What the histogram is called: its id, or job/index where that is empty; the Kafka key."""
        return self.filling.config.id or f"{self._spec.job}/{self.filling.spec.index}"

    @property
    def mark(self) -> Mark:
        """From where it would be taken up."""
        return Mark(self.filling.generation, self._base, self._place)

    def resume(self, mark: Mark, info: HistogramInfo | None) -> None:
        """It is taken up: `mark` is what was known of it, `info` what was published last of it."""
        self._base, self._place = mark.base, mark.place
        if info is not None:
            self._growth.resume(info.diff, info.rate)
            self._tally = self.filling.accumulator.tally.copy()

    @property
    def waiting(self) -> bool:
        """Whether a message is still under way."""
        return any(not future.done() for future in (*self.sent, *self._told))

    @property
    def failed(self) -> BaseException | None:
        """Why the last message did not reach the broker."""
        return next((f.exception() for f in self.sent if f.done() and f.exception() is not None), None)

    @property
    def changed(self) -> bool:
        """Whether the broker lacks anything that was counted or accounted for."""
        return self.failed is not None or not np.array_equal(self._tally, self.filling.accumulator.tally)

    @property
    def counts_changed(self) -> bool:
        """Whether the broker lacks any counts."""
        return self.failed is not None or self._tally[Tally.COUNTED] != self.filling.accumulator.sum

    @property
    def refusal(self) -> str | None:
        """Why the broker does not take the histogram, however often it is sent; None where it may."""
        if all(future.done() for future in self.sent):
            place = f"topic {self.filling.config.topic!r}"
            self._refusal = f"it cannot be published on {place}: {self.failed}" if self._lasting else None
        return self._refusal

    @property
    def state(self) -> State:
        """The state as users have to know it: what nobody can see is in ERROR, though it counts."""
        return State.ERROR if self.refusal or self.filling.trouble else self.filling.state

    def due(self) -> bool:
        """Whether the next publication should go out now."""
        # Asked after each batch, of which there are many for each publication.
        if self.filling.state is not State.FINISHED and self._too_early():
            return False
        return not self.waiting and self.due_in_s() <= 0

    def due_in_s(self) -> float:
        """After how long, seconds, the next one is to go out if the last is answered; may be negative."""
        if self.ended and not self.waiting and self.failed is None:
            return float("inf")
        if self.filling.state is State.FINISHED and not self.ended:
            return 0.0
        interval_s = self._interval_s if self._urgent else max(self._unchanged_s, self._interval_s)
        return self.published_s + interval_s - self._clock.monotonic_s()

    def _too_early(self) -> bool:
        return self._clock.monotonic_s() < self.published_s + self._interval_s

    def refusal_due(self) -> bool:
        """Whether it should be told again, now, that the broker does not take the histogram."""
        if self.refusal is None or self.waiting:
            return False
        return self._clock.monotonic_s() - self._told_s >= self._unchanged_s

    def told(self, sent: Future[Place]) -> None:
        """It has been told, by a message that is small enough."""
        self._told, self._told_s = [sent], self._clock.monotonic_s()

    @property
    def _urgent(self) -> bool:
        """Whether what the broker lacks should go out, and can: what it refuses for good can wait."""
        if self.filling.state in (State.ERROR, State.FINISHED):
            return False
        return self.changed and not self._lasting

    @property
    def _lasting(self) -> bool:
        """Whether the last message failed in a way that sending it again does not mend."""
        failed = self.failed
        return failed is not None and not (isinstance(failed, BrokerError) and failed.retriable)

    def posted(self, sent: Sequence[Future[Place]]) -> None:
        """These messages are under way."""
        self.sent = list(sent)
        for future in sent:
            future.add_done_callback(self._answered)

    def _answered(self, sent: Future[Place]) -> None:
        """Note where a message lies (called by whoever hears it first, in a thread of theirs)."""
        if sent.exception() is None:
            self._place = sent.result()

    def lack(self, sent: Sequence[Future[Place]]) -> str | None:
        """Which of these messages has not reached the broker, and why; None where nothing is missing."""
        for future in sent:
            if not future.done() or future.exception() is not None:
                error = future.exception() if future.done() else "no answer from the broker"
                return f"{self.name} to {self.filling.config.topic}: {error}"
        return None

    def lack_of_end(self) -> str | None:
        """Why the broker does not have this histogram as FINISHED; None where it has."""
        if not self.ended:
            return f"{self.name} to {self.filling.config.topic}: there was no time to publish it"
        return self.lack(self.sent)

    def info(self, position: Position, state: State) -> HistogramInfo:
        """The info of this moment."""
        filling, spec = self.filling, self._spec
        tally = [int(n) for n in filling.accumulator.tally]
        newest = position.newest_timestamp_ms
        return HistogramInfo(
            id=filling.config.id,
            start=spec.start_ms,
            stop=spec.stop_ms,
            state=state,
            error_message=(filling.trouble or self.refusal) if state is State.ERROR else None,
            first_pulse_time=filling.first_pulse_ns,
            last_pulse_time=filling.last_pulse_ns,
            sum=filling.accumulator.sum,
            diff=self._growth.diff,
            rate=self._growth.rate,
            job=spec.job,
            index=filling.spec.index,
            generation=filling.generation,
            epoch=filling.spec.epoch,
            resumed=filling.spec.epoch - 1,
            config_hash=filling.spec.config_hash,
            underflow=tally[Tally.UNDERFLOW],
            overflow=tally[Tally.OVERFLOW],
            filtered=tally[Tally.FILTERED],
            out_of_window=tally[Tally.OUT_OF_WINDOW],
            messages=tally[Tally.MESSAGES],
            undecodable=tally[Tally.UNDECODABLE],
            other_schema=tally[Tally.OTHER_SCHEMA],
            lost=filling.lost,
            warning=filling.warning,
            offsets=position.offsets,
            done=position.done,
            lag=position.lag,
            data_age_ms=None if newest is None else self._clock.now_ns() // 1_000_000 - newest,
        )

    def draft(self, position: Position, state: State, snapshot: Snapshot) -> Draft:
        """Make the next publication, and remember it as made."""
        self._growth.update()
        self._tally = self.filling.accumulator.tally.copy()
        self.published_s = self._clock.monotonic_s()
        self.ended = state is State.FINISHED
        return self.message(position, state, snapshot)

    def message(self, position: Position, state: State, snapshot: Snapshot) -> Draft:
        """A message of this moment."""
        filling = self.filling
        return Draft(
            filling.config.brokers,
            filling.config.topic,
            self.name.encode(),
            filling.spec.output_schema,
            snapshot,
            self.info(position, state).model_copy(update={"config": self._config}),
            self._clock.now_ns(),
        )

    def zeroed(self, offsets: Offsets) -> None:
        """A reset: what lies behind these offsets is counted from zero again."""
        self._base = offsets
        self._growth.zeroed()
