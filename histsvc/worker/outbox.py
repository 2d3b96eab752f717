"""Serialises and sends histograms in a thread of its own, so that reading goes on meanwhile."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial

from histsvc.errors import BrokerError
from histsvc.model import Place, Snapshot
from histsvc.ports import Outgoing, Sender
from histsvc.worker.publication import Draft

_log = logging.getLogger(__name__)
# How long a delivery report may wait for the thread while messages are under way, and how long it sleeps
# at most while there is nothing to do.
_SERVE_S = 0.005
_IDLE_S = 0.5

Serialise = Callable[[Snapshot, str, int, str], bytes]


@dataclass(eq=False)
class _Entry:
    draft: Draft | None
    delivered: Future[Place]
    generation: int


class ThreadOutbox:
    """An Outbox whose thread is the only one that touches the sender."""

    def __init__(
        self,
        sender: Sender,
        serialisers: Mapping[str, Serialise],
        source_name: str,
        wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        """`wanted` says whether anybody wants what this process has to say: its service may be gone."""
        self.counters: Counter[str] = Counter()
        # Seconds spent on serialising and handing over.
        self.busy_s = 0.0
        self._sender = sender
        self._serialisers = serialisers
        self._source_name = source_name
        self._wanted = wanted
        self._entries: queue.SimpleQueue[_Entry | None] = queue.SimpleQueue()
        self._under_way = 0
        self._generation = 0
        self._given_up = 0
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)
        self._thread.start()

    def post(self, draft: Draft) -> Future[Place]:
        """Queue a draft; the publisher has at most one of each histogram under way, so the queue is short."""
        delivered: Future[Place] = Future()
        self._entries.put(_Entry(draft, delivered, self._generation))
        return delivered

    def give_up(self) -> None:
        """Drop what has not been delivered or not even been sent; what is posted later is sent."""
        self._generation += 1

    def _run(self) -> None:
        while True:
            try:
                entry = self._entries.get(timeout=0 if self._under_way else _IDLE_S)
            except queue.Empty:
                entry = None
            if self._given_up != self._generation:
                self._given_up = self._generation
                self._sender.give_up()
            if entry is not None and entry.generation < self._given_up:
                entry.delivered.set_exception(BrokerError("there was no time to send it", retriable=True))
            elif entry is not None:
                begun_s = time.monotonic()
                self._send(entry)
                self.busy_s += time.monotonic() - begun_s
            self._sender.serve(_SERVE_S if self._under_way else 0)

    def _send(self, entry: _Entry) -> None:
        draft, entry.draft = entry.draft, None
        assert draft is not None
        key, topic = draft.key, draft.topic
        try:
            value = self._serialisers[draft.schema](
                draft.snapshot, self._source_name, draft.time_ns, draft.info.to_json()
            )
            if not self._wanted():
                raise BrokerError("the service is gone, and another one may have begun", retriable=False)
            message = Outgoing(draft.brokers, topic, key, value)
            del draft, value  # the counts, which may be large, are not needed any more
            sent = self._sender.send(message)
        except Exception as error:  # noqa: BLE001 (this thread must go on; the failure is counted and told)
            self._failed(key, topic, error)
            entry.delivered.set_exception(error)
            return
        self._under_way += 1
        sent.add_done_callback(partial(self._answered, key, topic, entry.delivered))

    def _answered(self, key: bytes, topic: str, delivered: Future[Place], sent: Future[Place]) -> None:
        self._under_way -= 1
        error = sent.exception()
        if error is None:
            self.counters["published"] += 1
            delivered.set_result(sent.result())
        else:
            self._failed(key, topic, error)
            delivered.set_exception(error)

    def _failed(self, key: bytes, topic: str, error: BaseException) -> None:
        reason = str(error) or type(error).__name__
        self.counters[f"publish_failed.{reason}"] += 1
        if self.counters[f"publish_failed.{reason}"] == 1:
            _log.warning("histogram %s was not delivered to %s: %s", key.decode(), topic, reason)
