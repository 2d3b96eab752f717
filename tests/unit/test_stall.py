"""A reader that brings nothing though there is something to read ends its worker; no other does."""

from __future__ import annotations

import pytest
from unit.worker_bench import Worker, event

from histsvc.ports import OffsetAt
from histsvc.worker.stall import StalledError


def reading(partitions: int = 1) -> Worker:
    worker = Worker(starts={("events", number): 0 for number in range(partitions)})
    worker.cluster.topics["events"] = partitions
    return worker


def wait(worker: Worker, seconds: float) -> None:
    for _ in range(round(seconds / 0.5)):
        worker.clock.advance(0.5)
        worker.step()


def questions(worker: Worker) -> int:
    return sum(at == OffsetAt.COMMITTED for _, at in worker.cluster.asked)


def test_who_reads_nothing_though_there_is_something_ends() -> None:
    worker = reading()
    worker.read(event(0, 0))
    worker.cluster.end_offsets["events", 0] = 5
    wait(worker, 9)
    with pytest.raises(StalledError, match="10 s though there are 4 messages of partition 0 of"):
        wait(worker, 4)


def test_one_partition_that_brings_nothing_is_enough() -> None:
    worker = reading(2)
    worker.cluster.end_offsets["events", 1] = 1
    for offset in range(18):
        worker.clock.advance(0.5)
        worker.read(event(0, offset))
    worker.clock.advance(4)
    with pytest.raises(StalledError, match="1 messages of partition 1"):
        worker.read(event(0, 18))


def test_who_has_nothing_to_read_waits_for_ever_and_asks_seldom() -> None:
    worker = reading()
    worker.read(event(0, 0))
    worker.cluster.end_offsets["events", 0] = 1
    wait(worker, 100)
    assert 5 <= questions(worker) <= 20


def test_brokers_that_do_not_answer_prove_nothing() -> None:
    worker = reading()
    worker.cluster.end_offsets["events", 0] = 5
    worker.cluster.slow = True
    wait(worker, 100)
    assert questions(worker) == 1
    # What was asked long ago is answered when they are back, and then it is read.
    worker.cluster.answer()
    wait(worker, 4)  # what is asked first is answered first
    worker.read(*(event(0, offset) for offset in range(5)))
    worker.cluster.slow = False
    wait(worker, 100)
    assert worker.info.sum == 5


def test_what_is_read_no_more_is_not_missed() -> None:
    worker = reading()
    worker.pipeline.drain(0)
    worker.cluster.end_offsets["events", 0] = 5
    wait(worker, 100)
    assert questions(worker) == 0
