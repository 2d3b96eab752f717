"""Virtual logs: endless, reproducible messages that fit histograms. Every topic has one, of one partition.

Message k has offset k and the Kafka timestamp k x `PERIOD_MS`. It is there once the clock has reached that
time and is kept for `KEPT_MS`; its content depends only on its topic, on k, and on the histograms that it is
made for. So any part of it is the same whenever and however often it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from histsvc.histograms.base import HistogramConfig
from histsvc.histograms.registry import histogram_types
from histsvc.histograms.simulation import CARRIED, peak
from histsvc.model import FrameBatch, Int64Array, WorkerSpec

PERIOD_MS = 20
KEPT_MS = 24 * 3600 * 1000
EVENTS = 200
"""Events in a message."""

SOURCE = "simulation"
"""The source name where a histogram takes any."""

Encode = Mapping[str, Callable[[str, int, int, npt.ArrayLike, npt.ArrayLike], bytes]]
"""How to make the messages of every schema: of a source, a number, a time (ns since the epoch), and two
vectors. Those are times of flight and pixel ids of events; edges and counts of a frame."""

# The numbers that each schema of events carries; in the order in which they are preferred.
_EVENT_LIMITS = {"ev44": (CARRIED[1][0], CARRIED[0][1]), "ev42": (0, CARRIED[2][1])}
_FRAMES = "da00"


class Wanted(NamedTuple):
    """A histogram that messages are made for, and the schemas that it takes."""

    config: HistogramConfig
    schemas: tuple[str, ...]


def wanted(spec: WorkerSpec) -> list[Wanted]:
    """The histograms that a worker counts, in the order of their job."""
    return [
        Wanted(histogram_types()[each.config["type"]].model_validate(dict(each.config)), each.input_schemas)
        for each in spec.histograms
        if each.error is None
    ]


def end(now_ms: int) -> int:
    """The offset behind the newest message."""
    return now_ms // PERIOD_MS + 1


def oldest(now_ms: int) -> int:
    """The offset of the oldest message that is kept."""
    return max(0, first_since(now_ms - KEPT_MS))


def first_since(time_ms: int) -> int:
    """The offset of the first message, be it there or not, with a timestamp ≥ `time_ms`."""
    return -(-time_ms // PERIOD_MS)


class TopicLog:
    """The messages of one topic, made for the histograms that read it in turn: k for number k mod H of H.

    Raises ValueError where a histogram takes no schema that can be made.
    """

    def __init__(self, topic: str, histograms: Sequence[Wanted], encode: Encode) -> None:
        self._seed = int.from_bytes(topic.encode(), "big")
        self._makers = [_Maker(histogram, encode) for histogram in histograms]

    def message(self, number: int) -> bytes:
        """The payload of a message; empty where no histogram reads the topic."""
        if not self._makers:
            return b""
        draw = np.random.default_rng((self._seed, number))
        return self._makers[number % len(self._makers)].message(draw, number)


class _Maker:
    """Makes messages for one histogram."""

    def __init__(self, histogram: Wanted, encode: Encode) -> None:
        config, schemas = histogram
        self._config = config
        self._encode = encode
        self._source = config.source_name or SOURCE
        self._schemas = [schema for schema in _EVENT_LIMITS if schema in schemas]
        self._edges: npt.NDArray[np.float64] | None = None
        if _FRAMES in schemas and FrameBatch in config.takes:
            (self._edges,) = config.axes().values()
        if not self._schemas and self._edges is None:
            raise ValueError(f"no events can be made up for {config.type} that takes {', '.join(schemas)}")

    def message(self, draw: np.random.Generator, number: int) -> bytes:
        schema, first, second = self._content(draw)
        time_ns = number * PERIOD_MS * 1_000_000
        return self._encode[schema](self._source, number, time_ns, first, second)

    def _content(self, draw: np.random.Generator) -> tuple[str, npt.NDArray[Any], Int64Array]:
        """Events, in the first schema that carries them; a frame where none does, or none would count."""
        if not self._schemas:
            return self._frame(draw)
        tof_ns, pixel_id = self._config.simulated(draw, EVENTS)
        able = self._able(tof_ns, pixel_id)
        if not able and not self._config.needs_pixel:
            pixel_id = np.empty(0, np.int64)
            able = self._able(tof_ns)
        if self._edges is not None and not (able and _inside(tof_ns, self._edges)):
            return self._frame(draw)
        schema = able[0] if able else self._schemas[0]
        limits = _EVENT_LIMITS[schema]
        return schema, np.clip(tof_ns, *limits), np.clip(pixel_id, *limits)

    def _able(self, *vectors: Int64Array) -> list[str]:
        return [schema for schema in self._schemas if all(_carries(schema, each) for each in vectors)]

    def _frame(self, draw: np.random.Generator) -> tuple[str, npt.NDArray[Any], Int64Array]:
        """A frame with exactly the edges of the histogram."""
        assert self._edges is not None
        bins = self._edges.size - 1
        return _FRAMES, self._edges, np.bincount(peak(draw, 0, bins - 1, EVENTS), minlength=bins)


def _carries(schema: str, numbers: Int64Array) -> bool:
    least, most = _EVENT_LIMITS[schema]
    return numbers.size == 0 or bool(least <= numbers.min() and numbers.max() <= most)


def _inside(tof_ns: Int64Array, edges: npt.NDArray[np.float64]) -> bool:
    return bool(edges[0] <= tof_ns.min() and tof_ns.max() <= edges[-1])
