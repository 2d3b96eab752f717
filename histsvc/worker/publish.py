"""When a histogram is published, and what its message says about it (protocol.md, section 4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from histsvc.clock import Clock, Deadline
from histsvc.model import Int64Array, Snapshot, Tally, WorkerSpec
from histsvc.protocol.info import HistogramInfo, State
from histsvc.worker.fill import Filling

# A histogram that does not change is published this often; one of more bytes than that less often.
_UNCHANGED_S = 1.0
_UNCHANGED_LARGE_S = 10.0
_LARGE_BYTES = 1_000_000
# Without a message for this long the rate is 0.
_RATE_HOLD_S = 10.0
# How long publishing may keep a worker from reading and answering, but for the one that is being made.
_STEP_S = 0.05


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


class Outbox(Protocol):
    """Serialises and sends drafts, beside the reading thread."""

    def post(self, draft: Draft) -> Future[None]:
        """The future ends when the broker has the message, or with an error."""
        ...


@dataclass(frozen=True)
class Position:
    """How far a histogram's partitions have been read."""

    offsets: dict[str, dict[int, int]]
    lag: int
    newest_timestamp_ms: int | None


class Publication:
    """What was published of one histogram, and when the next is due."""

    def __init__(self, filling: Filling, spec: WorkerSpec, interval_ms: int, clock: Clock) -> None:
        self.filling = filling
        self._spec = spec
        self._interval_s = (filling.config.publish_interval_ms or interval_ms) / 1000
        large = filling.accumulator.counts.nbytes > _LARGE_BYTES
        self._unchanged_s = _UNCHANGED_LARGE_S if large else _UNCHANGED_S
        self._clock = clock
        self.published_s = float("-inf")
        self._grown_s = float("-inf")
        self._tally: Int64Array = np.full(len(Tally), -1, np.int64)
        self._sum = 0
        self._pulse_ns = 0
        self._diff = 0
        self._rate = 0.0
        # The last message, and with FINISHED the counts before it, too.
        self.sent: list[Future[None]] = []
        self.ended = False

    @property
    def name(self) -> str:
        """What the histogram is called: its id, or job/index where that is empty; the Kafka key."""
        return self.filling.config.id or f"{self._spec.job}/{self.filling.spec.index}"

    @property
    def waiting(self) -> bool:
        """Whether a message is still under way."""
        return any(not future.done() for future in self.sent)

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

    def due(self) -> bool:
        """Whether the next publication should go out now."""
        if self.waiting or (self.ended and self.failed is None):
            return False
        if self.filling.state is State.FINISHED and not self.ended:
            return True
        since_s = self._clock.monotonic_s() - self.published_s
        return since_s >= (self._interval_s if self._urgent else max(self._unchanged_s, self._interval_s))

    @property
    def _urgent(self) -> bool:
        """Whether what the broker lacks should go out, and can: what it refuses for good can wait."""
        if self.filling.state in (State.ERROR, State.FINISHED):
            return False
        return self.changed and getattr(self.failed, "retriable", True)

    def lack(self, sent: Sequence[Future[None]]) -> str | None:
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
            error_message=filling.error if state is State.ERROR else None,
            last_pulse_time=filling.last_pulse_ns,
            sum=filling.accumulator.sum,
            diff=self._diff,
            rate=self._rate,
            job=spec.job,
            index=filling.spec.index,
            generation=filling.generation,
            config_hash=filling.spec.config_hash,
            underflow=tally[Tally.UNDERFLOW],
            overflow=tally[Tally.OVERFLOW],
            filtered=tally[Tally.FILTERED],
            out_of_window=tally[Tally.OUT_OF_WINDOW],
            messages=tally[Tally.MESSAGES],
            undecodable=tally[Tally.UNDECODABLE],
            other_schema=tally[Tally.OTHER_SCHEMA],
            offsets=position.offsets,
            lag=position.lag,
            data_age_ms=None if newest is None else self._clock.now_ns() // 1_000_000 - newest,
        )

    def draft(self, position: Position, state: State, snapshot: Snapshot) -> Draft:
        """Make the next publication, and remember it as made."""
        filling = self.filling
        self._grow()
        info = self.info(position, state)
        self._tally = filling.accumulator.tally.copy()
        self.published_s = self._clock.monotonic_s()
        self.ended = state is State.FINISHED
        return Draft(
            filling.config.brokers,
            filling.config.topic,
            self.name.encode(),
            filling.spec.output_schema,
            snapshot,
            info,
            self._clock.now_ns(),
        )

    def zeroed(self) -> None:
        """A reset: what is added is counted from zero again."""
        self._sum, self._pulse_ns, self._diff, self._rate = 0, 0, 0, 0.0

    def _grow(self) -> None:
        """Bring diff and rate up to what was added since the last publication."""
        filling, now_s = self.filling, self._clock.monotonic_s()
        added = filling.accumulator.sum - self._sum
        if added:
            span_ns = filling.last_pulse_ns - (self._pulse_ns or filling.first_pulse_ns)
            self._diff = added
            self._rate = added / (span_ns / 1e9) if span_ns > 0 else self._rate
            self._sum, self._pulse_ns, self._grown_s = filling.accumulator.sum, filling.last_pulse_ns, now_s
        elif now_s - self._grown_s > _RATE_HOLD_S:
            self._rate = 0.0


class Publisher:
    """Publishes the histograms of a worker, in order, at most one message of each under way."""

    def __init__(
        self,
        publications: Sequence[Publication],
        outbox: Outbox,
        position: Callable[[Filling], Position],
        clock: Clock,
    ) -> None:
        self.publications = publications
        self._clock = clock
        self._outbox = outbox
        self._position = position

    def step(self) -> None:
        """Publish what is due, oldest first, and no more than fits into one step of the worker."""
        enough = Deadline(self._clock, _STEP_S)
        for publication in sorted((p for p in self.publications if p.due()), key=_published_s):
            if publication.filling.state is State.FINISHED:
                self._publish_final(publication)
            else:
                self._publish(publication, publication.filling.state)
            if enough.expired():
                break

    def publish_now(self, publications: Sequence[Publication], state: State | None) -> None:
        """Publish these whatever is due, as `state` or (None) as what they are."""
        for publication in publications:
            self._publish(publication, state or publication.filling.state)

    def infos(self) -> list[HistogramInfo]:
        """The info of every histogram as it is now."""
        return [p.info(self._position(p.filling), p.filling.state) for p in self.publications]

    def _publish_final(self, publication: Publication) -> None:
        """Clients ignore the data of a FINISHED message, so counts not yet seen go out as COUNTING before."""
        if publication.counts_changed:
            self._publish(publication, State.COUNTING, State.FINISHED)
        else:
            self._publish(publication, State.FINISHED)

    def _publish(self, publication: Publication, *states: State) -> None:
        """Post one message for each state, all of the same moment."""
        position = self._position(publication.filling)
        snapshot = publication.filling.accumulator.snapshot()
        drafts = [publication.draft(position, state, snapshot) for state in states]
        publication.sent = [self._outbox.post(draft) for draft in drafts]


def _published_s(publication: Publication) -> float:
    return publication.published_s
