"""stop, reset_counts and status of some histograms or all, among workers that answer late, badly or never."""

from __future__ import annotations

from typing import Any

import pytest
from unit.running import Running, two_jobs

from histsvc.commands.ending import end_histograms, shares_of
from histsvc.commands.reset_counts import reset_counts
from histsvc.commands.status import status
from histsvc.commands.steps import Steps
from histsvc.commands.stop import stop
from histsvc.errors import Code, CommandError
from histsvc.jobs import supervisor as module
from histsvc.jobs.worker_process import WorkerState
from histsvc.protocol.commands import Command
from histsvc.protocol.info import HistogramInfo, State
from histsvc.worker.link import Finish, Reset, TakeOver, Tell


@pytest.fixture(autouse=True)
def _no_pipes(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing to wait for."""
    monkeypatch.setattr(module, "wait", lambda ends, timeout_s: [])


def test_some_end_and_their_worker_counts_on() -> None:
    running = two_jobs()
    steps = end_histograms(running.context, {"A": frozenset({0})}, 1.0, running.deadline())
    next(steps)
    first, second, third = running.counting
    assert first.requests == [Finish((0,), 1.0, 3.7)]
    assert second.requests == third.requests == []
    first.done()
    assert running.run(steps) == []
    assert (running.left, first.state) == (["b", "c", "b", ""], WorkerState.COUNTING)
    assert [share.indices for share in shares_of(running.supervisor, {"A": frozenset({2})})] == [None]


def stopped(running: Running, *ids: str) -> Steps[Any]:
    command = Command("stop", 1, "", {"cmd": "stop", "ids": list(ids)} if ids else {"cmd": "stop"})
    return stop(running.context, command, running.deadline())


def test_stop_of_all_asks_every_worker_at_once_and_makes_them_spare() -> None:
    running = two_jobs()
    workers = running.counting
    steps = stopped(running)
    next(steps)
    assert [worker.requests for worker in workers] == [[Finish(None, 1.0, 3.7)]] * 3
    for worker in workers:
        worker.done()
    assert running.run(steps) == {}
    assert (running.left, running.counting) == ([], [])


def taken_up(running: Running) -> list[str]:
    """The ids that workers have been told to take up."""
    requests = [request for worker in running.counting for request in worker.requests]
    return [h.config["id"] for r in requests if isinstance(r, TakeOver) for h in r.spec.histograms]


def test_what_was_not_delivered_is_said_and_has_ended_all_the_same() -> None:
    running = two_jobs()
    steps = stopped(running, "b")
    next(steps)
    _, second, third = running.counting
    second.done("b to out: no answer")
    third.die()
    with pytest.raises(CommandError) as caught:
        running.run(steps)
    assert caught.value.code is Code.UNAVAILABLE
    assert caught.value.message == (
        f"not delivered: b to out: no answer; not delivered: worker process {third.pid} died (b)"
    )
    assert running.left == ["a", "c", ""]
    assert taken_up(running) == [""]


def test_a_worker_that_does_not_answer_is_ended_in_time_and_named() -> None:
    running = two_jobs()
    begun = running.clock.monotonic_s()
    steps = stopped(running, "a")
    next(steps)
    hanging = running.counting[0]
    with pytest.raises(CommandError, match=f"worker process {hanging.pid} did not answer in time \\(a\\)"):
        running.run(steps, passing_s=0.1)
    assert running.clock.monotonic_s() - begun == pytest.approx(4.0, abs=0.2)
    running.supervisor.tick(0)
    assert taken_up(running) == ["c"]


def test_one_that_owes_an_answer_from_before_is_waited_for_half_of_the_time() -> None:
    running = two_jobs()
    owing = running.counting[0]
    owing.request(Tell())
    steps = stopped(running, "a")
    next(steps)
    running.clock.advance(1.9)
    next(steps)
    owing.done()
    next(steps)
    assert [type(request) for request in owing.requests] == [Tell, Finish]


def test_a_reset_asks_for_the_chosen_only_and_names_what_was_not_delivered() -> None:
    running = two_jobs()
    command = Command("reset_counts", 1, "", {"ids": ["c", "b"]})
    steps = reset_counts(running.context, command, running.deadline())
    next(steps)
    assert [worker.requests for worker in running.counting] == [
        [Reset((2,), 3.7)],
        [Reset(None, 3.7)],
        [Reset((0,), 3.7)],
    ]
    for worker in running.counting:
        worker.done(*(["b to out: no"] if worker is running.counting[1] else []))
    with pytest.raises(CommandError, match=r"^not delivered: b to out: no$"):
        running.run(steps)
    assert len(running.left) == 5


@pytest.mark.parametrize("handler", [stop, reset_counts])
def test_no_ids_at_all_are_a_warning(handler: Any) -> None:
    running = two_jobs()
    result = running.run(handler(running.context, Command("x", 1, "", {"ids": []}), running.deadline()))
    assert "ids" in result["warnings"][0]
    assert [worker.requests for worker in running.counting] == [[], [], []]


@pytest.mark.parametrize("handler", [stop, reset_counts])
def test_nothing_that_runs_is_no_error(handler: Any) -> None:
    running = Running()
    assert running.run(handler(running.context, Command("x", 1, "", {}), running.deadline())) == {}


def asked_for(running: Running, *ids: str) -> Steps[Any]:
    return status(
        running.context, Command("status", 1, "", {"ids": list(ids)} if ids else {}), running.deadline()
    )


def test_status_asks_the_workers_and_tells_what_they_say() -> None:
    running = two_jobs()
    steps = asked_for(running, "c", "b")
    next(steps)
    for worker in running.counting:
        assert worker.requests == [Tell()]
        assert worker.spec is not None
        index = worker.spec.histograms[-1].index
        worker.tell([HistogramInfo(job=worker.spec.job, index=index, id="", state=State.COUNTING, sum=9)])
        worker.done()
    running.supervisor.tick(0)
    result = running.run(steps)
    told = [(each["job"], each["index"], each["state"], each["sum"]) for each in result["histograms"]]
    assert told == [("A", 1, "COUNTING", 9), ("A", 2, "COUNTING", 9), ("B", 0, "INITIALISED", 0)]
    assert result["service"] == {
        "name": "histsvc",
        "id": "me",
        "version": "0",
        "protocol": "1.0",
        "uptime_ms": 5,
        "host": "",
        "pid": 0,
        "state": "RUNNING",
    }


def test_status_does_not_wait_for_a_worker_that_is_busy_or_slow() -> None:
    running = two_jobs()
    running.counting[0].request(Finish((0,), 1.0, 3.7))
    begun = running.clock.monotonic_s()
    result = running.run(asked_for(running), passing_s=0.1)
    assert len(result["histograms"]) == 5
    assert running.clock.monotonic_s() - begun == pytest.approx(0.5, abs=0.2)
    assert [type(request) for request in running.counting[0].requests] == [Finish]


def test_what_a_worker_has_left_that_dies_is_stopped_once_another_has_it() -> None:
    running = two_jobs()
    owing = running.counting[0]
    owing.request(Tell())
    steps = stopped(running, "a")
    next(steps)
    owing.die()
    running.supervisor.tick(0)
    next(steps)
    (heir,) = [worker for worker in running.counting if worker.requests]
    assert taken_up(running) == ["a", "c"]
    heir.done()
    next(steps)
    assert heir.requests[1:] == [Finish((0,), 1.0, 3.7)]
    heir.done()
    assert running.run(steps) == {}
    assert running.left == ["b", "c", "b", ""]


def test_what_no_worker_has_in_time_is_said_and_stopped_all_the_same() -> None:
    running = two_jobs()
    running.supervisor.reserve(4)
    running.counting[0].die()
    running.supervisor.tick(0)
    with pytest.raises(CommandError, match=r"^not delivered: their worker died, and no other .* yet \(a\)$"):
        running.run(stopped(running, "a"), passing_s=0.1)
    assert running.left == ["b", "c", "b", ""]
    assert running.supervisor.orphans.of("A", [0, 2]) == ["c"]


def test_a_reset_ends_no_worker_however_late_its_answer_is() -> None:
    running = two_jobs()
    owing = running.counting[0]
    owing.request(Tell())
    steps = reset_counts(running.context, Command("reset_counts", 1, "", {"ids": ["a"]}), running.deadline())
    with pytest.raises(CommandError, match="did not answer in time") as caught:
        running.run(steps, passing_s=0.1)
    assert caught.value.code is Code.UNAVAILABLE
    running.supervisor.tick(0)
    assert (owing.state, owing.ending) == (WorkerState.COUNTING, None)
