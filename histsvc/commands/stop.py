"""stop: count what is in Kafka at this moment, publish FINISHED, and stop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from histsvc.clock import Deadline
from histsvc.commands.choice import chosen
from histsvc.commands.context import Context
from histsvc.commands.ending import end_histograms
from histsvc.commands.steps import Steps, need
from histsvc.errors import Code, CommandError
from histsvc.protocol.commands import Command, wanted_ids

# How long a reader may take to reach the end of this moment.
_DRAIN_S = 1.0


def stop(context: Context, command: Command, deadline: Deadline) -> Steps[Mapping[str, Any]]:
    """Answered when the final histograms are delivered; counting has stopped all the same."""
    ids = wanted_ids(command)
    if ids == []:
        return {"warnings": ["ids: none given, nothing is stopped"]}
    histograms = chosen(context.supervisor, ids)
    need(deadline, context.ending_s)
    undelivered = yield from end_histograms(context, histograms, _DRAIN_S, deadline)
    if undelivered:
        raise CommandError(Code.UNAVAILABLE, "; ".join(undelivered))
    return {}
