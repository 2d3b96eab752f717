"""Event messages for tests: made, sent, remembered, and counted by numpy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from confluent_kafka import Producer

from histsvc.model import Int64Array
from histsvc.protocol.info import HistogramInfo
from histsvc.wire import ev42, ev44

SCHEMAS: dict[str, Callable[..., bytes]] = {"ev42": ev42.serialise, "ev44": ev44.serialise}
TOF_END_NS = 71_428_571
# A Monday in 2016, like the recorded run: topics of the tests keep data of any age.
BASE_MS = 1_460_000_000_000


@dataclass
class Sent:
    """All events that went to some topics."""

    tof_ns: list[Int64Array] = field(default_factory=list)
    pixel_id: list[Int64Array] = field(default_factory=list)

    @property
    def tof(self) -> Int64Array:
        return np.concatenate([np.empty(0, np.int64), *self.tof_ns])

    @property
    def pixel(self) -> Int64Array:
        return np.concatenate([np.empty(0, np.int64), *self.pixel_id])

    @property
    def events(self) -> int:
        return self.tof.size


class EventSender:
    """Sends messages and waits until the broker has them all."""

    def __init__(self, bootstrap: str, seed: int = 1) -> None:
        self.rng = np.random.default_rng(seed)
        self._failed: list[Any] = []
        self._producer = Producer(
            {"bootstrap.servers": bootstrap, "linger.ms": 5, "acks": "all", "log_level": 2}
        )

    def raw(self, topic: str, payload: bytes | None, timestamp_ms: int, partition: int = 0) -> None:
        self._producer.produce(
            topic, payload, partition=partition, timestamp=timestamp_ms, on_delivery=self._delivered
        )
        self._producer.poll(0)

    def _delivered(self, error: Any, _: Any) -> None:
        if error is not None:
            self._failed.append(error)

    def flush(self) -> None:
        assert self._producer.flush(60) == 0
        assert not self._failed

    def pulses(
        self,
        topic: str,
        sent: Sent,
        timestamps_ms: Sequence[int],
        *,
        events: int = 100,
        pixels: tuple[int, int] = (1, 100),
        source: str = "source0",
        schema: str = "ev44",
        partition: int = 0,
    ) -> None:
        """One message for each timestamp, which is its pulse time too; random events, pixels inclusive."""
        for number, timestamp_ms in enumerate(timestamps_ms):
            tof = self.rng.integers(0, TOF_END_NS, events)
            pixel = self.rng.integers(pixels[0], pixels[1] + 1, events)
            payload = SCHEMAS[schema](source, number, timestamp_ms * 1_000_000, tof, pixel)
            self.raw(topic, payload, timestamp_ms, partition)
            sent.tof_ns.append(tof)
            sent.pixel_id.append(pixel)
        self.flush()


def image(pixel: Int64Array, first: int, width: int, height: int) -> npt.NDArray[np.int64]:
    """What dethist counts, (width, height)."""
    inside = pixel[(pixel >= first) & (pixel < first + width * height)] - first
    return np.bincount(inside, minlength=width * height).reshape(height, width).T


def regions(pixel: Int64Array, lefts: Sequence[int], width: int) -> npt.NDArray[np.int64]:
    """What roihist counts, (width, rows)."""
    rows = [np.bincount(pixel[(pixel >= a) & (pixel < a + width)] - a, minlength=width) for a in lefts]
    return np.array(rows).T


def in_rows(pixel: Int64Array, left_edges: Sequence[int], width: int) -> npt.NDArray[np.bool_]:
    """Which pixels lie in a region of a hist1d, however many of its rows they are in: bool (events,)."""
    return np.isin(pixel, (np.array(left_edges)[:, np.newaxis] + np.arange(width)).ravel())


def accounted(info: HistogramInfo) -> int:
    """All events that a histogram says it has seen."""
    return info.sum + info.underflow + info.overflow + info.filtered + info.out_of_window
