"""Real worker processes on the embedded broker, for the tests of this folder."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from histsvc.clock import SystemClock
from histsvc.jobs.nursery import Nursery
from histsvc.jobs.supervisor import Supervisor
from histsvc.model import HistogramSpec, Partition, Start, WorkerSpec
from histsvc.settings import WorkerSettings

TIMEOUT_S = 60.0


def supervisor(size: int) -> Supervisor:
    clock = SystemClock()
    return Supervisor(Nursery(WorkerSettings(log_level="WARNING"), clock), size, clock, 10.0)


def until(tick: Callable[[], Any], fact: Callable[[], Any]) -> Any:
    """Tick until something is true, and return it."""
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        found = fact()
        if found:
            return found
        assert time.monotonic() < deadline, "it did not happen in time"
        tick()


def ticking(watched: Supervisor, fact: Callable[[], Any]) -> Any:
    return until(lambda: watched.tick(0.01), fact)


def spec(bootstrap: str, job: str = "job", **changes: Any) -> WorkerSpec:
    """One hist1d of the topic `data`, from its beginning."""
    brokers = (bootstrap,)
    config = {
        "type": "hist1d",
        "id": "tof",
        "data_brokers": [bootstrap],
        "data_topics": ["data"],
        "topic": "out",
        "tof_range": [0, 1e8],
        "num_bins": 50,
        **changes,
    }
    histogram = HistogramSpec(0, config, ("ev42", "ev44"), "hs00", "hash")
    return WorkerSpec(job, (histogram,), (Start(Partition(brokers, "data", 0), 0),), None, None)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):  # the latter while it is read
        return False


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def pause() -> None:
    """Between two looks at a fact that nobody announces."""
    time.sleep(0.01)
