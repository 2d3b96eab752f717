"""Topics filled with events in the shapes that instruments send, and what numpy makes of them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
    """A topic of one partition whose messages repeat those of a pool in turn; `uses` says how often each.

    `payloads` and `sources` are those of the pool's messages.
    """

    topic: str
    shape: Shape
    first_ms: int
    last_ms: int
    messages: int
    payloads: Sequence[bytes]
    sources: Sequence[str]
    tof_ns: Sequence[npt.NDArray[np.int64]]
    pixel_id: Sequence[npt.NDArray[np.int64]]
    uses: npt.NDArray[np.int64]

    @property
    def events(self) -> int:
        """All events in the topic."""
        return self.messages * self.shape.events

    @property
    def size_bytes(self) -> int:
        """All bytes in the topic."""
        return sum(len(payload) * int(n) for payload, n in zip(self.payloads, self.uses, strict=True))

    @property
    def window(self) -> dict[str, int]:
        """The keys of a command that select all of it."""
        return {"start": self.first_ms, "stop": self.last_ms}

    def first(self, messages: int) -> Filled:
        """What so many messages of the same pool would be."""
        return replace(self, messages=messages, uses=_uses(messages))

    def pulses(self, source: str = "") -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], int]]:
        """Times of flight, pixel ids and number of uses of each message of the pool, of one source or all."""
        whole = zip(self.sources, self.tof_ns, self.pixel_id, self.uses.tolist(), strict=True)
        return [(tof, ids, uses) for name, tof, ids, uses in whole if source in ("", name)]

    def spectrum(
        self, bins: int, tof_range: tuple[float, float] = (0, TOF_NS), source: str = ""
    ) -> npt.NDArray[np.int64]:
        """What numpy makes of it: counts of times of flight, int64 (bins,)."""
        pulses = self.pulses(source)
        return sum(
            (np.histogram(tof, bins, tof_range)[0] * uses for tof, _, uses in pulses),
            np.zeros(bins, np.int64),
        )

    def image(self, first: int, pixels: int, source: str = "") -> npt.NDArray[np.int64]:
        """Counts of pixel ids from `first` on, int64 (pixels,)."""
        counts = np.zeros(pixels, np.int64)
        for _, ids, uses in self.pulses(source):
            inside = ids[(ids >= first) & (ids < first + pixels)] - first
            counts += np.bincount(inside, minlength=pixels) * uses
        return counts

    def counts(self, config: Mapping[str, Any]) -> npt.NDArray[np.int64]:
        """What a hist1d or dethist counts of it: int64 (bins,) or (width, height)."""
        source = config.get("source", "")
        if config["type"] == "hist1d":
            return self.spectrum(config["num_bins"], config["tof_range"], source)
        width, height = config["width"], config["height"]
        return self.image(config["det_range"][0], width * height, source).reshape(height, width).T


@dataclass(frozen=True)
class Events:
    """Which events a topic is filled with: random pixels from `first_pixel` on, of these sources in turn."""

    first_pixel: int = 1
    pixels: int = PIXELS
    sources: tuple[str, ...] = (SOURCE,)


def pool(topic: str, shape: Shape, events: Events = Events(), first_ms: int = 0) -> Filled:
    """Random events of which nothing has been sent yet; the messages' own times begin at `first_ms`."""
    draw = np.random.default_rng(1)
    tof_ns = [draw.integers(0, TOF_NS, shape.events) for _ in range(_POOL)]
    pixel_id = [events.first_pixel + draw.integers(0, events.pixels, shape.events) for _ in range(_POOL)]
    sources = [events.sources[i % len(events.sources)] for i in range(_POOL)]
    encoders = {name: shapes.encoder(shape.shape, "ev44", name) for name in events.sources}
    first_ms = first_ms or beginning(_POOL)
    payloads = [
        next(encoders[name].encode((first_ms + i) * 1_000_000, tof, ids)).payload
        for i, (name, tof, ids) in enumerate(zip(sources, tof_ns, pixel_id, strict=True))
    ]
    return Filled(topic, shape, first_ms, first_ms, 0, payloads, sources, tof_ns, pixel_id, _uses(0))


def fill(
    broker: Broker, topic: str, shape: Shape, messages: int, events: Events = Events(), first_ms: int = 0
) -> Filled:
    """Make a topic of one partition and send so many messages of random events to it.

    They have the Kafka timestamps from `first_ms` on (0: of the recent past), one each ms.
    """
    broker.create_topic(topic, config={"retention.ms": "-1", "retention.bytes": "-1"})
    first_ms = first_ms or beginning(messages)
    made = pool(topic, shape, events, first_ms)
    producer = EventProducer(KafkaSettings((broker.bootstrap,)), SystemClock(), compression="none")
    for number in range(messages):
        producer.produce(topic, made.payloads[number % _POOL], first_ms + number)
    encoder = shapes.encoder(shape.shape, "ev44", events.sources[0])
    empty = next(encoder.encode(first_ms * 1_000_000, np.empty(0, np.int64), np.empty(0, np.int64))).payload
    producer.produce(topic, empty, first_ms + messages + _LATER_MS)
    producer.flush(lambda: 30.0)
    if producer.failed:
        raise RuntimeError(f"{topic}: {producer.failure}")
    return replace(made.first(messages), last_ms=first_ms + messages - 1)


def _uses(messages: int) -> npt.NDArray[np.int64]:
    """How often each message of the pool is among so many, int64 (pool,)."""
    return np.array([len(range(number, messages, _POOL)) for number in range(_POOL)])


def beginning(messages: int) -> int:
    """When so many messages began, in ms, if they have ended some minutes ago."""
    return time.time_ns() // 1_000_000 - messages - 10 * _LATER_MS


def remove(broker: Broker, topic: str) -> None:
    """Delete a topic, to give its disk space back."""
    admin = AdminClient({"bootstrap.servers": broker.bootstrap, "log_level": 0})
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
