"""The end: nothing is left behind, whoever ends first."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from process.workers import alive, open_files, pause, supervisor, ticking, until

from histsvc.jobs.supervisor import Supervisor

_PARENT = """
import sys
from process.workers import supervisor, ticking
watched = supervisor(2)
ticking(watched, lambda: watched.reserve(2))
print(watched.nursery.pid, *[status.pid for status in watched.statuses()], flush=True)
sys.stdin.read()
"""

_FORGETFUL = """
from process.workers import supervisor
watched = supervisor(1)
watched.tick(0)
print(watched.nursery.pid, flush=True)
raise RuntimeError("forgets to stop")
"""


def pids(watched: Supervisor) -> list[int]:
    return [status.pid for status in watched.statuses()]


def test_stop_ends_all_also_those_that_hang(make_supervisor: Callable[[int], Supervisor]) -> None:
    watched = make_supervisor(2)
    ticking(watched, lambda: watched.reserve(2))
    started = pids(watched)
    os.kill(started[0], signal.SIGSTOP)
    watched.stop(1.0)
    assert not [pid for pid in started if alive(pid)]


def test_stop_does_not_wait_for_what_is_still_being_loaded() -> None:
    watched = supervisor(2)
    watched.tick(0)
    nursery = watched.nursery.pid
    assert alive(nursery)
    os.kill(nursery, signal.SIGSTOP)  # it would be loaded too soon
    begun_s = time.monotonic()
    watched.stop(60.0)
    assert time.monotonic() - begun_s < 30  # generous: it would wait for 60
    assert not alive(nursery)


def test_nothing_is_left_open() -> None:
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)]
    _once()  # what is made once and kept, such as multiprocessing's resource tracker
    files, threads = open_files(), threading.active_count()
    for _ in range(2):
        _once()
    assert open_files() == files
    until(pause, lambda: threading.active_count() <= threads)
    assert handlers == [
        signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)
    ]


def _once() -> None:
    watched = supervisor(1)
    ticking(watched, lambda: watched.reserve(1))
    watched.stop(10.0)


def test_all_leave_when_their_parent_is_killed() -> None:
    with running(_PARENT) as parent:
        assert parent.stdout is not None
        started = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(started) >= 3
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        until(pause, lambda: not [pid for pid in started if alive(pid)])


def test_who_ends_without_stopping_ends_all_the_same() -> None:
    with running(_FORGETFUL) as parent:
        assert parent.stdout is not None
        nursery = int(parent.stdout.readline())
        assert parent.wait(30) == 1
        until(pause, lambda: not alive(nursery))


def running(script: str) -> subprocess.Popen[bytes]:
    """A process of its own with the modules of the tests."""
    paths = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": paths},
    )
