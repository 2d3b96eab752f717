"""What is received: histograms and heartbeats, out of the messages that carry them."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from histsvc.protocol.heartbeat import Heartbeat
from histsvc.protocol.info import HistogramInfo, State
from histsvc.wire import HISTOGRAM_DESERIALISERS, x5f2
from histsvc.wire.histogram import Axis

# The stock decoder shares one object for each integer type: two threads would get each other's counts.
_decoding = threading.Lock()


@dataclass(frozen=True, eq=False)
class Histogram:
    """A histogram as it was received: `counts` has one dimension for each of `axes`.

    `timestamp_ns` is when it was published, ns since the epoch; `info` says everything else.
    """

    topic: str
    schema: str
    source: str
    timestamp_ns: int
    info: HistogramInfo
    axes: tuple[Axis, ...]
    counts: npt.NDArray[Any]

    @property
    def id(self) -> str:
        """The configured id, or ``job/index`` where there is none."""
        return self.info.name

    @property
    def state(self) -> State:
        """INITIALISED, COUNTING, FINISHED or ERROR."""
        return self.info.state

    def data_age_ms(self, now_ms: int) -> int | None:
        """How old the newest data in it are at `now_ms` (since the epoch); None where nothing was read."""
        if self.info.data_age_ms is None:
            return None
        return self.info.data_age_ms + self.published_ago_ms(now_ms)

    def published_ago_ms(self, now_ms: int) -> int:
        """How long ago it was published, at `now_ms` since the epoch."""
        return max(0, now_ms - self.timestamp_ns // 1_000_000)


def histogram(topic: str, payload: bytes) -> Histogram:
    """Read a histogram message; raises ValueError where it is none, or of a schema that carries none."""
    schema = payload[4:8].decode("ascii", "replace")
    if schema not in HISTOGRAM_DESERIALISERS:
        raise ValueError(f"schema {schema!r} is none of {', '.join(HISTOGRAM_DESERIALISERS)}")
    try:
        with _decoding:
            read = HISTOGRAM_DESERIALISERS[schema](payload)
        info = HistogramInfo.from_json(read.info)
        counts = np.asarray(read.data)
        if counts.shape != tuple(axis.edges.size - 1 for axis in read.axes):
            raise ValueError(f"the axes do not fit counts of shape {counts.shape}")
    except Exception as error:  # the stock decoders raise anything on bytes that are no message
        raise ValueError(f"not a histogram: {type(error).__name__}: {error}") from error
    return Histogram(topic, schema, read.source, read.timestamp_ns, info, read.axes, counts)


def heartbeat(payload: bytes) -> Heartbeat:
    """Read a heartbeat, JSON or x5f2; raises ValueError where it is none."""
    try:
        is_x5f2 = payload[4:8] == x5f2.SCHEMA.encode()
        return Heartbeat.from_json(x5f2.deserialise(payload).status_json if is_x5f2 else payload)
    except Exception as error:  # as above; JSON that is nested too deeply is no ValueError either
        raise ValueError(f"not a heartbeat: {type(error).__name__}: {error}") from error
