"""One worker process of which some histograms end, and the others count on."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace

import pytest
from fakes import event_message
from process.workers import alive, spec, ticking

from histsvc.clock import Deadline, SystemClock
from histsvc.jobs.job import Job
from histsvc.jobs.supervisor import Supervisor
from histsvc.jobs.worker_process import WorkerProcess
from histsvc.kafka.embedded import EmbeddedBroker
from histsvc.kafka.producer import KafkaSender
from histsvc.model import WorkerSpec
from histsvc.ports import Outgoing
from histsvc.protocol.info import State
from histsvc.settings import Security
from histsvc.worker.link import Done, Finish, Go, Prepare, Request, Reset

MakeSupervisor = Callable[[int], Supervisor]


def three(bootstrap: str) -> WorkerSpec:
    """Three histograms of the same topic."""
    made = spec(bootstrap)
    (one,) = made.histograms
    return replace(
        made,
        histograms=tuple(replace(one, index=i, config={**one.config, "id": f"h{i}"}) for i in range(3)),
    )


def asked(watched: Supervisor, worker: WorkerProcess, request: Request) -> Done:
    answer = worker.request(request)
    ticking(watched, answer.done)
    return answer.result()


@pytest.fixture
def counting(make_supervisor: MakeSupervisor, broker: EmbeddedBroker) -> tuple[Supervisor, WorkerProcess]:
    watched = make_supervisor(1)
    worker: WorkerProcess = ticking(watched, lambda: watched.reserve(1))[0]
    wanted = three(broker.bootstrap)
    asked(watched, worker, Prepare(wanted))
    watched.begin(Job("job", [wanted]), [worker], [wanted])
    asked(watched, worker, Go())
    return watched, worker


def produce(broker: EmbeddedBroker, events: int) -> None:
    sender = KafkaSender(Security(), "none")
    payload = event_message("ev44", [5] * events, [1] * events)
    sent = sender.send(Outgoing((broker.bootstrap,), "data", b"", payload))
    deadline = Deadline(SystemClock(), 30)
    while not sent.done() and not deadline.expired():
        sender.serve(0.05)
    sent.result(0)


def sums(watched: Supervisor) -> dict[str, int]:
    return {info.id: info.sum for info in watched.infos()}


def states(watched: Supervisor) -> dict[str, State]:
    return {info.id: info.state for info in watched.infos()}


def finish(watched: Supervisor, worker: WorkerProcess, *indices: int) -> None:
    assert asked(watched, worker, Finish(indices, 1.0, 5.0)) == Done(())
    watched.free(worker, indices)
    watched.drop("job", indices)


def test_the_others_count_on_and_end_later(
    counting: tuple[Supervisor, WorkerProcess], broker: EmbeddedBroker
) -> None:
    watched, worker = counting
    begun = min(sums(watched).values())
    produce(broker, 3)
    ticking(watched, lambda: min(sums(watched).values()) >= begun + 3)
    before = sums(watched)["h1"]
    finish(watched, worker, 1)
    produce(broker, 4)
    ticking(watched, lambda: sums(watched) == {"h0": before + 4, "h2": before + 4})
    assert asked(watched, worker, Reset((2,), 5.0)) == Done(())
    assert sums(watched) == {"h0": before + 4, "h2": 0}
    finish(watched, worker, 0)
    produce(broker, 5)
    ticking(watched, lambda: sums(watched) == {"h2": 5})
    assert asked(watched, worker, Finish(None, 1.0, 5.0)) == Done(())


def test_sigterm_ends_also_those_that_a_stop_has_left(
    counting: tuple[Supervisor, WorkerProcess],
) -> None:
    watched, worker = counting
    finish(watched, worker, 1)
    os.kill(worker.pid, signal.SIGTERM)
    ticking(watched, lambda: not alive(worker.pid))
    ticking(watched, lambda: watched.restarts == 1)
    assert states(watched) == {"h0": State.FINISHED, "h2": State.FINISHED}


def test_when_it_dies_only_what_was_not_stopped_is_taken_up(
    counting: tuple[Supervisor, WorkerProcess], broker: EmbeddedBroker
) -> None:
    watched, worker = counting
    finish(watched, worker, 1)
    before = sums(watched)
    os.kill(worker.pid, signal.SIGKILL)
    ticking(watched, lambda: [info.epoch for info in watched.infos()] == [2, 2])
    produce(broker, 2)
    ticking(watched, lambda: sums(watched) == {name: count + 2 for name, count in before.items()})
    assert set(before) == {"h0", "h2"}
