"""Short ways to make what clients receive."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
from fakes import BROKERS, NOW_MS, config_of

from histsvc.model import Snapshot
from histsvc.protocol.heartbeat import Heartbeat, ServiceIdentity
from histsvc.protocol.info import HistogramInfo, State
from histsvc.settings import KafkaSettings
from histsvc.wire import HISTOGRAM_SERIALISERS

KAFKA = KafkaSettings(BROKERS)
TIME_NS = NOW_MS * 1_000_000 + 123


def published(
    name: str,
    counts: int = 0,
    *,
    kind: str = "hist1d",
    schema: str = "hs00",
    integers: bool = False,
    state: State = State.COUNTING,
    **info: Any,
) -> bytes:
    """A histogram as a service publishes it: `counts` in its first bin, and one more in each that follows."""
    snapshot = _snapshot(kind)
    bins = snapshot.counts.data
    bins[...] = np.arange(counts, counts + bins.size).reshape(bins.shape)
    about = HistogramInfo(id=name, state=state, sum=counts, **info).to_json()
    return HISTOGRAM_SERIALISERS[schema](snapshot, "source", TIME_NS, about, integers=integers)


@cache
def _snapshot(kind: str) -> Snapshot:
    return config_of(kind, num_bins=[4, 3] if kind == "hist2d" else 10).accumulator().snapshot()


def told(name: str, topic: str = "histograms", *brokers: str, state: State = State.COUNTING) -> HistogramInfo:
    """What a heartbeat tells of a histogram; it is published on our own brokers if none are given."""
    return HistogramInfo(id=name, state=state, topic=topic, brokers=brokers or BROKERS)


def beat(*histograms: HistogramInfo, message: int = NOW_MS, pid: int = 1) -> Heartbeat:
    """A heartbeat of a service, which is told by its process id."""
    return Heartbeat(message, 1000, ServiceIdentity("histsvc", "", "", "", 5, "host", pid), histograms, ())


def reply(payload: bytes, **keys: Any) -> bytes:
    """The ACK to a command; `keys` may make something else of it."""
    return json.dumps({"msg_id": json.loads(payload).get("msg_id"), "response": "ACK", **keys}).encode()
