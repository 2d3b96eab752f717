"""A stream that goes on at a given rate, and how a service that counts it is meanwhile."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np
import psutil
from service_process import Service

from benchmarks.data import Filled
from benchmarks.pairs import Spread
from histsvc.client import TopicReader
from histsvc.clock import SystemClock
from histsvc.kafka.event_producer import EventProducer
from histsvc.ports import OffsetAt
from histsvc.settings import KafkaSettings
from histsvc.sources.pace import Pace

# So many times a second some of the messages are sent.
_TICKS_PER_S = 100
_FLUSH_S = 60.0


class Stream:
    """Sends messages of pools to their topics in turn, so many a second, or all it can; for ``with``."""

    def __init__(
        self, kafka: KafkaSettings, pools: Sequence[Filled], messages_per_s: float = math.inf
    ) -> None:
        self.sent = 0
        self._pools = pools
        self._per_tick = messages_per_s / _TICKS_PER_S
        self._over = threading.Event()
        self._producer = EventProducer(kafka, SystemClock(), compression="none")
        self._thread = threading.Thread(target=self._run, name="stream")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        # In the thread nobody would see it.
        assert self._producer.failed == 0, self._producer.failure

    def filled(self) -> list[Filled]:
        """What the topics have got, in the order of the pools: to be asked when it has ended."""
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


@dataclass(frozen=True)
class Seen:
    """A heartbeat: the lag of all workers, and the memory of the largest of them.

    `events` and `published` (messages) are what the service had done by then since it began. `rss_bytes` is
    all that it has in memory; in `pss_bytes` what it shares with other workers, all forks of one process, is
    divided among them.
    """

    at_s: float
    events: int
    published: int
    lag: int
    rss_bytes: int
    pss_bytes: int


def observed(service: Service, seconds: float) -> list[Seen]:
    """What the heartbeats of so many seconds say."""
    found: list[Seen] = []
    reader = TopicReader(service.kafka, [service.heartbeat], OffsetAt.LATEST)
    begun_s = time.monotonic()
    try:
        while time.monotonic() < begun_s + seconds:
            for _, payload in reader.poll(0.2):
                found += _seen(json.loads(payload), time.monotonic() - begun_s)
    finally:
        reader.close()
    return found


def _seen(beat: dict[str, Any], at_s: float) -> list[Seen]:
    busy = [worker for worker in beat["workers"] if "load" in worker]
    if not busy:
        return []
    sizes = [psutil.Process(worker["pid"]).memory_full_info() for worker in busy]
    lag = sum(worker["load"]["lag"] for worker in busy)
    counters = beat["counters"]
    done = counters["events"], counters["published"]
    return [Seen(at_s, *done, lag, max(size.rss for size in sizes), max(size.pss for size in sizes))]


def growth_ms(seen: Sequence[Seen], messages_per_s: float) -> Spread:
    """How much later the last third is than the first, in ms of the stream: by the quartiles of each."""
    third = len(seen) // 3
    first, last = (
        [each.lag / messages_per_s * 1000 for each in part] for part in (seen[:third], seen[-third:])
    )
    quartiles = np.percentile(last, (50, 25, 75)) - np.percentile(first, 50)
    return Spread(*quartiles.tolist())
