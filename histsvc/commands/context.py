"""What the commands work with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from histsvc.clock import Clock
from histsvc.jobs.supervisor import Supervisor
from histsvc.ports import Clusters
from histsvc.protocol.heartbeat import ServiceIdentity
from histsvc.settings import Limits


@dataclass(frozen=True)
class Context:
    """The service as commands see it; `own_topics` are those of the service itself, on `own_brokers`."""

    supervisor: Supervisor
    clusters: Clusters
    clock: Clock
    limits: Limits
    identity: Callable[[], ServiceIdentity]
    command_timeout_s: float
    own_brokers: tuple[str, ...]
    own_topics: tuple[str, ...] = field(default=())

    @property
    def ending_s(self) -> float:
        """What a command must have left to end jobs: enough for histograms to reach their brokers."""
        return min(1.0, self.command_timeout_s / 4)
