"""Ending jobs: the same for stop, for a config that replaces, and for the end of the service."""

from __future__ import annotations

from histsvc.clock import Deadline
from histsvc.commands.context import Context
from histsvc.commands.steps import Steps
from histsvc.errors import Code, CommandError, shown
from histsvc.jobs.worker_process import WorkerLostError, WorkerProcess
from histsvc.protocol.commands import Command
from histsvc.worker.link import Finish

# What is left for the answer to come back after the worker's own time is up.
MARGIN_S = 0.3


def refuse_ids(command: Command) -> None:
    """Acting on some histograms only is announced but not there: better nothing than everything."""
    ids = command.content.get("ids")
    if ids is not None:
        reason = "this version acts on all histograms or none; leave ids out"
        raise CommandError(Code.INVALID_ARGUMENT, f"ids: {shown(ids)} is not allowed: {reason}", "ids")


def at_hand(context: Context, deadline: Deadline) -> Steps[tuple[list[WorkerProcess], list[str]]]:
    """The workers that count and can be asked; one that owes an answer for too long is ended, and named."""
    patience = Deadline(context.clock, deadline.remaining_s() / 2)
    while any(worker.busy for worker in context.supervisor.counting()) and not patience.expired():
        yield
    workers, hanging = [], []
    for worker in context.supervisor.counting():
        if worker.busy:
            hanging.append(_hanging(worker))
            context.supervisor.discard(worker)
        else:
            workers.append(worker)
    return workers, hanging


def end_jobs(context: Context, drain_s: float, deadline: Deadline) -> Steps[list[str]]:
    """Finish everything that runs: count on for `drain_s`, publish FINISHED, and forget it.

    Returns one line for each histogram that has not reached its broker; never fails.
    """
    supervisor = context.supervisor
    for job in supervisor.jobs.values():
        job.closing = True  # a worker that dies from now on gets no stand-in
    workers, undelivered = yield from at_hand(context, deadline)
    timeout_s = max(deadline.remaining_s() - MARGIN_S, 0.0)
    answers = [(worker, worker.request(Finish(None, drain_s, timeout_s))) for worker in workers]
    for worker, answer in answers:
        while not answer.done() and not deadline.expired():
            yield
        if not answer.done():
            undelivered.append(_hanging(worker))
            supervisor.discard(worker)
            continue
        try:
            undelivered += answer.result().undelivered
            supervisor.free([worker])
        except WorkerLostError as error:
            undelivered.append(f"{error} ({_names(worker)})")
    for name in list(supervisor.jobs):
        supervisor.forget(name)
    return [f"not delivered: {line}" for line in undelivered]


def _hanging(worker: WorkerProcess) -> str:
    return f"worker process {worker.pid} did not answer in time ({_names(worker)})"


def _names(worker: WorkerProcess) -> str:
    histograms = worker.spec.histograms if worker.spec is not None else ()
    return ", ".join(str(h.config.get("id") or h.index) for h in histograms)
