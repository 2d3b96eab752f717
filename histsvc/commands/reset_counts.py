"""reset_counts: counts to zero, all else stays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from histsvc.clock import Deadline
from histsvc.commands.context import Context
from histsvc.commands.ending import MARGIN_S, at_hand, refuse_ids
from histsvc.commands.steps import Steps, need, wait_for
from histsvc.errors import Code, CommandError
from histsvc.jobs.worker_process import WorkerLostError
from histsvc.protocol.commands import Command
from histsvc.worker.link import Reset


def reset_counts(context: Context, command: Command, deadline: Deadline) -> Steps[Mapping[str, Any]]:
    """Answered when a zeroed histogram of each is delivered; what is FINISHED is left alone."""
    refuse_ids(command)
    need(deadline, context.ending_s)
    workers, undelivered = yield from at_hand(context, deadline)
    request = Reset(None, max(deadline.remaining_s() - MARGIN_S, 0.0))
    for worker, answer in [(worker, worker.request(request)) for worker in workers]:
        try:
            done = yield from wait_for(answer, deadline, f"worker process {worker.pid}")
        except WorkerLostError as error:
            undelivered.append(str(error))
        else:
            undelivered += [f"not delivered: {line}" for line in done.undelivered]
    if undelivered:
        raise CommandError(Code.UNAVAILABLE, "; ".join(undelivered))
    return {}
