"""The process that workers are forks of: when it ends or hangs, and what forks may not inherit."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import FakeClock
from process.workers import TIMEOUT_S, alive, pause, ticking, until

from histsvc.clock import Deadline
from histsvc.jobs.nursery import Nursery
from histsvc.jobs.spawn import spawn
from histsvc.jobs.supervisor import Supervisor
from histsvc.jobs.worker_process import WorkerState
from histsvc.settings import WorkerSettings
from histsvc.worker.link import Tell
from histsvc.worker.nursery import Loaded

MakeSupervisor = Callable[[int], Supervisor]


def warm(watched: Supervisor) -> bool:
    """Whether all workers are spare."""
    states = {status.state for status in watched.statuses()}
    return states == {WorkerState.SPARE}


def test_what_dies_while_it_loads_is_started_again(
    make_supervisor: MakeSupervisor, caplog: pytest.LogCaptureFixture
) -> None:
    watched = make_supervisor(1)
    watched.tick(0)
    first = watched.nursery.pid
    os.kill(first, signal.SIGKILL)
    ticking(watched, lambda: watched.restarts == 2)
    assert watched.replacing
    assert watched.statuses() == ()
    ticking(watched, lambda: warm(watched))
    assert watched.nursery.pid not in (0, first)
    assert f"the process that workers are forks of, {first}, was ended by signal 9" in caplog.messages
    assert caplog.messages.count("worker process 0 was not started (it was STARTING)") == 2


def test_workers_live_on_without_it(make_supervisor: MakeSupervisor) -> None:
    watched = make_supervisor(1)
    worker = ticking(watched, lambda: watched.reserve(1))[0]
    ticking(watched, lambda: all(status.pid for status in watched.statuses()))
    first = watched.nursery.pid
    os.kill(first, signal.SIGKILL)
    ticking(watched, lambda: watched.nursery.pid == 0)
    answer = worker.request(Tell())
    ticking(watched, answer.done)
    answer.result()
    # Its death is noticed, too, though nobody tells how it died.
    os.kill(worker.pid, signal.SIGKILL)
    ticking(watched, lambda: watched.restarts == 1)
    assert str(worker.ending) == f"worker process {worker.pid} closed its pipe"
    ticking(watched, lambda: len(watched.statuses()) == 2 and warm(watched))
    assert watched.nursery.pid not in (0, first)


def test_it_hangs_and_is_made_anew() -> None:
    clock = FakeClock()
    nursery = Nursery(WorkerSettings(), clock)
    worker = nursery.fork(1)
    first = nursery.pid
    os.kill(first, signal.SIGSTOP)
    clock.advance(119)
    nursery.receive()
    assert alive(first)
    clock.advance(2)
    nursery.receive()
    assert not alive(first)
    assert worker.gone
    assert str(worker.lost()) == "worker process 0 was not started"
    assert nursery.pid == 0
    second = nursery.fork(2)
    assert nursery.pid not in (0, first)
    nursery.stop(Deadline(clock, 1))
    second.lost()


def test_forks_have_nothing_of_one_another(make_supervisor: MakeSupervisor) -> None:
    """Who had the pipe of another would keep it open when that one dies."""
    watched = make_supervisor(3)
    ticking(watched, lambda: len(watched.statuses()) == 4 and warm(watched))
    sockets = [_sockets(status.pid) for status in watched.statuses()]
    parents = _sockets(os.getpid())
    for own in sockets:
        assert not own & parents
        assert not any(own & other for other in sockets if other is not own)


def _sockets(pid: int) -> set[str]:
    """The sockets that are open in a process, by their inodes."""
    found = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.add(str(entry.readlink()))
        except FileNotFoundError:  # it has just been closed
            continue
    return {name for name in found if name.startswith("socket:")}


def threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def test_it_has_one_thread_when_it_forks_for_the_first_time() -> None:
    spawned = spawn(WorkerSettings())
    try:
        assert spawned.pipe.poll(TIMEOUT_S)
        assert isinstance(spawned.pipe.recv(), Loaded)
        assert threads(spawned.process.pid or 0) == 1
    finally:
        spawned.end(5.0)


def test_it_has_one_thread_and_waits_for_its_children(make_supervisor: MakeSupervisor) -> None:
    watched = make_supervisor(1)
    ticking(watched, lambda: warm(watched))
    pid = watched.nursery.pid
    assert threads(pid) == 1
    victim = watched.statuses()[0].pid
    os.kill(victim, signal.SIGKILL)
    until(pause, lambda: not Path(f"/proc/{victim}").exists())
    assert not Path(f"/proc/{victim}").exists()  # not even as a zombie


def test_signals_to_the_group_are_for_the_parent_to_decide_about(make_supervisor: MakeSupervisor) -> None:
    watched = make_supervisor(1)
    watched.tick(0)
    pid = watched.nursery.pid
    for number in (signal.SIGTERM, signal.SIGINT):
        os.kill(pid, number)
    ticking(watched, lambda: warm(watched))
    assert watched.nursery.pid == pid
    for number in (signal.SIGTERM, signal.SIGINT):
        os.kill(pid, number)
    worker = ticking(watched, lambda: watched.reserve(1))[0]
    os.kill(worker.pid, signal.SIGKILL)
    ticking(watched, lambda: watched.restarts == 1)
    ticking(watched, lambda: len(watched.statuses()) == 2 and warm(watched))
    assert watched.nursery.pid == pid
