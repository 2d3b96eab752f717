"""The path of an event in a worker: read, decode, fill, publish. One step at a time; no I/O of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from histsvc.clock import Clock, Deadline, now_ms
from histsvc.model import Column, EventBatch, Fault, RawMessages, WorkerSpec
from histsvc.ports import Clusters, Reader
from histsvc.protocol.info import State
from histsvc.window import Progress, Verdict
from histsvc.worker.ends import EndQueries
from histsvc.worker.fill import Filling
from histsvc.worker.publish import Position, Publication, Publisher
from histsvc.worker.read import Decoder
from histsvc.worker.watch import TopicWatch


class Pipeline:
    """Counts the histograms of one WorkerSpec from where its reading begins until all are done."""

    def __init__(
        self,
        spec: WorkerSpec,
        fillings: Sequence[Filling],
        progress: Progress,
        reader: Reader,
        decoder: Decoder,
        clusters: Clusters,
        clock: Clock,
    ) -> None:
        self.spec = spec
        self.fillings = fillings
        self.counters: Counter[str] = Counter()
        self.publisher: Publisher
        self._partitions = [start.partition for start in spec.starts]
        self._progress = progress
        self._reader = reader
        self._decoder = decoder
        self._clock = clock
        self._newest_ms: dict[int, int] = {}
        self._ends: dict[int, int] = {}
        self._ends_fresh = False
        self._dropped = progress.done.copy()
        self._end_queries = EndQueries(clusters, clock)
        self._watch = TopicWatch({(p.brokers, p.topic) for p in self._partitions}, clusters, clock)
        self._draining: Deadline | None = None

    @property
    def finished(self) -> bool:
        """Whether nothing more is to be read."""
        return not any(filling.counting for filling in self.fillings)

    @property
    def ended(self) -> bool:
        """Whether every histogram that finishes has been published as FINISHED."""
        publications = self.publisher.publications
        return self.finished and all(p.ended for p in publications if p.filling.state is State.FINISHED)

    def begin(self) -> None:
        """Publish every histogram as INITIALISED, which those of a worker that died have been before."""
        if not self.spec.stands_in:
            self.publisher.publish_now(self.publisher.publications, State.INITIALISED)

    def step(self, timeout_s: float) -> None:
        """Read once, count what came, and publish what is due."""
        if not self.finished:
            self._take(self._reader.read(timeout_s))
            self._fail_what_is_gone()
            self._close_partitions()
        self.publisher.step()

    def drain(self, seconds: float) -> None:
        """Count up to the end of this moment, for no longer than `seconds`; 0 ends where the reader is."""
        if seconds <= 0:
            self._progress.close()
            self._close_partitions()
            return
        self._draining = Deadline(self._clock, seconds)
        self._end_queries.forget()

    def reset(self, indices: Sequence[int] | None) -> list[Publication]:
        """Zero the histograms of these indices (None: all) and publish them zeroed; returns which."""
        chosen = [
            p
            for p in self.publisher.publications
            if p.filling.counting and (indices is None or p.filling.spec.index in indices)
        ]
        for publication in chosen:
            publication.filling.reset()
            publication.zeroed()
        self.publisher.publish_now(chosen, None)
        return chosen

    def position(self, filling: Filling) -> Position:
        """How far the partitions of a histogram have been read."""
        offsets: dict[str, dict[int, int]] = {}
        if not self._ends_fresh:  # many histograms ask for the same ends after a read
            self._ends.update(self._reader.ends())
            self._ends_fresh = True
        lag = 0
        slots = np.flatnonzero(filling.slots).tolist()
        newest = [self._newest_ms[slot] for slot in slots if slot in self._newest_ms]
        for slot in slots:
            partition, position = self._partitions[slot], int(self._progress.position[slot])
            offsets.setdefault(partition.topic, {})[partition.number] = position
            lag += self._progress.lag(slot, self._ends.get(slot, position))
        return Position(offsets, lag, max(newest, default=None))

    def _take(self, raw: RawMessages) -> None:
        self._ends_fresh = False
        if raw.payload:
            batch = self._decoder.decode(raw)
            verdicts = self._progress.take(raw.slot, raw.offset, raw.timestamp_ms)
            for filling in self.fillings:
                filling.take(batch, verdicts)
            self._account(batch, verdicts != Verdict.SKIPPED)
        for slot, offset in raw.ends.items():
            self._progress.reached_end(slot, offset)
        for slot, reason in raw.failures.items():
            self._fail(slot, reason)

    def _account(self, batch: EventBatch, taken: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> None:
        """What the worker as a whole has seen, each message once however many histograms want it."""
        self.counters["messages"] += int(np.count_nonzero(taken))
        self.counters["events"] += int(batch.events[taken].sum())
        faults = np.bincount(batch.column(Column.FAULT)[taken], minlength=len(Fault))
        for fault in Fault:
            if fault is not Fault.NONE and faults[fault]:
                other = fault is Fault.OTHER_SCHEMA
                name = "other_schema" if other else f"undecodable.{fault.name.lower()}"
                self.counters[name] += int(faults[fault])
        for slot in np.unique(batch.slot).tolist():
            newest = int(batch.timestamp_ms[batch.slot == slot].max())
            self._newest_ms[slot] = max(newest, self._newest_ms.get(slot, newest))

    def _fail(self, slot: int, reason: str) -> None:
        for filling in self.fillings:
            if filling.slots[slot]:
                filling.fail(reason)
        self._progress.limit(slot, 0)

    def _close_partitions(self) -> None:
        """Find out which partitions are done, read those no more, and finish whose partitions all are."""
        if self._draining is not None or self._progress.window.grace_is_over(now_ms(self._clock)):
            self._limit_to_ends()
        if self._draining is not None and self._draining.expired():
            self._progress.close()
        done = self._progress.done
        if np.any(done & ~self._dropped):
            self._ends.update(self._reader.ends())
            self._reader.drop(np.flatnonzero(done & ~self._dropped).tolist())
            self._dropped = done.copy()
        for filling in self.fillings:
            if bool(np.all(done[filling.slots])):
                filling.finish()

    def _limit_to_ends(self) -> None:
        """Find out where each partition ends now, and count nothing behind that."""
        open_slots = np.flatnonzero(~self._progress.done & ~self._progress.limited).tolist()
        slots = {self._partitions[slot]: slot for slot in open_slots}
        for partition, offset in self._end_queries.answers(list(slots)):
            self._progress.limit(slots[partition], offset)
        if self._end_queries.failed:
            self.counters["end_queries_failed"] = self._end_queries.failed

    def _fail_what_is_gone(self) -> None:
        """A topic that was deleted is the end of the histograms that count it, and of no others."""
        for brokers, topic in self._watch.gone():
            for slot, partition in enumerate(self._partitions):
                if (partition.brokers, partition.topic) == (brokers, topic):
                    self._fail(slot, f"the data topic {topic!r} does not exist any more")
