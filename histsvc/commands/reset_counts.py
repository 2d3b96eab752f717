"""reset_counts: counts to zero, all else stays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from histsvc.clock import Deadline
from histsvc.commands.choice import chosen
from histsvc.commands.context import Context
from histsvc.commands.ending import MARGIN_S, at_hand
from histsvc.commands.steps import Steps, need, wait_for
from histsvc.errors import Code, CommandError
from histsvc.jobs.worker_process import WorkerLostError
from histsvc.protocol.commands import Command, wanted_ids
from histsvc.worker.link import Reset


def reset_counts(context: Context, command: Command, deadline: Deadline) -> Steps[Mapping[str, Any]]:
    """Answered when a zeroed histogram of each is delivered; what is FINISHED is left alone."""
    ids = wanted_ids(command)
    if ids == []:
        return {"warnings": ["ids: none given, nothing is reset"]}
    histograms = chosen(context.supervisor, ids)
    need(deadline, context.ending_s)
    shares, hanging, undelivered = yield from at_hand(context, histograms, deadline)
    undelivered += [share.hanging() for share in hanging]
    timeout_s = max(deadline.remaining_s() - MARGIN_S, 0.0)
    answers = [share.worker.request(Reset(share.indices, timeout_s)) for share in shares]
    for share, answer in zip(shares, answers, strict=True):
        try:
            done = yield from wait_for(answer, deadline, f"worker process {share.worker.pid}")
        except WorkerLostError as error:
            undelivered.append(str(error))
        else:
            undelivered += [f"not delivered: {line}" for line in done.undelivered]
    if undelivered:
        raise CommandError(Code.UNAVAILABLE, "; ".join(undelivered))
    return {}
