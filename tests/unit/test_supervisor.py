"""How many workers there are, and how the histograms of their jobs are numbered."""

from __future__ import annotations

import pytest
from unit.fake_worker import FakeWorker, Workers, begin, spec_of

from histsvc.jobs import supervisor as module
from histsvc.jobs.job import Job
from histsvc.jobs.worker_process import WorkerState

SPARE, COUNTING, LEAVING = WorkerState.SPARE, WorkerState.COUNTING, WorkerState.LEAVING


@pytest.fixture(autouse=True)
def _no_pipes(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing to wait for."""
    monkeypatch.setattr(module, "wait", lambda ends, timeout_s: [])


def end(workers: Workers, worker: FakeWorker) -> None:
    """All that a worker has was stopped."""
    (given,) = [each for each in workers.supervisor.counting() if each.pid == worker.pid]
    assert worker.spec is not None
    workers.supervisor.drop(worker.spec.job, [h.index for h in worker.spec.histograms])
    workers.supervisor.free(given, None)


def is_ready(workers: Workers) -> bool:
    return workers.supervisor.ready


def numbers(workers: Workers) -> list[tuple[int, str]]:
    return [(number, info.id) for number, info in workers.supervisor.numbered()]


def test_there_is_one_more_spare_than_a_config_needs() -> None:
    workers = Workers(3)
    workers.supervisor.tick(0)
    assert [worker.pid for worker in workers.forked] == [1, 2, 3, 4]
    for worker in workers.forked[:2]:
        worker.ready()
    assert not is_ready(workers)  # for a config that needs three
    workers.ready()
    assert is_ready(workers)
    workers.tick()
    assert workers.states() == [SPARE] * 4


def test_spares_are_made_up_for_when_a_job_has_begun_and_not_while_it_is_prepared() -> None:
    workers = Workers(2)
    workers.tick()
    reserved = workers.supervisor.reserve(2)
    assert reserved is not None
    workers.tick()
    assert len(workers.forked) == 3
    specs = (spec_of("a", 0), spec_of("a", 1))
    workers.supervisor.begin(Job("a", specs), reserved, specs)
    workers.tick()
    assert sorted(workers.states()) == [COUNTING] * 2 + [SPARE] * 3


def test_too_few_spares_are_none_at_all() -> None:
    workers = Workers(1)
    workers.tick()
    assert workers.supervisor.reserve(3) is None
    assert workers.states() == [SPARE, SPARE]


def test_surplus_spares_leave_and_are_no_loss() -> None:
    workers = Workers(1)
    workers.tick()
    (worker,) = begin(workers, spec_of("a", 0))
    workers.tick()
    end(workers, worker)
    reserved = workers.supervisor.reserve(1)
    workers.tick()
    assert LEAVING not in workers.states()
    assert reserved is not None
    reserved[0].state = SPARE
    workers.tick()
    assert LEAVING not in workers.states()
    workers.clock.advance(10)
    workers.tick()
    (leaving,) = [each for each in workers.forked if each.state is LEAVING]
    assert (leaving.told_to_leave, len(workers.forked)) == (True, 3)
    leaving.counters["messages"] = 7
    leaving.die()
    workers.tick()
    assert workers.states() == [SPARE, SPARE]
    assert (workers.supervisor.restarts, workers.supervisor.replacing) == (0, False)
    assert workers.supervisor.totals() == {"messages": 7}


def test_a_worker_that_has_just_ended_a_job_is_taken_last() -> None:
    """It still has to let go of what it has read."""
    workers = Workers(2)
    workers.tick()
    (worker,) = begin(workers, spec_of("a", 0))
    workers.tick()
    end(workers, worker)
    reserved = workers.supervisor.reserve(4)
    assert reserved is not None
    assert [each.pid for each in reserved] == [2, 3, 4, worker.pid]


def test_a_worker_keeps_counting_what_was_not_stopped() -> None:
    workers = Workers(1)
    workers.tick()
    (worker,) = begin(workers, spec_of("a", 0, 1, 2))
    workers.supervisor.drop("a", [1])
    workers.supervisor.free(workers.supervisor.counting("a")[0], [1])
    assert worker.spec is not None
    assert [h.index for h in worker.spec.histograms] == [0, 2]
    assert (worker.state, [info.id for info in workers.supervisor.infos()]) == (COUNTING, ["a0", "a2"])


def test_numbers_stay_when_others_end_and_begin() -> None:
    workers = Workers(2)
    workers.tick()
    (first,) = begin(workers, spec_of("a", 0, 1))
    workers.tick()
    begin(workers, spec_of("b", 0, 1, 2))
    workers.tick()
    assert numbers(workers) == [(0, "a0"), (1, "a1"), (2, "b0"), (3, "b1"), (4, "b2")]
    workers.supervisor.drop("b", [0, 2])
    end(workers, first)
    assert numbers(workers) == [(3, "b1")]
    begin(workers, spec_of("c", 0))
    assert numbers(workers) == [(3, "b1"), (5, "c0")]


def test_numbers_begin_anew_when_nothing_runs() -> None:
    workers = Workers(1)
    workers.tick()
    (worker,) = begin(workers, spec_of("a", 0, 1))
    end(workers, worker)
    begin(workers, spec_of("b", 0))
    assert numbers(workers) == [(0, "b0")]
