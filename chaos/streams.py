"""Messages of several topics in turn, at a given rate."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from benchmarks.data import Filled
from histsvc.clock import SystemClock
from histsvc.kafka.event_producer import EventProducer
from histsvc.settings import KafkaSettings
from histsvc.sources.pace import Pace

_TICKS_PER_S = 100
_FLUSH_S = 60.0


class Streams:
    """Sends the messages of pools to their topics, so many a second or as fast as it can; for ``with``."""

    def __init__(self, bootstrap: str, pools: Sequence[Filled], messages_per_s: float = math.inf) -> None:
        self.sent = 0
        self._pools = pools
        self._per_tick = messages_per_s / _TICKS_PER_S
        self._over = threading.Event()
        self._producer = EventProducer(KafkaSettings((bootstrap,)), SystemClock(), compression="none")
        self._thread = threading.Thread(target=self._run, name="streams")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raises RuntimeError where a message was not delivered: in the thread nobody would see it."""
        self._over.set()
        self._thread.join()
        if self._producer.failed:
            raise RuntimeError(self._producer.failure)

    def filled(self) -> list[Filled]:
        """What the topics have got: to be asked when it has ended."""
        count = len(self._pools)
        return [each.first(len(range(number, self.sent, count))) for number, each in enumerate(self._pools)]

    def _run(self) -> None:
        count = len(self._pools)
        ticks = Pace(SystemClock(), self._over.wait).times_ns(range(1 << 62), _TICKS_PER_S)
        for tick, now_ns in enumerate(ticks, start=1):
            while self.sent < tick * self._per_tick and not self._over.is_set():
                turn, number = divmod(self.sent, count)
                pool = self._pools[number]
                payload = pool.payloads[turn % len(pool.payloads)]
                self._producer.produce(pool.topic, payload, now_ns // 1_000_000)
                self.sent += 1
        self._producer.flush(lambda: _FLUSH_S)
