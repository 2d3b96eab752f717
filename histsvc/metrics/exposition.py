"""What Prometheus is told: one heartbeat as metric families (docs/operations.md has them all). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric

from histsvc.model import Fault
from histsvc.protocol.heartbeat import Heartbeat, ServiceState
from histsvc.protocol.info import HistogramInfo, State

_COUNTERS = {
    "messages": "Messages read, each once however many histograms want it.",
    "events": "Events in them.",
    "bytes": "Bytes of them.",
    "other_schema": "Messages of schemas that carry no events that are counted here.",
    "published": "Histogram messages that a broker has.",
    "commands": "Messages of the command topic.",
    "commands_failed": "Of these, those that were refused or could not be done.",
    "command_read_failed": "How often the place in the command topic was lost.",
    "end_queries_failed": "Questions for offsets that brokers did not answer.",
}
_UNDECODABLE = [f.name.lower() for f in Fault if f not in (Fault.NONE, Fault.OTHER_SCHEMA)]
_REASONS: dict[str, tuple[str, list[str]]] = {
    "undecodable": ("Messages that are not counted, by what is wrong with them.", _UNDECODABLE),
    "publish_failed": ("Histogram messages that a broker does not have.", []),
    "send_failed": ("Replies and heartbeats that a broker does not have.", []),
    "state_failed": ("Records of what runs that a broker does not have.", []),
    "graphite_failed": ("Reports that Graphite does not have.", []),
}
_LABELS = ("id", "job", "index")
# Name, what it is, and where it comes from; sums go back with a reset, so they are gauges.
_GAUGES = (
    ("counts", "Counts in the histogram.", "sum"),
    ("rate_per_second", "Counts per second of pulse time.", "rate"),
    ("lag_messages", "Messages that are still to be read.", "lag"),
    ("messages", "Messages in its range.", "messages"),
    ("epoch", "1, and one more whenever another worker has taken it up.", "epoch"),
)
_DROPS = ("underflow", "overflow", "filtered", "out_of_window")
_LOST = ("undecodable", "other_schema", "lost")


def families(beat: Heartbeat) -> Iterator[Metric]:
    """All families; every counter is there from the beginning, reasons that are known with 0."""
    yield InfoMetricFamily(
        "histsvc",
        "Which service this is.",
        {
            "version": beat.identity.version,
            "service_id": beat.identity.id,
            "protocol": beat.identity.protocol,
        },
    )
    state = GaugeMetricFamily("histsvc_state", "1 for the state that the service is in.", labels=["state"])
    for each in ServiceState:
        state.add_metric([str(each)], float(each is beat.state))
    yield state
    yield GaugeMetricFamily(
        "histsvc_uptime_seconds", "Since the service was started.", beat.identity.uptime_ms / 1000
    )
    yield from _counters(beat.counters)
    yield from _workers(beat)
    yield from _histograms(beat.histograms)


def _counters(counted: Mapping[str, int]) -> Iterator[Metric]:
    for name, about in _COUNTERS.items():
        yield CounterMetricFamily(f"histsvc_{name}", about, counted.get(name, 0))
    for kind, (about, known) in _REASONS.items():
        family = CounterMetricFamily(f"histsvc_{kind}", about, labels=["reason"])
        found = dict.fromkeys(known, 0) | {
            name.partition(".")[2]: count for name, count in counted.items() if name.startswith(f"{kind}.")
        }
        for reason, count in found.items():
            family.add_metric([reason], count)
        if not found:
            family.add_metric([""], 0)
        yield family


def _workers(beat: Heartbeat) -> Iterator[Metric]:
    states = ("STARTING", "SPARE", "RESERVED", "COUNTING", "LEAVING")
    workers = GaugeMetricFamily("histsvc_workers", "Worker processes, by what they do.", labels=["state"])
    for state in states:
        workers.add_metric([state], sum(worker.state == state for worker in beat.workers))
    yield workers
    restarts = max((worker.restarts for worker in beat.workers), default=0)
    yield CounterMetricFamily("histsvc_worker_restarts", "Workers that have died.", restarts)
    shares = GaugeMetricFamily(
        "histsvc_worker_time_ratio", "What workers that count spend their time on.", labels=["pid", "phase"]
    )
    for worker in beat.workers:
        if worker.load is not None:
            for phase in ("wait", "read", "decode", "fill", "publish"):
                shares.add_metric([str(worker.pid), phase], getattr(worker.load, phase))
    yield shares


def _histograms(infos: tuple[HistogramInfo, ...]) -> Iterator[Metric]:
    for name, about, key in _GAUGES:
        family = GaugeMetricFamily(f"histsvc_histogram_{name}", about, labels=_LABELS)
        for info in infos:
            family.add_metric(_who(info), getattr(info, key))
        yield family
    yield _by_reason(infos, "histsvc_histogram_dropped_events", "Events that are in no bin, by why.", _DROPS)
    about = "Messages that are not counted, by why."
    yield _by_reason(infos, "histsvc_histogram_dropped_messages", about, _LOST)
    age = GaugeMetricFamily(
        "histsvc_histogram_data_age_seconds", "How old the newest data are that were read.", labels=_LABELS
    )
    state = GaugeMetricFamily(
        "histsvc_histogram_state", "1 for the state that it is in.", labels=(*_LABELS, "state")
    )
    for info in infos:
        if info.data_age_ms is not None:
            age.add_metric(_who(info), info.data_age_ms / 1000)
        for each in State:
            state.add_metric([*_who(info), str(each)], float(each is info.state))
    yield age
    yield state


def _by_reason(
    infos: tuple[HistogramInfo, ...], name: str, about: str, reasons: tuple[str, ...]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, about, labels=(*_LABELS, "reason"))
    for info in infos:
        for reason in reasons:
            family.add_metric([*_who(info), reason], getattr(info, reason))
    return family


def _who(info: HistogramInfo) -> list[str]:
    return [info.id, info.job, str(info.index)]
