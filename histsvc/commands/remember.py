"""Keeps in a topic of its own what runs, for a service that is started again (``--resume``)."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import Future

from histsvc.clock import Clock, Deadline, Every
from histsvc.commands.steps import Steps, insist
from histsvc.errors import BrokerError
from histsvc.jobs.job import Job
from histsvc.jobs.record import JOBS, MARKS, JobRecord, Record, from_json, marked, to_json
from histsvc.jobs.supervisor import Supervisor
from histsvc.model import Partition, Place, Start
from histsvc.ports import Clusters, OffsetAt, Outgoing, Reader, Sender

_log = logging.getLogger(__name__)
_WRITE_S = 1.0
# The last record of each kind is all that is needed; a job of many histograms makes a large one.
TOPIC_CONFIG: Mapping[str, str] = {
    "cleanup.policy": "compact",
    "min.cleanable.dirty.ratio": "0.01",
    "segment.bytes": "1048576",
    "segment.ms": "60000",
    "max.compaction.lag.ms": "60000",
    "max.message.bytes": "33554432",
}


class Memory:
    """Writes records when something has changed, at most one of each kind under way; `tick` never blocks."""

    def __init__(
        self,
        place: Partition,
        service: str,
        supervisor: Supervisor,
        reader: Reader,
        sender: Sender,
        clusters: Clusters,
        clock: Clock,
        *,
        resume: bool,
    ) -> None:
        """`place` is where the records are; `service` is this service's id, whose records alone count."""
        self.counters: Counter[str] = Counter()
        self._place = place
        self._service = service
        self._supervisor = supervisor
        self._reader = reader
        self._sender = sender
        self._cluster = clusters.of(place.brokers)
        self._clock = clock
        self._due = Every(clock, _WRITE_S)
        self._written: dict[str, Record] = {}
        self._sent: dict[str, Future[Place]] = {}
        self._recalling: Steps[None] | None = self._recall(resume=resume)

    @property
    def recalled(self) -> bool:
        """Whether it is known what ran before; until then nothing is written."""
        return self._recalling is None

    def tick(self) -> None:
        """Go on reading what there is, or write what has changed."""
        if self._recalling is not None:
            if next(self._recalling, self) is self:
                self._recalling = None
        elif self._due.due():
            self._write()

    def settle(self, deadline: Deadline) -> Steps[list[str]]:
        """Write what has changed and wait for its delivery; one line for each record that is not there."""
        if not self.recalled:
            return []
        while any(not sent.done() for sent in self._sent.values()) and not deadline.expired():
            yield
        self._write()
        while any(not sent.done() for sent in self._sent.values()) and not deadline.expired():
            yield
        return [f"not stored: {line}" for line in filter(None, map(_lack, self._sent.values()))]

    def _write(self) -> None:
        jobs = self._supervisor.jobs.values()
        parts = tuple(JobRecord(j.id, j.first_number, j.size, self._supervisor.parts(j.id)) for j in jobs)
        self._put(Record(JOBS, self._service, jobs=parts))
        self._put(Record(MARKS, self._service, marks={job.id: dict(job.marks) for job in jobs}))

    def _put(self, record: Record) -> None:
        """Send a record, unless it is there, or one of its kind is under way."""
        sent = self._sent.get(record.kind)
        if sent is not None and not sent.done():
            return
        failed = sent is not None and sent.exception() is not None
        if self._written.get(record.kind) == record and not failed:
            return
        brokers, topic, _ = self._place
        key = f"{self._service}/{record.kind}".encode()
        try:
            sent = self._sender.send(Outgoing(brokers, topic, key, to_json(record)))
        except BrokerError as error:
            sent = Future()
            sent.set_exception(error)
        self._written[record.kind], self._sent[record.kind] = record, sent
        sent.add_done_callback(self._answered)

    def _answered(self, sent: Future[Place]) -> None:
        error = sent.exception()
        if error is not None:
            self.counters[f"state_failed.{error}"] += 1
            if self.counters[f"state_failed.{error}"] == 1:
                _log.error("what runs could not be stored in %r: %s", self._place.topic, error)

    def _recall(self, *, resume: bool) -> Steps[None]:
        yield from self._make_topic()
        if not resume:
            return
        found = yield from self._read()
        jobs, marks = found.get(JOBS), found.get(MARKS)
        taken = marked(jobs.jobs if jobs else (), (marks.marks if marks else None) or {})
        for record in taken:
            if not any(spec.histograms for spec in record.specs):
                continue
            job = Job(record.id, record.specs)
            job.first_number, job.size = record.first_number, record.size
            self._supervisor.resume(job, record.specs)
            names = ", ".join(spec.names() for spec in record.specs)
            _log.warning("resumed: job %s (%s)", record.id, names)
        if not self._supervisor.jobs:
            _log.warning("nothing to resume: %r says that nothing ran", self._place.topic)

    def _make_topic(self) -> Steps[None]:
        """Find the topic, or make it."""
        topic = self._place.topic
        what = f"state topic {topic!r}"
        while True:
            asked = insist(lambda: self._cluster.describe([topic]), self._cluster, self._clock, what)
            partitions = (yield from asked)[topic].partitions
            if partitions > 1:
                _log.warning("%s has %d partitions: only the first is used", what, partitions)
            if partitions:
                return
            make = lambda: self._cluster.create(topic, TOPIC_CONFIG)  # noqa: E731
            yield from insist(make, self._cluster, self._clock, f"making {what}")

    def _read(self) -> Steps[dict[str, Record]]:
        """The last record of each kind that this service has written."""
        at = {}
        for which in (OffsetAt.EARLIEST, OffsetAt.COMMITTED):
            offsets = yield from insist(
                lambda which=which: self._cluster.offsets([self._place], which),  # type: ignore[misc]
                self._cluster,
                self._clock,
                f"offsets of {self._place.topic!r}",
            )
            at[which] = offsets[self._place].offset
        found: dict[str, Record] = {}
        begin, end = at[OffsetAt.EARLIEST], at[OffsetAt.COMMITTED]
        if begin == end:
            return found
        self._reader.assign([Start(self._place, begin)])
        ended = False
        while not ended:
            yield
            raw = self._reader.read(0)
            for payload in raw.payload:
                self._take(payload, found)
            if raw.failures:
                _log.error("what ran before cannot be read: %s", "; ".join(raw.failures.values()))
            # A broker that has just come back may tell an end at which more follows.
            ended = bool(raw.failures) or raw.ends.get(0, -1) >= end
        self._reader.release()
        return found

    def _take(self, payload: bytes, found: dict[str, Record]) -> None:
        try:
            record = from_json(payload)
        except ValueError as error:
            _log.warning("a message in %r is passed over: %s", self._place.topic, error)
            return
        if record.service == self._service:
            found[record.kind] = record


def _lack(sent: Future[Place]) -> str | None:
    if not sent.done():
        return "no answer from the broker"
    error = sent.exception()
    return None if error is None else str(error)
