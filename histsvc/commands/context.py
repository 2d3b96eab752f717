"""What the commands work with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from histsvc.clock import Clock
from histsvc.commands.remember import Memory
from histsvc.jobs.supervisor import Supervisor
from histsvc.ports import Clusters
from histsvc.protocol.heartbeat import Heartbeat
from histsvc.settings import ServiceSettings


@dataclass(frozen=True)
class Context:
    """The service as commands see it.

    `data` answers about the topics that are read, `clusters` about all others: in simulation they differ.
    """

    supervisor: Supervisor
    clusters: Clusters
    data: Clusters
    clock: Clock
    settings: ServiceSettings
    heartbeat: Callable[[], Heartbeat]
    memory: Memory | None = None

    @property
    def own_topics(self) -> tuple[str, ...]:
        """The topics of the service itself."""
        settings = self.settings
        own = settings.config_topic, settings.response_topic, settings.heartbeat_topic, settings.state_topic
        return tuple(topic for topic in own if topic)

    @property
    def timeout_s(self) -> float:
        """What a command may take."""
        return self.settings.command_timeout_ms / 1000

    @property
    def ending_s(self) -> float:
        """What a command must have left to end jobs: enough for histograms to reach their brokers."""
        return min(1.0, self.timeout_s / 4)
