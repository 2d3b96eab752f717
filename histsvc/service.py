"""The service: commands → workers → heartbeat, in a loop that never blocks."""

from __future__ import annotations

import logging
import os
import socket
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future

from histsvc import __version__
from histsvc.clock import Clock, Deadline, Every, now_ms
from histsvc.commands.choice import everything
from histsvc.commands.context import Context
from histsvc.commands.dispatch import Dispatcher
from histsvc.commands.ending import end_histograms
from histsvc.commands.listen import CommandListener
from histsvc.commands.remember import Memory
from histsvc.errors import BrokerError
from histsvc.jobs.supervisor import Supervisor
from histsvc.metrics import Monitor, samples
from histsvc.model import Place
from histsvc.ports import Clusters, Metrics, Outgoing, Reader, Sender
from histsvc.protocol.heartbeat import PROTOCOL, Heartbeat, ServiceIdentity
from histsvc.settings import ServiceSettings

_log = logging.getLogger(__name__)
# How long a tick waits for workers: while a command is under way, and otherwise, for commands as well.
_BUSY_TICK_S = 0.001
_IDLE_TICK_S = 0.5
# One key for all replies: they keep their order on a topic of several partitions, too.
_KEY = b"histsvc"
# How long commands that end at once may keep a tick.
_COMMANDS_S = 0.02
_METRICS_S = 1.0
# The end of the service takes 5 s at most: until when, in s after it was told to end, it waits for a command
# that is under way, the last histograms, the last replies, and the workers. Who still lives then is killed.
_LAST_S = (1.0, 3.0, 3.4, 4.2)


class Service:
    """Reads commands, lets them be done, watches the workers and beats its heart."""

    def __init__(
        self,
        settings: ServiceSettings,
        supervisor: Supervisor,
        commands: Reader,
        sender: Sender,
        clusters: Clusters,
        data: Clusters,
        clock: Clock,
        metrics: Metrics | None = None,
        serialise: Callable[[Heartbeat], bytes] = Heartbeat.to_json,
        memory: Memory | None = None,
        monitor: Monitor | None = None,
    ) -> None:
        self.counters: Counter[str] = Counter()
        self._settings = settings
        self._supervisor = supervisor
        self._sender = sender
        self._clock = clock
        self._begun_s = clock.monotonic_s()
        self._metrics = metrics
        self._serialise = serialise
        self._heartbeat_due = Every(clock, settings.heartbeat_interval_ms / 1000)
        self._metrics_due = Every(clock, _METRICS_S)
        self._monitor = monitor
        self._monitor_due = Every(clock, _METRICS_S)
        self._unanswered: list[Future[Place]] = []
        self._heartbeat_sent: Future[Place] | None = None
        self._memory = memory
        self._context = Context(supervisor, clusters, data, clock, settings, self._heartbeat, memory)
        self._dispatcher = Dispatcher(self._context, settings.service_id, self._reply)
        self._listener = CommandListener(
            commands,
            clusters,
            clock,
            settings.kafka.brokers,
            settings.config_topic,
            lambda: supervisor.ready and (memory is None or memory.recalled),
            self._dispatcher.receive,
        )

    def run(self, stopped: Callable[[], bool]) -> list[str]:
        """Work until `stopped` says so; returns a line for whatever was not delivered in the end."""
        while not stopped():
            self.tick()
        try:
            return self._end()
        finally:
            if self._monitor is not None:
                self._monitor.close()

    def tick(self) -> None:
        """Wait for something to do, then do it once; takes at most some ms beside the wait."""
        if self._dispatcher.busy:
            self._supervisor.tick(_BUSY_TICK_S)
        else:
            self._listener.wait(self._supervisor.ends, self._patience_s())
            self._supervisor.tick(0)
        self._sender.serve(0)
        if self._memory is not None:
            self._memory.tick()
        self._listener.tick()
        if self._monitor is not None and self._monitor_due.due():
            self._monitor.tell(self._heartbeat(), "commands are not read" if self._listener.lost else "")
        if not self._listener.ready:
            return
        enough = Deadline(self._clock, _COMMANDS_S)
        while self._dispatcher.step() and not enough.expired():
            pass
        if self._settings.heartbeat_topic and self._heartbeat_due.due():
            self._beat(self._settings.heartbeat_topic)
        if self._metrics is not None and self._metrics_due.due():
            self._metrics.report(samples(self._supervisor.numbered()))

    def _patience_s(self) -> float:
        """How long nothing is due."""
        if not (self._listener.ready and self._settings.heartbeat_topic):
            return _IDLE_TICK_S
        return min(_IDLE_TICK_S, self._heartbeat_due.remaining_s())

    def _reply(self, reply: bytes) -> None:
        if self._settings.response_topic:
            sent = self._send(self._settings.response_topic, reply)
            self._unanswered = [future for future in (*self._unanswered, sent) if not future.done()]

    def _beat(self, topic: str) -> None:
        """Send a heartbeat unless the last one is still under way: old ones are of no use to anybody."""
        if self._heartbeat_sent is None or self._heartbeat_sent.done():
            self._heartbeat_sent = self._send(topic, self._serialise(self._heartbeat()))

    def _send(self, topic: str, value: bytes) -> Future[Place]:
        try:
            sent = self._sender.send(Outgoing(self._settings.kafka.brokers, topic, _KEY, value))
        except BrokerError as error:
            sent = Future()
            sent.set_exception(error)
        sent.add_done_callback(lambda future: self._sent(topic, future))
        return sent

    def _sent(self, topic: str, sent: Future[Place]) -> None:
        error = sent.exception()
        if error is not None:
            self.counters[f"send_failed.{error}"] += 1
            if self.counters[f"send_failed.{error}"] == 1:
                _log.warning("a message to %r was not delivered: %s", topic, error)

    def _identity(self) -> ServiceIdentity:
        uptime_ms = int((self._clock.monotonic_s() - self._begun_s) * 1000)
        who = ("histsvc", self._settings.service_id, __version__, PROTOCOL)
        return ServiceIdentity(*who, uptime_ms, socket.gethostname(), os.getpid())

    def _heartbeat(self) -> Heartbeat:
        supervisor = self._supervisor
        totals = supervisor.totals() + self.counters + self._listener.counters + self._dispatcher.counters
        for other in (self._metrics, self._memory):
            totals.update(other.counters if other is not None else {})
        return Heartbeat(
            message=now_ms(self._clock),
            message_interval=self._settings.heartbeat_interval_ms,
            identity=self._identity(),
            histograms=supervisor.infos(),
            workers=supervisor.statuses(),
            degraded=supervisor.replacing or self._listener.lost,
            counters=dict(totals),
        )

    def _announce_end(self) -> None:
        if self._metrics is not None:
            self._metrics.close()
        if self._monitor is not None:
            self._monitor.tell(self._heartbeat(), "the service ends")

    def _end(self) -> list[str]:
        """Publish everything a last time, answer, and end the workers."""
        self._announce_end()
        commands, histograms, replies, workers = (Deadline(self._clock, seconds) for seconds in _LAST_S)
        self._listener.close()
        self._dispatcher.close()
        # A command that is ending histograms, say, must not be broken off in the middle.
        while any(worker.busy for worker in self._supervisor.counting()) and not commands.expired():
            self._supervisor.tick(_BUSY_TICK_S)
            self._dispatcher.step()
        self._dispatcher.abort()
        ending = end_histograms(self._context, everything(self._supervisor), 0.0, histograms)
        undelivered: list[str] | None = None
        while undelivered is None:
            self._supervisor.tick(_BUSY_TICK_S)
            try:
                next(ending)
            except StopIteration as finished:
                undelivered = finished.value
        if self._memory is not None:
            for _ in self._memory.settle(replies):
                self._sender.serve(_BUSY_TICK_S)
        while any(not future.done() for future in self._unanswered) and not replies.expired():
            self._sender.serve(_BUSY_TICK_S)
        self._supervisor.stop(workers.remaining_s())
        for line in undelivered:
            _log.error("%s", line)
        _log.info("stopped")
        return undelivered
