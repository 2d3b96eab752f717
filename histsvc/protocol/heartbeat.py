"""The heartbeat: that the service lives, and how it is (protocol.md, section 5)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter

from histsvc.protocol.info import HistogramInfo, State

PROTOCOL = "1.0"
_COUNTERS = ("messages", "events", "bytes", "other_schema", "published", "commands", "commands_failed")
_COUNTERS_BY_REASON = ("undecodable", "publish_failed", "send_failed", "state_failed", "graphite_failed")
_TOLD = {"id", "job", "index", "state", "sum", "rate", "lag", "data_age_ms", "error_message", "warning"}
_TOLD |= {"topic", "brokers"}


class ServiceState(StrEnum):
    """How the service is as a whole."""

    IDLE = "IDLE"
    RUNNING = "RUNNING"
    DEGRADED = "DEGRADED"


@dataclass(frozen=True)
class ServiceIdentity:
    """Who the service is and where it runs; `uptime_ms` since it was started."""

    name: str
    id: str
    version: str
    protocol: str
    uptime_ms: int
    host: str = ""
    pid: int = 0


@dataclass(frozen=True)
class WorkerLoad:
    """How a worker that counts has spent the last seconds: shares of their time, rates, and the lag now.

    It waits for data, reads, decodes, fills and publishes, which adds up to 1; of what it publishes a part is
    done beside the rest, so the sum may be more. `lag` is in messages.
    """

    wait: float
    read: float
    decode: float
    fill: float
    publish: float
    events_per_s: float
    bytes_per_s: float
    lag: int


@dataclass(frozen=True)
class WorkerStatus:
    """One worker process; `load` where it counts and has done so for some seconds."""

    pid: int
    state: str
    restarts: int
    load: WorkerLoad | None = None

    def told(self) -> dict[str, Any]:
        """As JSON has it."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Heartbeat:
    """One heartbeat; times in ms."""

    message: int
    message_interval: int
    identity: ServiceIdentity
    histograms: tuple[HistogramInfo, ...]
    workers: tuple[WorkerStatus, ...]
    degraded: bool = False
    counters: Mapping[str, int] = field(default_factory=dict)

    @property
    def state(self) -> ServiceState:
        """DEGRADED with a histogram in ERROR or as the service says; else RUNNING while any counts."""
        states = {info.state for info in self.histograms}
        if State.ERROR in states or self.degraded:
            return ServiceState.DEGRADED
        running = states & {State.INITIALISED, State.COUNTING}
        return ServiceState.RUNNING if running else ServiceState.IDLE

    def to_json(self) -> bytes:
        """The message as it goes out."""
        identity = asdict(self.identity)
        return json.dumps(
            {
                "message": self.message,
                "message_interval": self.message_interval,
                "service": identity.pop("name"),
                **identity,
                "state": self.state,
                "histograms": [_short(info) for info in self.histograms],
                "workers": [worker.told() for worker in self.workers],
                "counters": _nested(self.counters),
            }
        ).encode()

    @staticmethod
    def from_json(text: str | bytes) -> Heartbeat:
        """Read what `to_json` wrote, or an older service's; raises ValueError where it is no heartbeat."""
        read = json.loads(text)
        if not isinstance(read, dict) or not isinstance(read.get("counters", {}), dict):
            raise ValueError("a heartbeat is a JSON object, and so are its counters")
        return _HEARTBEAT.validate_python(
            {
                **read,
                "identity": {**_UNKNOWN, **read, "name": read.get("service", "")},
                "histograms": read.get("histograms", ()),
                "workers": read.get("workers", ()),
                "degraded": read.get("state") == ServiceState.DEGRADED,
                "counters": _flat(read.get("counters", {})),
            }
        )


_HEARTBEAT = TypeAdapter(Heartbeat)
# What older services do not tell.
_UNKNOWN = {"id": "", "version": "", "protocol": "", "uptime_ms": 0}


def _nested(counters: Mapping[str, int]) -> dict[str, Any]:
    """Counters by reason, named ``kind.reason``, as objects of their own; those always told are there."""
    nested: dict[str, Any] = dict.fromkeys(_COUNTERS, 0) | {kind: {} for kind in _COUNTERS_BY_REASON}
    for name, count in counters.items():
        kind, dot, reason = name.partition(".")
        if dot and kind in _COUNTERS_BY_REASON:
            nested[kind][reason] = count
        else:
            nested[name] = count
    return nested


def _flat(nested: Mapping[str, Any]) -> dict[str, Any]:
    """The reverse of `_nested`."""
    flat: dict[str, Any] = {}
    for name, value in nested.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{reason}": count for reason, count in value.items()}
        else:
            flat[name] = value
    return flat


def _short(info: HistogramInfo) -> dict[str, Any]:
    return info.model_dump(include=_TOLD, exclude_none=True, mode="json")
