"""What Prometheus is told of a heartbeat: all of it, by names that stay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from histsvc.metrics.exposition import families
from histsvc.model import Fault
from histsvc.protocol.heartbeat import Heartbeat, ServiceIdentity, WorkerLoad, WorkerStatus
from histsvc.protocol.info import HistogramInfo, State

LOAD = WorkerLoad(0.5, 0.1, 0.1, 0.2, 0.1, 1e6, 1e7, 5)
WORKERS = (WorkerStatus(11, "COUNTING", 3, LOAD), WorkerStatus(12, "SPARE", 3))
INFOS = (
    HistogramInfo(id='a"\n', job="j", index=0, state=State.COUNTING, sum=7, underflow=2, lag=4, epoch=2),
    HistogramInfo(job="j", index=1, state=State.ERROR, undecodable=1, lost=9, data_age_ms=1500),
)
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(beat: Heartbeat) -> Samples:
    """Everything, as Prometheus reads it."""

    class Told(Collector):
        def collect(self) -> Iterator[Metric]:
            return families(beat)

    registry = CollectorRegistry()
    registry.register(Told())
    text = generate_latest(registry).decode()
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation
        for sample in family.samples:
            key = sample.name, frozenset(sample.labels.items())
            assert key not in found
            found[key] = sample.value
    return found


def beat(counters: Mapping[str, int] | None = None) -> Heartbeat:
    who = ServiceIdentity("histsvc", "me", "0.1", "1.0", 2500)
    return Heartbeat(5, 1000, who, INFOS, WORKERS, counters=counters or {})


def value(found: Samples, name: str, **labels: str) -> float:
    return found[f"histsvc_{name}", frozenset(labels.items())]


def test_every_counter_is_there_from_the_beginning() -> None:
    found = samples(Heartbeat(5, 1000, ServiceIdentity("histsvc", "", "0", "1.0", 0), (), ()))
    for name in ("messages", "events", "bytes", "other_schema", "published", "commands", "commands_failed"):
        assert value(found, f"{name}_total") == 0
    reasons = {dict(labels)["reason"] for name, labels in found if name == "histsvc_undecodable_total"}
    assert reasons == {fault.name.lower() for fault in Fault} - {"none", "other_schema"}
    for kind in ("publish_failed", "send_failed", "state_failed", "graphite_failed"):
        assert value(found, f"{kind}_total", reason="") == 0


def test_what_was_counted_is_told_by_its_reason() -> None:
    found = samples(beat({"messages": 5, "undecodable.no_schema": 2, "publish_failed.too large: 1": 3}))
    assert value(found, "messages_total") == 5
    assert value(found, "undecodable_total", reason="no_schema") == 2
    assert value(found, "undecodable_total", reason="out_of_bounds") == 0
    assert value(found, "publish_failed_total", reason="too large: 1") == 3


def test_the_service_and_its_workers() -> None:
    found = samples(beat())
    assert value(found, "info", version="0.1", service_id="me", protocol="1.0") == 1
    assert value(found, "state", state="DEGRADED") == 1
    assert value(found, "state", state="RUNNING") == 0
    assert value(found, "uptime_seconds") == 2.5
    assert value(found, "workers", state="COUNTING") == value(found, "workers", state="SPARE") == 1
    assert value(found, "worker_restarts_total") == 3
    assert value(found, "worker_time_ratio", pid="11", phase="fill") == 0.2


def test_histograms_by_who_they_are_whatever_they_are_called() -> None:
    found = samples(beat())
    first, second = {"id": 'a"\n', "job": "j", "index": "0"}, {"id": "", "job": "j", "index": "1"}
    assert value(found, "histogram_counts", **first) == 7
    assert value(found, "histogram_lag_messages", **first) == 4
    assert value(found, "histogram_epoch", **first) == 2
    assert value(found, "histogram_dropped_events", **first, reason="underflow") == 2
    assert value(found, "histogram_dropped_messages", **second, reason="undecodable") == 1
    assert value(found, "histogram_dropped_messages", **second, reason="lost") == 9
    assert value(found, "histogram_data_age_seconds", **second) == 1.5
    assert value(found, "histogram_state", **second, state="ERROR") == 1
    assert ("histsvc_histogram_data_age_seconds", frozenset(first.items())) not in found
