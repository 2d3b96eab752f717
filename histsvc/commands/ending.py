"""Ending histograms: the same for stop, for a config that replaces, and for the end of the service."""

from __future__ import annotations

from dataclasses import dataclass

from histsvc.clock import Deadline
from histsvc.commands.choice import Chosen
from histsvc.commands.context import Context
from histsvc.commands.steps import Steps
from histsvc.jobs.supervisor import Supervisor
from histsvc.jobs.worker_process import WorkerLostError, WorkerProcess
from histsvc.model import WorkerSpec
from histsvc.worker.link import Finish

# What is left for the answer to come back after the worker's own time is up.
MARGIN_S = 0.3


@dataclass(frozen=True)
class Share:
    """What one worker has of the histograms that a command is about; `indices` is None for all it has."""

    worker: WorkerProcess
    spec: WorkerSpec
    indices: tuple[int, ...] | None

    @property
    def names(self) -> str:
        """The histograms, for messages."""
        return self.spec.names(self.indices)

    def hanging(self) -> str:
        """Say that the worker does not answer."""
        return f"worker process {self.worker.pid} did not answer in time ({self.names})"


def shares_of(supervisor: Supervisor, chosen: Chosen) -> list[Share]:
    """Which of these histograms each worker has."""
    shares = []
    for worker in supervisor.counting():
        if worker.spec is None:
            continue
        own = [h.index for h in worker.spec.histograms]
        mine = tuple(index for index in own if index in chosen.get(worker.spec.job, ()))
        if mine:
            shares.append(Share(worker, worker.spec, None if len(mine) == len(own) else mine))
    return shares


def at_hand(
    context: Context, chosen: Chosen, deadline: Deadline
) -> Steps[tuple[list[Share], list[Share], list[str]]]:
    """The workers that can be asked, those that owe an answer for too long, and what no worker has.

    What a worker has left that died has another one soon.
    """
    supervisor = context.supervisor
    patience = Deadline(context.clock, deadline.remaining_s() / 2)
    while True:
        shares = shares_of(supervisor, chosen)
        orphans = [name for job, indices in chosen.items() for name in supervisor.orphans.of(job, indices)]
        if not (orphans or any(share.worker.busy for share in shares)) or patience.expired():
            break
        yield
    ready = [share for share in shares if not share.worker.busy]
    lost = [f"their worker died, and no other has taken them up yet ({names})" for names in orphans]
    return ready, [share for share in shares if share.worker.busy], lost


def end_histograms(context: Context, chosen: Chosen, drain_s: float, deadline: Deadline) -> Steps[list[str]]:
    """Finish these histograms: count on for `drain_s`, publish FINISHED, and forget them.

    Returns one line for each histogram that has not reached its broker; never fails.
    """
    supervisor = context.supervisor
    shares, hanging, undelivered = yield from at_hand(context, chosen, deadline)
    for job, indices in chosen.items():
        supervisor.jobs[job].close(indices)
    for share in hanging:
        undelivered.append(share.hanging())
        supervisor.discard(share.worker)
    timeout_s = max(deadline.remaining_s() - MARGIN_S, 0.0)
    answers = [share.worker.request(Finish(share.indices, drain_s, timeout_s)) for share in shares]
    for share, answer in zip(shares, answers, strict=True):
        while not answer.done() and not deadline.expired():
            yield
        if not answer.done():
            undelivered.append(share.hanging())
            supervisor.discard(share.worker)
            continue
        try:
            undelivered += answer.result().undelivered
            supervisor.free(share.worker, share.indices)
        except WorkerLostError as error:
            undelivered.append(f"{error} ({share.names})")
    for job, indices in chosen.items():
        supervisor.drop(job, indices)
    return [f"not delivered: {line}" for line in undelivered]
