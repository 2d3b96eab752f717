"""status: how the service, its workers and its histograms are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from histsvc.clock import Deadline
from histsvc.commands.choice import chosen
from histsvc.commands.context import Context
from histsvc.commands.ending import shares_of
from histsvc.commands.steps import Steps
from histsvc.protocol.commands import Command, wanted_ids
from histsvc.worker.link import Tell

# A worker answers in some ms, but for one that is making a large histogram.
_TELL_S = 0.5


def status(context: Context, command: Command, deadline: Deadline) -> Steps[Mapping[str, Any]]:
    """Answered with the info of every histogram, or of those in `ids`, as it is now.

    What a worker that is busy has told last has to do.
    """
    wanted = chosen(context.supervisor, wanted_ids(command))
    patience = Deadline(context.clock, min(_TELL_S, deadline.remaining_s() / 2))
    idle = [each.worker for each in shares_of(context.supervisor, wanted) if not each.worker.busy]
    answers = [worker.request(Tell()) for worker in idle]
    while not all(answer.done() for answer in answers) and not patience.expired():
        yield
    heartbeat = context.heartbeat()
    return {
        "histograms": [
            info.model_dump(mode="json", exclude_none=True)
            for info in heartbeat.histograms
            if info.index in wanted.get(info.job, ())
        ],
        "service": {**asdict(heartbeat.identity), "state": heartbeat.state},
        "workers": [worker.told() for worker in heartbeat.workers],
    }
