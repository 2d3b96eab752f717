"""Puts the service together: each part gets what it works with, and nothing looks for it."""

from __future__ import annotations

from histsvc.clock import Clock, SystemClock
from histsvc.commands.remember import Memory
from histsvc.jobs.nursery import Nursery
from histsvc.jobs.spawn import Spawned
from histsvc.jobs.supervisor import Supervisor
from histsvc.kafka.cluster import KafkaClusters
from histsvc.kafka.producer import KafkaSender
from histsvc.kafka.reader import KafkaReader
from histsvc.metrics import Monitor
from histsvc.metrics.graphite import GraphiteMetrics
from histsvc.model import Partition
from histsvc.protocol.heartbeat import Heartbeat
from histsvc.service import Service
from histsvc.settings import ServiceSettings
from histsvc.sources.simulated_cluster import SimulatedClusters
from histsvc.wire import x5f2


def make_service(settings: ServiceSettings, spawned: Spawned | None) -> Service:
    """Put the service together; `spawned` is what its workers will be forks of, if it is there."""
    clock = SystemClock()
    security = settings.kafka.security
    clusters = KafkaClusters(security)
    clusters.of(settings.kafka.brokers)  # what is wrong with the security options is found out here
    commands = KafkaReader(security)
    commands.connect(settings.kafka.brokers)  # while the kernels are loaded
    supervisor = Supervisor(
        Nursery(settings.worker, clock, spawned), settings.workers, clock, settings.worker.timeout_ms / 1000
    )
    sender = KafkaSender(security, settings.worker.compression)
    memory: Memory | None = None
    if settings.state_topic is not None:
        place = Partition(settings.kafka.brokers, settings.state_topic, 0)
        around = KafkaReader(security), sender, clusters, clock
        memory = Memory(place, settings.service_id, supervisor, *around, resume=settings.resume)
    return Service(
        settings,
        supervisor,
        commands,
        sender,
        clusters,
        SimulatedClusters(clock) if settings.worker.simulation else clusters,
        clock,
        GraphiteMetrics(settings.graphite) if settings.graphite is not None else None,
        x5f2.heartbeat if settings.heartbeat_schema == x5f2.SCHEMA else Heartbeat.to_json,
        memory,
        _monitor(settings, clock),
    )


def _monitor(settings: ServiceSettings, clock: Clock) -> Monitor | None:
    if settings.metrics is None:
        return None
    from histsvc.metrics.web import Web  # loads a web server and a library: only where they are wanted

    return Web(*settings.metrics, clock)
