"""Events for the kernels: parsed batches as workers have them, and the same events as one array each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from histsvc.model import EventBatch, Int64Array, RawMessages
from histsvc.wire import EVENT_LAYOUTS, ev44
from histsvc.worker.read import Decoder

Int32Array = npt.NDArray[np.int32]

TOF_NS = 71_428_571
PIXELS = 500_000
BATCH_BYTES = 2_000_000
"""About as much as a worker reads at once: it does not stay in the first two caches."""

# An ordered message has ids in a window of so many, each message in another one.
_WINDOW = 1_000
# Bragg peaks, say: so many, each with a sigma of this part of both axes.
_PEAKS, _SIGMA = 64, 1e-3


@dataclass(frozen=True, eq=False)
class Events:
    """Events of messages of `size` events each: `tof_ns` and `pixel_id` (from 1 on), int32 (events,)."""

    size: int
    tof_ns: Int32Array
    pixel_id: Int32Array

    @cached_property
    def messages(self) -> list[RawMessages]:
        """All of them as ev44 in compact messages, read in batches of about BATCH_BYTES."""
        vectors = zip(self._split(self.tof_ns), self._split(self.pixel_id), strict=True)
        payloads = [ev44.serialise("bench", i, 1 + i, tof, ids) for i, (tof, ids) in enumerate(vectors)]
        many = messages_of(self.size)
        return [_read(payloads[first : first + many]) for first in range(0, len(payloads), many)]

    @cached_property
    def batches(self) -> list[EventBatch]:
        """All of them, parsed."""
        decoder = event_decoder()
        return [decoder.events(raw) for raw in self.messages]

    def _split(self, values: Int32Array) -> Int32Array:
        return values.reshape(-1, self.size)


def messages_of(size: int) -> int:
    """How many messages of so many events a batch has."""
    return BATCH_BYTES // (8 * size)


def event_decoder() -> Decoder:
    """A decoder of events only, which looks for no source."""
    return Decoder(EVENT_LAYOUTS, [], {})


@lru_cache(maxsize=1)
def events(pattern: str, size: int, batches: int) -> Events:
    """Make so many batches, always the same ones; `pattern` is one of PATTERNS."""
    messages = batches * messages_of(size)
    tof_ns, pixel_id = PATTERNS[pattern](np.random.default_rng(1), messages, size)
    return Events(size, tof_ns.astype(np.int32).reshape(-1), pixel_id.astype(np.int32).reshape(-1))


def _random(draw: np.random.Generator, messages: int, size: int) -> tuple[Int64Array, Int64Array]:
    shape = messages, size
    return draw.integers(0, TOF_NS, shape), draw.integers(1, PIXELS + 1, shape)


def _ordered(draw: np.random.Generator, messages: int, size: int) -> tuple[Int64Array, Int64Array]:
    tof_ns, window = np.sort(draw.integers(0, TOF_NS, (messages, size))), draw.integers(0, _WINDOW, size)
    begins = np.linspace(1, PIXELS - _WINDOW, messages).astype(np.int64)
    return tof_ns, begins[:, np.newaxis] + window


def _clustered(draw: np.random.Generator, messages: int, size: int) -> tuple[Int64Array, Int64Array]:
    peak = draw.integers(0, _PEAKS, (messages, size))

    def around(most: int) -> Int64Array:
        centres = draw.uniform(0.1 * most, 0.9 * most, _PEAKS)
        return draw.normal(centres[peak], _SIGMA * most).astype(np.int64)

    return around(TOF_NS), around(PIXELS)


PATTERNS: dict[str, Callable[[np.random.Generator, int, int], tuple[Int64Array, Int64Array]]] = {
    "random": _random,
    "ordered": _ordered,
    "clustered": _clustered,
}
"""Uniform; times of flight ascending in each message and its ids in a window that moves on; in peaks."""


def _read(payloads: list[bytes]) -> RawMessages:
    zeros = np.zeros(len(payloads), np.int64)
    return RawMessages(zeros, np.arange(len(payloads)), zeros, payloads)
