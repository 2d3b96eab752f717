"""Topics filled with events in the shapes that instruments send, and what numpy makes of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from confluent_kafka.admin import AdminClient
from kafka_broker import Broker

from histsvc.clock import SystemClock
from histsvc.kafka.event_producer import EventProducer
from histsvc.settings import KafkaSettings
from histsvc.wire import shapes

TOF_NS = 71_428_571
PIXELS = 500_000
SOURCE = "bench"
_POOL = 64
# A message that is so much newer than the last one tells the service that there is nothing more to wait for.
_LATER_MS = 60_000


@dataclass(frozen=True)
class Shape:
    """Messages of a shape with so many events each."""

    shape: str
    events: int

    @property
    def name(self) -> str:
        """As tables show it."""
        return f"{self.shape} {self.events:,}"

    def messages(self, most_bytes: int) -> int:
        """How many of them there are in so many bytes."""
        size = shapes.EFU_BYTES if self.shape == "efu" else 8 * self.events + 200
        return max(_POOL, most_bytes // size)


SHAPES = (
    Shape("compact", 100),
    Shape("compact", 1_000),
    Shape("compact", 10_000),
    Shape("efu", 10),
    Shape("efu", 1_000),
    Shape("efu", 12_400),
    Shape("isis", 100_000),
)


@dataclass(frozen=True)
class Filled:
    """A topic of one partition whose messages repeat those of a pool in turn; `uses` says how often each."""

    topic: str
    shape: Shape
    first_ms: int
    last_ms: int
    messages: int
    bytes: int
    tof_ns: Sequence[npt.NDArray[np.int64]]
    pixel_id: Sequence[npt.NDArray[np.int64]]
    uses: npt.NDArray[np.int64]

    @property
    def events(self) -> int:
        """All events in the topic."""
        return self.messages * self.shape.events

    @property
    def window(self) -> dict[str, int]:
        """The keys of a command that select all of it."""
        return {"start": self.first_ms, "stop": self.last_ms}

    @cached_property
    def pulses(self) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], int]]:
        """Times of flight, pixel ids and number of uses of each message of the pool."""
        return list(zip(self.tof_ns, self.pixel_id, self.uses.tolist(), strict=True))

    def spectrum(self, bins: int, tof_range: tuple[int, int] = (0, TOF_NS)) -> npt.NDArray[np.int64]:
        """What numpy makes of it: counts of times of flight, int64 (bins,)."""
        return sum(
            (np.histogram(tof, bins, tof_range)[0] * uses for tof, _, uses in self.pulses),
            np.zeros(bins, np.int64),
        )

    def image(self, first: int, pixels: int) -> npt.NDArray[np.int64]:
        """Counts of pixel ids from `first` on, int64 (pixels,)."""
        counts = np.zeros(pixels, np.int64)
        for _, ids, uses in self.pulses:
            inside = ids[(ids >= first) & (ids < first + pixels)] - first
            counts += np.bincount(inside, minlength=pixels) * uses
        return counts


def fill(broker: Broker, topic: str, shape: Shape, messages: int) -> Filled:
    """Make a topic of one partition and send so many messages of random events to it."""
    broker.create_topic(topic, config={"retention.ms": "-1", "retention.bytes": "-1"})
    draw = np.random.default_rng(1)
    encoder = shapes.encoder(shape.shape, "ev44", SOURCE)
    tof_ns = [draw.integers(0, TOF_NS, shape.events) for _ in range(_POOL)]
    pixel_id = [1 + draw.integers(0, PIXELS, shape.events) for _ in range(_POOL)]
    first_ms = time.time_ns() // 1_000_000 - messages - 10 * _LATER_MS
    pool = [
        next(encoder.encode((first_ms + i) * 1_000_000, tof, ids)).payload
        for i, (tof, ids) in enumerate(zip(tof_ns, pixel_id, strict=True))
    ]
    producer = EventProducer(KafkaSettings((broker.bootstrap,)), SystemClock(), compression="none")
    for number in range(messages):
        producer.produce(topic, pool[number % _POOL], first_ms + number)
    empty = next(encoder.encode(first_ms * 1_000_000, np.empty(0, np.int64), np.empty(0, np.int64))).payload
    producer.produce(topic, empty, first_ms + messages + _LATER_MS)
    producer.flush(lambda: 30.0)
    if producer.failed:
        raise RuntimeError(f"{topic}: {producer.failure}")
    uses = np.array([len(range(number, messages, _POOL)) for number in range(_POOL)])
    size = sum(len(payload) * int(n) for payload, n in zip(pool, uses, strict=True))
    last_ms = first_ms + messages - 1
    return Filled(topic, shape, first_ms, last_ms, messages, size, tof_ns, pixel_id, uses)


def remove(broker: Broker, topic: str) -> None:
    """Delete a topic, to give its disk space back."""
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    for deleted in admin.delete_topics([topic]).values():
        deleted.result(timeout=30)


def hist1d(filled: Filled, bins: int) -> dict[str, Any]:
    """The configuration of a spectrum of this topic, without brokers and output topic."""
    regular = {"tof_range": [0, TOF_NS], "num_bins": bins}
    return {"type": "hist1d", "id": "spectrum", "data_topics": [filled.topic], **regular}


def dethist(filled: Filled, width: int, height: int) -> dict[str, Any]:
    """The configuration of an image of so many pixels of this topic."""
    detector = {"det_range": [1, width * height], "width": width, "height": height}
    return {"type": "dethist", "id": "image", "data_topics": [filled.topic], **detector}
