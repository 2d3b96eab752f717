"""Partitions that may not be read for now: told as an ERROR as long as it is so, and nothing ends."""

from __future__ import annotations

import pytest
from fakes import histogram_spec
from unit.worker_bench import COUNTING, ERROR, FINISHED, STOP, Worker, event

MESSAGE = "slot 0 may not be read; trying again"


@pytest.fixture
def worker() -> Worker:
    made = Worker(
        histogram_spec("hist1d", 0, data_topics=["x", "y"]),
        histogram_spec("hist1d", 1, data_topics=["y"]),
        starts={("x", 0): 0, ("y", 0): 0},
        stop_ms=STOP,
    )
    made.read(event(0, 0), event(1, 0))
    made.hinder(0)
    return made


def test_it_is_told_and_the_rest_goes_on(worker: Worker) -> None:
    worker.read(event(1, 1))
    assert [info.state for info in worker.infos()] == [ERROR, COUNTING]
    assert [info.error_message for info in worker.infos()] == [MESSAGE, None]
    assert [info.warning for info in worker.infos()] == [MESSAGE, None]
    assert [info.sum for info in worker.infos()] == [3, 2]
    assert worker.reader.dropped == []


def test_it_is_over_with_the_next_message(worker: Worker) -> None:
    worker.read(event(0, 1))
    assert [(info.state, info.error_message, info.warning) for info in worker.infos()] == [
        (COUNTING, None, None)
    ] * 2
    assert [info.sum for info in worker.infos()] == [3, 1]


def test_it_is_over_with_the_end_of_the_partition(worker: Worker) -> None:
    worker.read(ends={0: 1})
    assert worker.info.state is COUNTING


def test_what_is_published_meanwhile_can_be_taken_up(worker: Worker) -> None:
    """A state of ERROR would be final for who takes it up."""
    worker.clock.advance(60)
    worker.step()
    assert ERROR not in worker.outbox.states()


def test_who_ends_meanwhile_has_ended(worker: Worker) -> None:
    worker.pipeline.drain(0.0, None)
    worker.hinder(0)
    assert [info.state for info in worker.infos()] == [FINISHED, FINISHED]
