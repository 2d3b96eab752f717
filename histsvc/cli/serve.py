"""histsvc serve: the service."""

from __future__ import annotations

import logging
import signal
import sys
import threading

import configargparse

from histsvc.clock import SystemClock
from histsvc.jobs.supervisor import Supervisor
from histsvc.jobs.worker_process import WorkerProcess
from histsvc.kafka.cluster import KafkaClusters
from histsvc.kafka.producer import KafkaSender
from histsvc.kafka.reader import KafkaReader
from histsvc.service import Service
from histsvc.settings import Limits, ServiceSettings, WorkerSettings, at_least, parser, service_settings


def add_options(made: configargparse.ArgumentParser) -> None:
    """Add the options that only the service has."""
    topics = made.add_argument_group("topics")
    topics.add_argument("-t", "--config-topic", required=True, help="where commands come from")
    topics.add_argument("-hb", "--hb-topic", help="where the heartbeat goes")
    topics.add_argument("-rt", "--response-topic", help="where replies to commands go")
    timing = made.add_argument_group("timing, in ms")
    timing.add_argument("--heartbeat-interval", type=at_least(1), default=1000)
    timing.add_argument("--publish-interval", type=at_least(1), default=WorkerSettings.publish_interval_ms)
    timing.add_argument("--command-timeout", type=at_least(1), default=4000, help="for each command's reply")
    timing.add_argument(
        "--stop-leeway",
        type=at_least(0),
        default=WorkerSettings.stop_leeway_ms,
        help="how far sources on one partition may be out of step at stop",
    )
    more = made.add_argument_group("more")
    more.add_argument("--service-id", default="", help="commands with another `target` are ignored")
    more.add_argument("--source-name", default="histsvc", help="`source` of the published histograms")
    more.add_argument("--compression", default="lz4", choices=["none", "gzip", "snappy", "lz4", "zstd"])
    more.add_argument("--workers", type=at_least(0), default=0, help="that read; 0: as many as cores")
    more.add_argument(
        "--max-bins", type=at_least(1), default=Limits.max_bins, help="of all histograms of one config"
    )
    more.add_argument(
        "--max-histograms", type=at_least(1), default=Limits.max_histograms, help="of one config"
    )


def main(arguments: list[str]) -> int:
    """Run the service until SIGTERM or SIGINT; returns the exit code."""
    made = parser("histsvc serve", "Read commands and events from Kafka, publish histograms.")
    add_options(made)
    settings = service_settings(made.parse_args(arguments))
    logging.basicConfig(
        level=settings.worker.log_level,
        format="%(asctime)s %(levelname)s %(message)s",
        stream=sys.stderr,
    )
    stopped = threading.Event()
    # A handler that only sets a flag cannot block on a lock that the main thread holds.
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    signal.signal(signal.SIGINT, lambda *_: stopped.set())
    delivered = make_service(settings).run(stopped.is_set)
    return 0 if delivered else 1


def make_service(settings: ServiceSettings) -> Service:
    """Put the service together."""
    clock = SystemClock()
    security = settings.kafka.security
    clusters = KafkaClusters(security)
    clusters.of(settings.kafka.brokers)  # what is wrong with the security options is found out here
    supervisor = Supervisor(lambda number: WorkerProcess(settings.worker, number), settings.workers, clock)
    return Service(
        settings,
        supervisor,
        KafkaReader(security),
        KafkaSender(security, settings.worker.compression),
        clusters,
        clock,
    )
