"""Events that are sent all the time, through all that happens to the broker."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from confluent_kafka import Producer

from chaos.expected import PIXELS, TOF_END_NS, Expected
from histsvc.kafka.security import producer_config
from histsvc.settings import Security
from histsvc.wire import ev42, ev44

_PERIOD_S = 0.02
_MESSAGES, _EVENTS = 8, 200
_BAD = 0.01
_FLUSH_S = 120.0


class Load:
    """A thread that sends; nothing of it is lost or sent twice, whatever becomes of the broker."""

    def __init__(self, bootstrap: str, topics: Sequence[str], partitions: int, seed: int) -> None:
        self.sent = 0
        self._topics = topics
        self._partitions = partitions
        self._rng = np.random.default_rng(seed)
        self._expected: Mapping[str, Expected] = {}
        self._failed: list[Any] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        # As the service's own clients: others may find no brokers any more behind some of what happens.
        self._producer = Producer(
            {
                **producer_config([bootstrap], Security()),
                "queue.buffering.max.messages": 1_000_000,
                "error_cb": lambda _: None,
            }
        )

    def begin(self, expected: Mapping[str, Expected]) -> None:
        """From now on everything counts."""
        self._expected = expected
        self._thread.start()

    def end(self) -> None:
        """Send no more, and wait until the broker has everything; raises RuntimeError where it does not."""
        self._stopped.set()
        self._thread.join()
        left = self._producer.flush(_FLUSH_S)
        if left or self._failed:
            what = f"{left} messages were not delivered, {len(self._failed)} failed: {self._failed[:1]}"
            raise RuntimeError(what)

    def _run(self) -> None:
        due_s = time.monotonic()
        while not self._stopped.is_set():
            for _ in range(_MESSAGES):
                self._send(self._topics[int(self._rng.integers(len(self._topics)))])
            self._producer.poll(0)
            due_s += _PERIOD_S
            self._stopped.wait(max(0.0, due_s - time.monotonic()))

    def _send(self, topic: str) -> None:
        if self._rng.random() < _BAD:
            payload = self._rubbish()
            for each in self._expected.values():
                each.add_bad(topic)
        else:
            tof, pixel = self._rng.integers(0, TOF_END_NS, _EVENTS), self._rng.integers(1, PIXELS, _EVENTS)
            serialise = (ev42, ev44)[self._rng.integers(2)].serialise
            payload = serialise("chaos", self.sent, time.time_ns(), tof, pixel)
            for each in self._expected.values():
                each.add(topic, tof, pixel)
        partition, key = int(self._rng.integers(self._partitions)), str(self.sent)
        self._producer.produce(topic, payload, key, partition=partition, on_delivery=self._delivered)
        self.sent += 1

    def _rubbish(self) -> bytes:
        """Something that is no message of events, or half of one."""
        whole = ev44.serialise("chaos", 0, 1, np.arange(9), np.arange(9))
        kinds = (b"", b"\xff" * 20, whole[:30], b"\x08\x00\x00\x00f142....")
        return kinds[self._rng.integers(len(kinds))]

    def _delivered(self, error: Any, _: Any) -> None:
        if error is not None:
            self._failed.append(error)
