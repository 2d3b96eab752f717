"""The path of an event in a worker: read, decode, fill, publish. One step at a time; no I/O of its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from histsvc.clock import Clock, Deadline, now_ms
from histsvc.model import Partition, RawMessages, Start, WorkerSpec
from histsvc.ports import Clusters, Reader
from histsvc.protocol.info import State
from histsvc.window import Verdict
from histsvc.worker.caution import Caution, pass_over
from histsvc.worker.ends import Drain, EndQueries
from histsvc.worker.fill import Filling
from histsvc.worker.load import Phase, Stopwatch
from histsvc.worker.losses import Losses
from histsvc.worker.progress import Progress
from histsvc.worker.publication import Publication
from histsvc.worker.publish import Publisher
from histsvc.worker.read import Decoder
from histsvc.worker.seen import Seen
from histsvc.worker.stall import Stall
from histsvc.worker.watch import Gone, Grown, TopicWatch, known_topics
from histsvc.worker.where import Whereabouts


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
        self.fillings = list(fillings)
        self.seen = Seen()
        self.counters = self.seen.counters
        self.stopwatch = Stopwatch(clock)
        self.publisher: Publisher
        self.losses: Losses
        self.stall: Stall
        self.caution: Caution | None = None
        self.where = Whereabouts(spec.starts, progress, reader, self.seen)
        self._progress = progress
        self._reader = reader
        self._decoder = decoder
        self._clusters = clusters
        self._clock = clock
        self._dropped = progress.done.copy()
        self._end_queries = self._new_queries()
        self._watch = TopicWatch(known_topics(spec), spec.awaited, clusters, clock)
        self._drain: Drain | None = None
        self._flowing = True
        # Since when (monotonic) the clock says that nothing more will come.
        self._over_s: float | None = None

    @property
    def finished(self) -> bool:
        """Whether nothing more is to be read."""
        return not any(filling.counting for filling in self.fillings)

    @property
    def idle(self) -> bool:
        """Whether nothing has come, and no answer is awaited that could end a histogram."""
        awaits = self.losses.open or self._drain is not None or self._over_s is not None
        return self.finished or not (self._flowing or awaits)

    def begin(self) -> None:
        """Publish every histogram, as INITIALISED if it is new, else as what it is."""
        for publication in self.publisher.publications:
            new = publication.filling.spec.mark is None
            self.publisher.publish_now([publication], State.INITIALISED if new else None)

    def step(self, timeout_s: float) -> None:
        """Read once, count what came, and publish what is due."""
        self.stopwatch.lap(Phase.WAIT)
        if not self.finished:
            raw = self._reader.read(timeout_s)
            self.stopwatch.lap(Phase.WAIT if raw.waited or not raw.payload else Phase.READ)
            self._take(raw)
            self._look_for_topics()
            self.losses.settle(self.fillings, self._fail_one)
            self.stall.check(self.where.partitions, self._progress.position, ~self._dropped)
            self._finish_what_is_done()
        self.publisher.step()
        self.stopwatch.lap(Phase.PUBLISH)

    def chosen(self, indices: Sequence[int] | None) -> list[Publication]:
        """The publications of these histograms (None: all)."""
        return [p for p in self.publisher.publications if indices is None or p.filling.spec.index in indices]

    def drain(self, seconds: float, indices: Sequence[int] | None = None) -> None:
        """Let histograms (None: all) count up to the end of this moment, for no longer than `seconds`.

        With 0 they end where the reader is.
        """
        fillings = [p.filling for p in self.chosen(indices)]
        # The end of this moment, not of one in the past at which it was asked for other reasons.
        self._end_queries, moment_s = self._new_queries(), self._clock.monotonic_s()
        self._drain = Drain(fillings, moment_s, Deadline(self._clock, seconds), self._end_queries)
        if any(filling.awaits for filling in fillings):
            self._watch.look()
        if seconds <= 0:
            self._finish_what_is_done()

    def reset(self, indices: Sequence[int] | None) -> list[Publication]:
        """Zero histograms (None: all) that count and publish them zeroed; returns which."""
        chosen = [p for p in self.chosen(indices) if p.filling.counting]
        for publication in chosen:
            publication.filling.reset()
            publication.zeroed(self.where.of(publication.filling).offsets)
        self.publisher.publish_now(chosen, None)
        return chosen

    def forget(self, indices: Sequence[int]) -> None:
        """These histograms have ended and are published no more; the others go on."""
        gone = self.chosen(indices)
        self.publisher.publications = [p for p in self.publisher.publications if p not in gone]
        self.fillings = [p.filling for p in self.publisher.publications]
        self._drain, self._end_queries = None, self._new_queries()

    @property
    def lag(self) -> int:
        """Messages of all partitions that are still to be counted."""
        return self.where.lag(self._dropped)

    def _take(self, raw: RawMessages) -> None:
        self.where.outdated()
        self._flowing = bool(raw.payload)
        if raw.payload:
            self._count(pass_over(raw, self.where.partitions, self.spec.poison, self.fillings))
        for slot, offset in raw.ends.items():
            self._progress.reached_end(slot, offset)
        self.losses.note(raw.overtaken)
        for filling in self.fillings:
            filling.hear_of(raw)
        for slot in raw.failures.keys() - raw.overtaken - raw.hindered:
            self._fail(slot, raw.failures[slot])

    def _count(self, raw: RawMessages) -> None:
        if self.caution is not None and self.caution.over:
            self.caution = None
        if self.caution is None:
            self._count_part(raw)
            return
        for part in self.caution.parts(raw, self.where.partitions):
            self._count_part(part)

    def _count_part(self, raw: RawMessages) -> None:
        verdicts = self._progress.take(raw.slot, raw.offset, raw.timestamp_ms)
        batches = self._decoder.decode(raw)
        self.stopwatch.lap(Phase.DECODE)
        if self.caution is None:  # what is read meanwhile may be what the process dies of
            self._reader.read_ahead()
        for batch, rows in batches:
            for filling in self.fillings:
                filling.take(batch, verdicts[rows])
            self.seen.take(batch, verdicts[rows] != Verdict.SKIPPED)
        self.counters["bytes"] += int(raw.size.sum())
        self.stopwatch.lap(Phase.FILL)

    def _fail(self, slot: int, reason: str) -> None:
        """A partition cannot be read any more: the end of those that still want something of it."""
        for filling in self.fillings:
            if filling.counting and filling.slots[slot] and not self.where.done(filling)[slot]:
                self._fail_one(filling, reason)
        self._progress.limit(slot, 0)

    def _fail_one(self, filling: Filling, reason: str) -> None:
        self.where.final[filling.spec.index] = self.where.of(filling)
        filling.fail(reason)

    def _finish_what_is_done(self) -> None:
        """Find out which partitions are done, finish the histograms of which all are, read only the rest."""
        if self._over_s is None and self._progress.window.grace_is_over(now_ms(self._clock)):
            self._over_s = self._clock.monotonic_s()
        if self._drain is not None:
            self._drain.step(self.where.partitions, self._progress)
        elif self._over_s is not None:
            self._limit_to_ends()
        for filling in self.fillings:
            if filling.counting and self._is_done(filling):
                self.where.final[filling.spec.index] = self.where.of(filling)
                filling.finish()
        self._read_less()

    def _is_done(self, filling: Filling) -> bool:
        """Whether all its partitions are done, and it awaits no topic any more."""
        drain = self._drain if self._drain is not None and filling in self._drain.fillings else None
        if drain is not None and drain.patience.expired():
            return True
        if filling.awaits:
            # Who ends does not wait for a topic that was not there when it was told to.
            end_s = self._over_s if drain is None else drain.moment_s
            if end_s is None or not self._watch.seen_since(filling.config.brokers, end_s):
                return False
            filling.wait_no_more()
        return not np.any(filling.slots & ~self.where.done(filling))

    def _read_less(self) -> None:
        """Read no more what no histogram wants any more."""
        wanted = np.zeros(self._dropped.size, dtype=bool)
        for filling in self.fillings:
            if filling.counting:
                wanted |= filling.slots & ~self.where.done(filling)
        if np.any(~wanted & ~self._dropped):
            self.where.keep_ends()
            self._reader.drop(np.flatnonzero(~wanted & ~self._dropped).tolist())
            self._dropped = ~wanted

    def _new_queries(self) -> EndQueries:
        return EndQueries(self._clusters, self._clock, self.counters)

    def _limit_to_ends(self) -> None:
        """Find out where each partition ends now, and count nothing behind that."""
        open_slots = np.flatnonzero(~self._progress.done & ~self._progress.limited).tolist()
        slots = {self.where.partitions[slot]: slot for slot in open_slots}
        for partition, offset in self._end_queries.answers(list(slots)):
            self._progress.limit(slots[partition], offset)

    def _look_for_topics(self) -> None:
        """Read what has come into being; a topic that is gone is the end of those that count it only."""
        for change in self._watch.changes():
            match change:
                case Grown():
                    self._read_also(change)
                case Gone((brokers, topic), reason):
                    for slot, partition in enumerate(self.where.partitions):
                        if (partition.brokers, partition.topic) == (brokers, topic):
                            self._fail(slot, reason)

    def _read_also(self, grown: Grown) -> None:
        """Partitions that were not there when the job began are read from their beginning."""
        new = [Partition(*grown.stream, number) for number in range(grown.first, grown.partitions)]
        self.where.partitions += new
        self._progress.extend(len(new))
        self._dropped = np.append(self._dropped, np.zeros(len(new), dtype=bool))
        for filling in self.fillings:
            filling.read_also(grown.stream, len(new))
        self._reader.extend([Start(partition, 0) for partition in new])
