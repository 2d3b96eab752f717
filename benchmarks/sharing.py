"""Row 5: what another histogram of the same stream costs, beside its fill kernel alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from service_process import Service

from benchmarks.bench import Bench
from benchmarks.data import Filled, Shape, fill, hist1d, remove
from benchmarks.finding import Finding
from benchmarks.pairs import Run, Spread, interleaved
from benchmarks.sides import Counted
from histsvc.histograms.registry import histogram_types
from histsvc.model import RawMessages
from histsvc.wire import EVENT_LAYOUTS
from histsvc.worker.read import Decoder

NUMBERS = (1, 2, 4, 8, 16)
_SHAPE = Shape("compact", 10_000)
_BINS = 50
_MEGABYTES, _QUICK_MEGABYTES = 1_200, 60
_KERNEL = "kernel"
_BATCH_MESSAGES = 50


def findings(bench: Bench) -> Iterator[Finding]:
    """Fit time = a + b x number; b is compared with the kernel in the same run."""
    megabytes = _QUICK_MEGABYTES if bench.quick else _MEGABYTES
    filled = fill(bench.broker, "bench-sharing", _SHAPE, _SHAPE.messages(megabytes * 1_000_000))
    with bench.service() as service:
        sides: dict[str, Callable[[], Run]] = {str(n): _side(service, filled, n) for n in NUMBERS}
        measured = interleaved({**sides, _KERNEL: _kernel(filled)}, bench.runs)
    remove(bench.broker, filled.topic)
    times = np.array([[run.seconds for run in measured.runs[str(n)]] for n in NUMBERS])
    slopes = np.polyfit(NUMBERS, times, 1)[0]
    kernel = np.array([run.seconds for run in measured.runs[_KERNEL]])
    also = {f"seconds_{n}": measured.seconds(str(n)).median for n in NUMBERS}
    also["kernel_ns_per_event"] = float(np.median(kernel)) / filled.events * 1e9
    ratio = Spread.of((slopes / kernel).tolist())
    yield Finding(5, "one more hist1d of a stream", "of its kernel", ratio, "", 1.3, at_most=True, also=also)


def _configs(filled: Filled, number: int) -> list[dict[str, Any]]:
    return [{**hist1d(filled, _BINS), "id": f"spectrum{i}"} for i in range(number)]


def _side(service: Service, filled: Filled, number: int) -> Counted:
    configs, wanted = _configs(filled, number), filled.spectrum(_BINS)
    return Counted(service, filled.window, configs, {config["id"]: wanted for config in configs})


def _kernel(filled: Filled) -> Callable[[], Run]:
    """The kernel with all messages, in batches like those of a worker; only filling is timed."""
    config = histogram_types()["hist1d"].model_validate(
        {**hist1d(filled, _BINS), "data_brokers": ["localhost:9092"], "topic": "none"}
    )
    decoder = Decoder(EVENT_LAYOUTS, [], {})

    def run() -> Run:
        seconds, accumulator = 0.0, config.accumulator()
        for first in range(0, filled.messages, _BATCH_MESSAGES):
            numbers = np.arange(first, min(first + _BATCH_MESSAGES, filled.messages))
            # New copies, as a reader brings them.
            copies = [bytes(bytearray(filled.payloads[n % len(filled.payloads)])) for n in numbers.tolist()]
            raw = RawMessages(np.zeros_like(numbers), numbers, numbers, copies)
            batch = decoder.events(raw)
            begun_s = time.perf_counter()
            accumulator.fill(np.arange(numbers.size), batch)
            seconds += time.perf_counter() - begun_s
        assert accumulator.sum == filled.events
        return Run(seconds, seconds)

    return run
