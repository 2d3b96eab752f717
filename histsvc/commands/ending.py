"""Ending jobs: the same for stop, for a config that replaces, and for the end of the service."""

from __future__ import annotations

from histsvc.clock import Deadline
from histsvc.commands.context import Context
from histsvc.commands.steps import Steps
from histsvc.jobs.worker_process import WorkerLostError
from histsvc.worker.link import Finish

# What is left for the answer to come back after the worker's own time is up.
_MARGIN_S = 0.3


def end_jobs(context: Context, drain_s: float, deadline: Deadline) -> Steps[list[str]]:
    """Finish everything that runs: count on for `drain_s`, publish FINISHED, and forget it.

    Returns one line for each histogram that has not reached its broker; never fails.
    """
    supervisor = context.supervisor
    workers = [worker for worker in supervisor.counting() if not worker.busy]
    # An orphan's stand-in that is still being prepared has nothing to deliver.
    for worker in supervisor.counting():
        if worker.busy:
            supervisor.discard(worker)
    timeout_s = max(deadline.remaining_s() - _MARGIN_S, 0.0)
    answers = [(worker, worker.request(Finish(drain_s, timeout_s))) for worker in workers]
    undelivered: list[str] = []
    for worker, answer in answers:
        while not answer.done() and not deadline.expired():
            yield
        if not answer.done():
            undelivered.append(f"worker process {worker.pid} did not answer in time")
            supervisor.discard(worker)
            continue
        try:
            undelivered += answer.result().undelivered
            supervisor.free([worker])
        except WorkerLostError as error:
            undelivered.append(str(error))
    for job in list(supervisor.jobs):
        supervisor.forget(job)
    return [f"not delivered: {line}" for line in undelivered]
