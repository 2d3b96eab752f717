"""stop: count what is in Kafka at this moment, publish FINISHED, and stop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from histsvc.clock import Deadline
from histsvc.commands.context import Context
from histsvc.commands.ending import end_jobs, refuse_ids
from histsvc.commands.steps import Steps, need
from histsvc.errors import Code, CommandError
from histsvc.protocol.commands import Command

# How long a reader may take to reach the end of this moment.
_DRAIN_S = 1.0


def stop(context: Context, command: Command, deadline: Deadline) -> Steps[Mapping[str, Any]]:
    """Answered when the final histograms are delivered; counting has stopped all the same."""
    refuse_ids(command)
    need(deadline, context.ending_s)
    undelivered = yield from end_jobs(context, _DRAIN_S, deadline)
    if undelivered:
        raise CommandError(Code.UNAVAILABLE, "; ".join(undelivered))
    return {}
