"""What becomes of workers that die or hang, and of the histograms that they had."""

from __future__ import annotations

import pytest
from unit.fake_worker import FakeWorker, Workers, begin, spec_of

from histsvc.jobs import supervisor as module
from histsvc.jobs.job import Job
from histsvc.jobs.worker_process import WorkerState
from histsvc.model import Mark, Place, WorkerSpec
from histsvc.protocol.info import HistogramInfo, State
from histsvc.worker.link import TakeOver

SPARE, COUNTING = WorkerState.SPARE, WorkerState.COUNTING


@pytest.fixture(autouse=True)
def _no_pipes(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing to wait for."""
    monkeypatch.setattr(module, "wait", lambda ends, timeout_s: [])


def states(workers: Workers) -> list[tuple[str, State]]:
    return [(info.id, info.state) for info in workers.supervisor.infos()]


def taken_over(workers: Workers) -> tuple[FakeWorker, WorkerSpec]:
    """The one worker that counts, and what it has been told to take up."""
    (worker,) = workers.supervisor.counting("a")
    (request,) = workers.fake(worker).requests
    assert isinstance(request, TakeOver)
    return workers.fake(worker), request.spec


def test_another_worker_takes_up_what_a_dead_one_had() -> None:
    workers = Workers(1)
    workers.tick()
    (worker,) = begin(workers, spec_of("a", 0, 1))
    mark = Mark(2, None, Place(0, 9))
    worker.tell([HistogramInfo(job="a", index=1, id="a1", state=State.COUNTING, sum=5)], mark=mark)
    worker.die()
    workers.supervisor.tick(0)
    heir, spec = taken_over(workers)
    assert [(h.epoch, h.mark, h.error) for h in spec.histograms] == [(2, Mark(), None), (2, mark, None)]
    assert spec.starts == spec_of("a", 0, 1).starts
    assert states(workers) == [("a0", State.INITIALISED), ("a1", State.COUNTING)]
    workers.tick()
    # All workers are there again, but what the dead one did is not done yet.
    assert (workers.supervisor.restarts, workers.supervisor.replacing) == (1, True)
    heir.done()
    assert (sorted(workers.states()), workers.supervisor.replacing) == ([COUNTING, SPARE, SPARE], False)


def orphaned(workers: Workers) -> FakeWorker:
    """A worker has died, and no spare one is there that could take over."""
    (worker,) = begin(workers, spec_of("a", 0, 1))
    workers.supervisor.reserve(1)
    worker.die()
    workers.supervisor.tick(0)
    assert workers.supervisor.counting() == []
    return next(each for each in workers.forked if each.state is WorkerState.RESERVED)


def test_what_was_stopped_meanwhile_is_not_taken_up() -> None:
    workers = Workers(1)
    workers.tick()
    reserved = orphaned(workers)
    workers.supervisor.drop("a", [0])
    assert states(workers) == [("a1", State.INITIALISED)]
    reserved.state = SPARE
    workers.supervisor.tick(0)
    _, spec = taken_over(workers)
    assert [h.index for h in spec.histograms] == [1]


def test_where_all_was_stopped_meanwhile_nobody_takes_over() -> None:
    workers = Workers(1)
    workers.tick()
    reserved = orphaned(workers)
    workers.supervisor.drop("a", [0, 1])
    reserved.state = SPARE
    workers.tick()
    assert (states(workers), workers.supervisor.counting()) == ([], [])
    assert [each.requests for each in workers.forked] == [[], [], []]


def test_what_ends_when_its_worker_dies_is_taken_over_by_nobody() -> None:
    workers = Workers(1)
    workers.tick()
    (worker,) = begin(workers, spec_of("a", 0, 1))
    workers.supervisor.jobs["a"].close([0])
    worker.die()
    workers.supervisor.tick(0)
    _, spec = taken_over(workers)
    assert [h.index for h in spec.histograms] == [1]


def test_an_end_that_was_told_in_the_last_moment_is_not_lost() -> None:
    workers = Workers(1)
    workers.tick()
    (worker,) = begin(workers, spec_of("a", 0))
    worker.tell([HistogramInfo(job="a", id="a0", state=State.FINISHED)], [0], {"events": 5})
    worker.die()
    workers.supervisor.tick(0)
    assert (states(workers), workers.supervisor.counting()) == ([("a0", State.FINISHED)], [])
    assert workers.supervisor.totals() == {"events": 5}


def test_a_worker_that_is_silent_for_10_s_is_ended() -> None:
    workers = Workers(1)
    workers.tick()
    (worker,) = begin(workers, spec_of("a", 0))
    workers.clock.advance(9.9)
    worker.tell([])
    workers.supervisor.tick(0)
    workers.clock.advance(9.9)
    workers.tick(2)
    assert states(workers) == [("a0", State.INITIALISED)]
    assert workers.supervisor.restarts == 0
    workers.clock.advance(0.2)
    workers.tick(2)
    heir, _ = taken_over(workers)
    assert (heir is not worker, workers.supervisor.restarts) == (True, 1)


def test_what_cannot_be_started_is_tried_again_more_and_more_slowly() -> None:
    workers = Workers(1)
    pauses = []
    for _ in range(9):
        begun = workers.clock.monotonic_s()
        known = len(workers.forked)
        while len(workers.forked) == known:
            workers.clock.advance(0.25)
            workers.supervisor.tick(0)
        pauses.append(workers.clock.monotonic_s() - begun)
        for worker in workers.forked[known:]:
            worker.die()
        workers.supervisor.tick(0)
    assert pauses[1:] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert workers.supervisor.replacing


def test_a_machine_that_starts_no_process_is_asked_again_later() -> None:
    workers = Workers(1)
    workers.nursery.refusal = OSError("no memory")
    workers.supervisor.tick(0)
    workers.nursery.refusal = None
    workers.supervisor.tick(0)
    assert workers.forked == []
    workers.clock.advance(0.5)
    workers.supervisor.tick(0)
    assert len(workers.forked) == 2


def test_what_a_worker_had_that_died_before_its_job_began_is_taken_up() -> None:
    workers = Workers(1)
    workers.tick()
    reserved = workers.supervisor.reserve(1)
    assert reserved is not None
    workers.fake(reserved[0]).die()
    workers.supervisor.tick(0)
    workers.supervisor.begin(Job("a", [spec_of("a", 0)]), reserved, [spec_of("a", 0)])
    workers.supervisor.tick(0)
    _, spec = taken_over(workers)
    assert [h.epoch for h in spec.histograms] == [2]
