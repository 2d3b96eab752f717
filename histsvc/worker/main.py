"""A worker process: composition root and loop. It is idle, prepared or counting, and told by its pipe."""

from __future__ import annotations

import logging
import signal
import sys
import time
from collections.abc import Sequence
from functools import partial

from histsvc import logs
from histsvc.clock import Clock, Deadline, SystemClock
from histsvc.kafka import trouble
from histsvc.kafka.cluster import KafkaClusters
from histsvc.kafka.producer import KafkaSender
from histsvc.kafka.queue_taker import QueueTaker
from histsvc.kafka.reader import KafkaReader
from histsvc.model import Extent, WorkerSpec
from histsvc.ports import Clusters, Reader
from histsvc.settings import WorkerSettings
from histsvc.sources.simulated import SimulatedReader
from histsvc.sources.simulated_cluster import SimulatedClusters
from histsvc.sources.simulated_log import wanted
from histsvc.wire import HISTOGRAM_DESERIALISERS, HISTOGRAM_SERIALISERS, INPUT_SERIALISERS
from histsvc.worker.build import build, wanted_of
from histsvc.worker.caution import Caution
from histsvc.worker.link import (
    ChildLink,
    Done,
    Failed,
    Finish,
    Go,
    Leave,
    Pipe,
    Prepare,
    Ready,
    Request,
    Reset,
    StatsSeen,
    TakeOver,
    Tell,
    Trying,
)
from histsvc.worker.lookback import LookBack
from histsvc.worker.outbox import ThreadOutbox
from histsvc.worker.pending import FinishPending, Pending, ResetPending
from histsvc.worker.pipeline import Pipeline
from histsvc.worker.resume import Found, outranking
from histsvc.worker.tell import Teller

_log = logging.getLogger(__name__)
# How long a worker waits for a request while it has no job, for events where nothing else is due, and where
# events flow or answers are awaited.
_IDLE_S = 5.0
_QUIET_S = 0.5
_STEP_S = 0.01
# After SIGTERM: what the last histograms may take, and then the parent to say that it ends, too.
_WIND_UP_S = 2.0


def run(pipe: Pipe, settings: WorkerSettings) -> None:
    """What the process is forked for; returns when told to leave or when the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the parent decides
    logs.configure(settings.log_level, settings.log_format, "worker")
    trouble.leave_to_others(settings.brokers)  # the parent uses them, too
    link = ChildLink(pipe)
    worker = Worker(link, settings, SystemClock())
    # The whole group may get it, as from a service manager: the parent still wants the last histograms.
    signal.signal(signal.SIGTERM, lambda *_: worker.terminate())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})  # blocked at the start
    try:
        worker.loop()
    except Exception as error:  # noqa: BLE001  # whatever it is, the parent turns it into ERROR and one line
        link.report(Failed(f"{type(error).__name__}: {error}"))
        _log.debug("failed", exc_info=True)
        sys.exit(1)


class Worker:
    """Does what the link says, and what the pipeline has to do, in turn."""

    def __init__(self, link: ChildLink, settings: WorkerSettings, clock: Clock) -> None:
        self._link = link
        self._settings = settings
        self._clock = clock
        self._clusters = KafkaClusters(settings.security)
        self._data: Clusters = SimulatedClusters(clock) if settings.simulation else self._clusters
        self._sender = KafkaSender(settings.security, settings.compression)
        self._outbox = ThreadOutbox(
            self._sender,
            {
                schema: partial(serialise, integers=settings.output_dtype == "int")
                for schema, serialise in HISTOGRAM_SERIALISERS.items()
            },
            settings.source_name,
            link.alive,
        )
        self._kafka_reader = KafkaReader(settings.security, QueueTaker)
        self._reader: Reader = self._kafka_reader
        self._pipeline: Pipeline | None = None
        self._counting = False
        # What is to be taken up, as long as its publications are looked for.
        self._taking: tuple[WorkerSpec, LookBack] | None = None
        self._pending: Pending | None = None
        self._teller = Teller(link, self._outbox, clock)
        self._leaving = False
        self._terminated = False
        self._orphaned: Deadline | None = None

    def terminate(self) -> None:
        """End the job, then the loop (a signal handler: it only sets a flag)."""
        self._terminated = True

    def loop(self) -> None:
        """Work until told to leave."""
        self._warm_up()
        while not self._leaving:
            request = self._request()
            if request is not None:
                self._obey(request)
            if self._terminated:
                self._wind_up()
            if self._pipeline is not None and self._counting:
                self._pipeline.step(0.0 if self._pipeline.idle else _STEP_S)
                self._teller.tell(self._pipeline)
            elif self._taking is not None:
                self._take_over(*self._taking)
            elif self._pipeline is None:
                self._reader.read(0)
            self._answer()
        if self._pipeline is not None:
            self._end_job()

    def _warm_up(self) -> None:
        begun_s = time.monotonic()
        if self._settings.brokers:
            if not self._settings.simulation:
                self._kafka_reader.connect(self._settings.brokers)
            self._sender.connect(self._settings.brokers)
        self._link.report(Ready(time.monotonic() - begun_s))

    def _wind_up(self) -> None:
        """After SIGTERM: end the job, then wait a little for a parent that was told to end as well."""
        if self._counting:
            if not isinstance(self._pending, FinishPending) or self._pending.indices is not None:
                self._finish(None, 0.0, _WIND_UP_S)
        elif self._orphaned is None:
            self._orphaned = Deadline(self._clock, _WIND_UP_S)
        elif self._orphaned.expired():
            self._leaving = True

    def _request(self) -> Request | None:
        """Wait for a request, for events, or until something is due; returns the request."""
        if self._taking is not None:
            return self._link.request(_STEP_S)
        if self._pipeline is None or not self._counting:
            return self._link.request(_STEP_S if self._terminated else _IDLE_S)
        if not self._pipeline.idle:
            return self._link.request(0.0)
        patience_s = _STEP_S
        if self._pending is None and not self._terminated:
            patience_s = min(_QUIET_S, max(_STEP_S, self._pipeline.publisher.due_in_s()))
        if self._pipeline.finished:
            return self._link.request(patience_s)
        self._reader.wait([self._link.fileno()], patience_s)
        return self._link.request(0.0)

    def _obey(self, request: Request) -> None:
        match request:
            case Prepare(spec):
                self._build(spec, {})
                self._link.report(Done())
            case TakeOver(spec):
                looking = wanted_of(spec), self._kafka_reader, self._clusters
                self._taking = spec, LookBack(*looking, HISTOGRAM_DESERIALISERS, self._clock)
            case Go():
                self._go()
            case Reset(indices, timeout_s):
                zeroed = self._pipeline.reset(indices) if self._pipeline is not None else []
                self._pending = ResetPending(zeroed, Deadline(self._clock, timeout_s))
            case Finish(indices, drain_s, timeout_s):
                self._finish(indices, drain_s, timeout_s)
            case Tell():
                if self._pipeline is not None:
                    self._teller.tell_all(self._pipeline)
                self._link.report(Done())
            case Leave():
                self._leaving = True
            case StatsSeen():
                pass

    def _build(self, spec: WorkerSpec, found: Found) -> None:
        if self._settings.simulation:
            self._reader = SimulatedReader(wanted(spec), INPUT_SERIALISERS, self._clock, time.sleep)
        around = self._reader, self._data, self._outbox, self._clock
        self._pipeline = build(spec, self._settings, *around, found)
        if spec.attempt:  # those before it have died where this one begins
            self._pipeline.caution = Caution(spec.suspects, self._trying, self._clock)

    def _trying(self, extents: tuple[Extent, ...]) -> None:
        self._link.report(Trying(extents))

    def _take_over(self, spec: WorkerSpec, publications: LookBack) -> None:
        """Look for what was published; once all of it is found, count on from there."""
        self._teller.tell_alive()
        if publications.step():
            self._taking = None
            self._build(outranking(spec, publications.epochs), publications.found)
            self._go()

    def _go(self) -> None:
        self._link.report(Done())
        if self._pipeline is not None:
            self._pipeline.begin()
            self._counting = True

    def _finish(self, indices: Sequence[int] | None, drain_s: float, timeout_s: float) -> None:
        pipeline = self._pipeline if self._counting else None
        self._pending = FinishPending(pipeline, indices, drain_s, Deadline(self._clock, timeout_s))

    def _answer(self) -> None:
        """Answer the pending request if it is time."""
        undelivered = self._pending.answer() if self._pending is not None else None
        if undelivered is None:
            return
        over = isinstance(self._pending, FinishPending) and self._pending.indices is None
        if over:
            self._conclude()
        elif self._pipeline is not None:
            if isinstance(self._pending, FinishPending):
                self._pipeline.forget(self._pending.indices or ())
            # Who is answered may ask at once how things are.
            self._teller.tell_all(self._pipeline)
        self._pending = None
        self._link.report(Done(undelivered))
        if over:  # nobody need wait for that
            self._reader.release()

    def _end_job(self) -> None:
        """Forget the job; the process, its clients and kernels stay warm for the next one."""
        self._conclude()
        self._reader.release()

    def _conclude(self) -> None:
        if self._pipeline is not None:
            self._teller.tell_end(self._pipeline)
            self._outbox.give_up()
        self._pipeline, self._counting = None, False
