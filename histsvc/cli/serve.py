"""histsvc serve: the service."""

from __future__ import annotations

import faulthandler
import logging
import signal
import sys
import threading

from histsvc.cli.options import service_parser
from histsvc.clock import SystemClock
from histsvc.jobs.nursery import Nursery
from histsvc.jobs.supervisor import Supervisor
from histsvc.kafka.cluster import KafkaClusters
from histsvc.kafka.producer import KafkaSender
from histsvc.kafka.reader import KafkaReader
from histsvc.metrics.graphite import GraphiteMetrics
from histsvc.protocol.heartbeat import Heartbeat
from histsvc.service import Service
from histsvc.settings import ServiceSettings, service_settings
from histsvc.sources.simulated_cluster import SimulatedClusters
from histsvc.wire import x5f2


def main(arguments: list[str]) -> int:
    """Run the service until SIGTERM or SIGINT; returns the exit code."""
    settings = service_settings(service_parser("histsvc serve").parse_args(arguments))
    logging.basicConfig(
        level=settings.worker.log_level,
        format="%(asctime)s %(levelname)s %(message)s",
        stream=sys.stderr,
    )
    faulthandler.enable()
    stopped = threading.Event()
    # A handler that only sets a flag cannot block on a lock that the main thread holds.
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    signal.signal(signal.SIGINT, lambda *_: stopped.set())
    if make_service(settings).run(stopped.is_set):
        return 0
    print("histsvc serve: not everything was published; the log says what", file=sys.stderr)
    return 1


def make_service(settings: ServiceSettings) -> Service:
    """Put the service together."""
    clock = SystemClock()
    security = settings.kafka.security
    clusters = KafkaClusters(security)
    clusters.of(settings.kafka.brokers)  # what is wrong with the security options is found out here
    supervisor = Supervisor(Nursery(settings.worker, clock), settings.workers, clock)
    return Service(
        settings,
        supervisor,
        KafkaReader(security),
        KafkaSender(security, settings.worker.compression),
        clusters,
        SimulatedClusters(clock) if settings.worker.simulation else clusters,
        clock,
        GraphiteMetrics(settings.graphite) if settings.graphite is not None else None,
        x5f2.heartbeat if settings.heartbeat_schema == x5f2.SCHEMA else Heartbeat.to_json,
    )
