"""One worker process: what it answers, and what the parent learns when it ends, however it ends."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace

import pytest
from process.workers import alive, spec, ticking

from histsvc.jobs.job import Job
from histsvc.jobs.supervisor import Supervisor
from histsvc.jobs.worker_process import WorkerLostError, WorkerProcess
from histsvc.kafka.embedded import EmbeddedBroker
from histsvc.protocol.info import State
from histsvc.worker.link import Done, Finish, Go, Prepare, Request

MakeSupervisor = Callable[[int], Supervisor]


def asked(watched: Supervisor, worker: WorkerProcess, request: Request) -> Future[Done]:
    answer = worker.request(request)
    ticking(watched, answer.done)
    return answer


def counting(watched: Supervisor, bootstrap: str) -> WorkerProcess:
    """A worker that counts a job of one histogram."""
    worker: WorkerProcess = ticking(watched, lambda: watched.reserve(1))[0]
    wanted = spec(bootstrap)
    asked(watched, worker, Prepare(wanted)).result()
    watched.begin(Job("job", [wanted]), [worker], [wanted])
    asked(watched, worker, Go()).result()
    return worker


def state(watched: Supervisor) -> State | None:
    infos = watched.infos()
    return infos[0].state if infos else None


def test_worker_does_job_after_job(make_supervisor: MakeSupervisor, broker: EmbeddedBroker) -> None:
    watched = make_supervisor(1)
    pids = set()
    for _ in range(6):
        worker = counting(watched, broker.bootstrap)
        assert asked(watched, worker, Finish(None, 0.0, 5.0)).result() == Done(())
        watched.drop("job", [0])
        watched.free(worker, None)
        pids.add(worker.pid)
    assert len(pids) <= 3  # the one that counted and two spare ones in turn: none was made anew


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_what_a_worker_has_left_that_dies_is_taken_up_by_another(
    make_supervisor: MakeSupervisor,
    broker: EmbeddedBroker,
    number: signal.Signals,
    caplog: pytest.LogCaptureFixture,
) -> None:
    watched = make_supervisor(1)
    worker = counting(watched, broker.bootstrap)
    os.kill(worker.pid, number)
    ticking(watched, lambda: watched.infos()[0].epoch == 2)
    assert f"worker process {worker.pid} was ended by signal {int(number)} (it was COUNTING)" in caplog.text
    assert (state(watched), watched.restarts) == (State.INITIALISED, 1)
    (heir,) = watched.counting("job")
    assert heir is not worker
    ticking(watched, lambda: not watched.replacing)
    assert not alive(worker.pid)


def test_death_with_a_request_under_way_ends_the_request(
    make_supervisor: MakeSupervisor, broker: EmbeddedBroker
) -> None:
    watched = make_supervisor(1)
    worker = counting(watched, broker.bootstrap)
    os.kill(worker.pid, signal.SIGSTOP)
    answer = worker.request(Finish(None, 0.0, 60.0))
    os.kill(worker.pid, signal.SIGKILL)
    ticking(watched, answer.done)
    with pytest.raises(WorkerLostError, match="signal 9"):
        answer.result()


def test_error_while_preparing_tells_its_reason(
    make_supervisor: MakeSupervisor, broker: EmbeddedBroker
) -> None:
    watched = make_supervisor(1)
    worker = ticking(watched, lambda: watched.reserve(1))[0]
    answer = asked(watched, worker, Prepare(spec(broker.bootstrap, num_bins="many")))
    with pytest.raises(WorkerLostError, match="failed: ValidationError"):
        answer.result()


def test_error_while_counting_tells_its_reason(
    make_supervisor: MakeSupervisor, broker: EmbeddedBroker
) -> None:
    """A topic that is not there any more, found out by the reader, is no death but an ERROR."""
    watched = make_supervisor(1)
    worker = ticking(watched, lambda: watched.reserve(1))[0]
    wanted = spec(broker.bootstrap)
    beyond = replace(wanted, starts=(replace(wanted.starts[0], offset=1_000_000),))
    asked(watched, worker, Prepare(beyond)).result()
    watched.begin(Job("job", [beyond]), [worker], [beyond])
    asked(watched, worker, Go()).result()
    ticking(watched, lambda: state(watched) is State.ERROR)
    (info,) = watched.infos()
    assert info.error_message is not None
    assert "ends before offset 1000000" in info.error_message
    assert watched.restarts == 0


def test_sigint_is_left_to_the_parent(make_supervisor: MakeSupervisor, broker: EmbeddedBroker) -> None:
    watched = make_supervisor(1)
    worker = counting(watched, broker.bootstrap)
    os.kill(worker.pid, signal.SIGINT)
    assert asked(watched, worker, Finish(None, 0.0, 5.0)).result() == Done(())


def test_sigterm_finishes_the_job_and_ends_the_process(
    make_supervisor: MakeSupervisor, broker: EmbeddedBroker
) -> None:
    watched = make_supervisor(1)
    worker = counting(watched, broker.bootstrap)
    os.kill(worker.pid, signal.SIGTERM)
    ticking(watched, lambda: not alive(worker.pid))
    ticking(watched, lambda: watched.restarts == 1)
    assert state(watched) is State.FINISHED


def test_large_request_to_a_hanging_worker_does_not_block(
    make_supervisor: MakeSupervisor, broker: EmbeddedBroker
) -> None:
    watched = make_supervisor(1)
    worker = ticking(watched, lambda: watched.reserve(1))[0]
    os.kill(worker.pid, signal.SIGSTOP)
    wanted = spec(broker.bootstrap)
    many = replace(wanted, histograms=tuple(replace(wanted.histograms[0], index=i) for i in range(20_000)))
    begun = time.monotonic()
    answer = worker.request(Prepare(many))
    # Generous: a pipe that is written here would wait until the worker goes on, which is for ever.
    assert time.monotonic() - begun < 10
    assert not answer.done()
    watched.discard(worker)
    ticking(watched, answer.done)


def test_what_a_worker_has_left_that_dies_between_prepare_and_go_is_taken_up(
    make_supervisor: MakeSupervisor, broker: EmbeddedBroker
) -> None:
    watched = make_supervisor(1)
    worker = ticking(watched, lambda: watched.reserve(1))[0]
    wanted = spec(broker.bootstrap)
    asked(watched, worker, Prepare(wanted)).result()
    os.kill(worker.pid, signal.SIGKILL)
    ticking(watched, lambda: watched.restarts == 1)
    watched.begin(Job("job", [wanted]), [worker], [wanted])
    with pytest.raises(WorkerLostError, match="signal 9"):
        worker.request(Go()).result(0)
    ticking(watched, lambda: watched.infos()[0].epoch == 2)
    assert state(watched) is State.INITIALISED
