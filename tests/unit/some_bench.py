"""A worker of which some histograms end, on a bench."""

from __future__ import annotations

from collections.abc import Sequence

from fakes import histogram_spec
from unit.worker_bench import Worker

from histsvc.clock import Deadline
from histsvc.protocol.info import State
from histsvc.worker.pending import FinishPending

X, Y = {("x", 0): 0}, {("y", 0): 0}


def worker_of(
    *topics: Sequence[str], starts: dict[tuple[str, int], int], stop_ms: int | None = None
) -> Worker:
    """A worker with one hist1d for each list of topics."""
    specs = [histogram_spec("hist1d", i, data_topics=list(each), id=str(i)) for i, each in enumerate(topics)]
    return Worker(*specs, starts=starts, stop_ms=stop_ms)


def sums(worker: Worker) -> list[int]:
    return [info.sum for info in worker.infos()]


def states(worker: Worker) -> list[State]:
    return [info.state for info in worker.infos()]


def finish(worker: Worker, indices: Sequence[int], drain_s: float, timeout_s: float = 3.0) -> FinishPending:
    return FinishPending(worker.pipeline, indices, drain_s, Deadline(worker.clock, timeout_s))
