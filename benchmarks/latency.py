"""Rows 8 and 9: how long a command takes until its ACK, and a pulse until it is received in a histogram."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import examples
import numpy as np
from confluent_kafka import Producer
from service_process import Histograms, Service

from benchmarks.bench import Bench
from benchmarks.data import PIXELS, SOURCE, TOF_NS
from benchmarks.finding import Finding
from benchmarks.pairs import Spread
from histsvc.client import Client, KafkaSettings, State
from histsvc.clock import SystemClock
from histsvc.model import Int64Array
from histsvc.sources.pace import Pace
from histsvc.wire import ev44

ONE, LOKI = "hist1d", "loki, 14 histograms"
BINS = 50
_COMMANDS, _QUICK_COMMANDS = 200, 30
_ACK_TARGETS_MS = {50: 100.0, 99: 500.0}
_PULSES_PER_S = 14
_PULSES_S, _QUICK_PULSES_S = 60, 6
_EVENTS = 1_000
_INTERVALS_MS = (500, 50)
# What a pulse may take beside the wait for the next publication.
_PULSE_MS = 150.0
# A reader holds what has come until its time is up, so this is added to what is measured, at most.
_POLL_S = 0.002
_TIMEOUT_S = 30.0
_BLOCK, _RESAMPLED = 10, 1_000


def findings(bench: Bench) -> Iterator[Finding]:
    """Measure the idle broker, then commands, then pulses."""
    times = _QUICK_COMMANDS if bench.quick else _COMMANDS
    yield from _acknowledged("idle broker, round trip", _round_trips_ms(bench, times), {})
    with bench.service() as service:
        service.client.send({"cmd": "ping"})  # its first command waits for connections
        for work, command in commands(service).items():
            send = partial(service.client.send, command)
            taken_ms = [_milliseconds(send) for _ in range(times)]
            yield from _acknowledged(f"config of {work}", taken_ms, _ACK_TARGETS_MS)
        pulses = _PULSES_PER_S * (_QUICK_PULSES_S if bench.quick else _PULSES_S)
        for interval_ms in _INTERVALS_MS:
            yield _received(service, interval_ms, pulses)


def commands(service: Service) -> dict[str, dict[str, Any]]:
    """Make topics without events, and commands that read them: one hist1d, and those of loki.json."""
    topic = f"one-{service.output}"
    service.broker.create_topic(topic)
    loki = examples.command("loki.json")
    used = {name for histogram in loki["histograms"] for name in histogram["data_topics"]}
    topics = {name: f"{name}-{service.output}" for name in used}
    for name in topics.values():
        service.broker.create_topic(name)
    outputs = {histogram["topic"]: service.output for histogram in loki["histograms"]}
    placed = examples.placed("loki.json", service.bootstrap, topics | outputs)
    del placed["msg_id"]  # each command gets one of its own
    return {ONE: {"cmd": "config", "histograms": [_spectrum(service, topic)]}, LOKI: placed}


def _spectrum(service: Service, topic: str, **keys: Any) -> dict[str, Any]:
    return service.histogram("hist1d", topic, id="spectrum", tof_range=[0, TOF_NS], num_bins=BINS, **keys)


def _milliseconds(work: Callable[[], object]) -> float:
    begun_s = time.perf_counter()
    work()
    return (time.perf_counter() - begun_s) * 1e3


def _round_trips_ms(bench: Bench, times: int) -> list[float]:
    """How long messages take to a topic and back: a client reads its own commands as their replies."""
    topic = "bench-round-trip"
    bench.broker.create_topic(topic)
    with Client(KafkaSettings((bench.broker.bootstrap,)), topic, topic) as client:
        send = partial(client.send, {"response": "ACK"})
        send()  # waits for connections
        return [_milliseconds(send) for _ in range(times)]


def _acknowledged(work: str, taken_ms: Sequence[float], targets: Mapping[int, float]) -> Iterator[Finding]:
    """Two findings of row 8; the first one has the samples."""
    for percent in _ACK_TARGETS_MS:
        value, target = _percentile(taken_ms, percent), targets.get(percent)
        samples = () if percent == 99 else tuple(taken_ms)
        yield Finding(8, work, f"p{percent}", value, "ms", target, at_most=True, samples=samples)


def _percentile(samples: Sequence[float], percent: int) -> Spread:
    """The percentile of all samples, as the median of a Spread, and between what it may be expected.

    Low and high are the quartiles of the percentiles of 1,000 resamplings (bootstrap). These are made of
    blocks of ten consecutive samples: neighbours resemble each other, and single ones would hide that. The
    first sample follows the last one, or those at both ends would be drawn less often.
    """
    each = np.array(samples)
    begins = np.random.default_rng(1).integers(0, each.size, (_RESAMPLED, -(-each.size // _BLOCK)))
    drawn = (begins[:, :, None] + np.arange(_BLOCK)) % each.size
    resampled = each[drawn].reshape(_RESAMPLED, -1)
    low, high = np.percentile(np.percentile(resampled, percent, axis=1), (25, 75))
    return Spread(float(np.percentile(each, percent)), float(low), float(high))


@dataclass(frozen=True)
class _Pulses:
    """Messages of one pulse each, and what numpy makes of all of them, int64 (BINS,)."""

    payloads: list[bytes]
    spectrum: Int64Array

    @staticmethod
    def of(number: int) -> _Pulses:
        """So many, of random events that all are in range."""
        draw = np.random.default_rng(1)
        tof_ns = draw.integers(0, TOF_NS, (number, _EVENTS))
        pixel_id = draw.integers(1, PIXELS, (number, _EVENTS))
        begin_ns, step_ns = time.time_ns(), 1_000_000_000 // _PULSES_PER_S
        payloads = [
            ev44.serialise(SOURCE, i, begin_ns + i * step_ns, tof, ids)
            for i, (tof, ids) in enumerate(zip(tof_ns, pixel_id, strict=True))
        ]
        return _Pulses(payloads, np.histogram(tof_ns, BINS, (0, TOF_NS))[0])

    def send(self, producer: Producer, topic: str, stopped: threading.Event) -> list[float]:
        """Send them on their schedule; returns when each was sent, by time.perf_counter()."""
        sent_s = []
        pace = Pace(SystemClock(), stopped.wait)
        due = pace.times_ns(range(len(self.payloads)), _PULSES_PER_S)
        for payload, _ in zip(self.payloads, due, strict=False):
            sent_s.append(time.perf_counter())
            producer.produce(topic, payload)
            producer.poll(0)
        assert producer.flush(_TIMEOUT_S) == 0
        return sent_s


def _received(service: Service, interval_ms: int, number: int) -> Finding:
    """Row 9 for one publish interval; raises AssertionError if the final counts are not those of numpy.

    Pulses begin as soon as the ACK is there, in a topic that is new to the service, and all of them are in
    the percentile.
    """
    topic = f"pulses-{interval_ms}-{service.output}"
    service.broker.create_topic(topic)
    pulses, stopped = _Pulses.of(number), threading.Event()
    producer = Producer({"bootstrap.servers": service.bootstrap, "linger.ms": 0})
    producer.produce(topic, b"")  # connects; lies before what the histogram reads
    assert producer.flush(_TIMEOUT_S) == 0
    with service.following() as published, ThreadPoolExecutor(1) as pool:
        service.config([_spectrum(service, topic, publish_interval_ms=interval_ms)])
        sending = pool.submit(pulses.send, producer, topic, stopped)
        try:
            timeout_s = number / _PULSES_PER_S + _TIMEOUT_S
            seen_s, messages = _until_all_seen(published, number, timeout_s)
        finally:
            stopped.set()
        taken_ms = (np.array(seen_s) - np.array(sending.result(_TIMEOUT_S))) * 1e3
        service.client.send({"cmd": "stop"})
        counts = published.finished("spectrum")["spectrum"].counts
        assert np.array_equal(counts, pulses.spectrum), f"wrong: {published.all[-1].info}"
    also = {"p50_ms": float(np.median(taken_ms)), "most_ms": float(taken_ms.max()), "messages": messages}
    work = f"a pulse at {_PULSES_PER_S} Hz, published every {interval_ms} ms"
    value, target = _percentile(taken_ms.tolist(), 99), interval_ms + _PULSE_MS
    return Finding(9, work, "p99", value, "ms", target, True, also, tuple(taken_ms.tolist()))


def _until_all_seen(published: Histograms, number: int, timeout_s: float) -> tuple[list[float], int]:
    """When each pulse was first seen in a histogram, by time.perf_counter(), and in how many messages."""
    seen_s: list[float] = []
    messages = 0
    deadline = time.monotonic() + timeout_s
    while len(seen_s) < number:
        received = published.poll(_POLL_S)
        now_s = time.perf_counter()
        for each in received:
            pulses, rest = divmod(each.info.sum, _EVENTS)
            assert rest == 0, f"a part of a pulse: {each.info}"
            messages += each.info.state is State.COUNTING
            seen_s += [now_s] * (pulses - len(seen_s))
        assert time.monotonic() < deadline, f"{len(seen_s)} of {number} pulses were seen in {timeout_s} s"
    return seen_s, messages
