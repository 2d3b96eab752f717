"""config: replaces everything that runs, after all of it was checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from histsvc.clock import Deadline
from histsvc.commands.choice import everything
from histsvc.commands.context import Context
from histsvc.commands.ending import end_histograms
from histsvc.commands.prepare import GO_S, go, prepare
from histsvc.commands.steps import Steps, need
from histsvc.protocol.commands import Command
from histsvc.protocol.config import config_request


def config(context: Context, command: Command, deadline: Deadline) -> Steps[Mapping[str, Any]]:
    """Check, prepare in spare workers, end what runs, begin."""
    request = config_request(command.content)
    # What can be refused has to be settled while there is time to end what runs.
    need(deadline, context.ending_s)
    if not request.histograms:
        warnings = ["histograms: none given, everything stops", *request.warnings]
        warnings += yield from end_histograms(context, everything(context.supervisor), 0.0, deadline)
        return {"warnings": warnings}
    early = Deadline(context.clock, deadline.remaining_s() - context.ending_s)
    prepared = yield from prepare(request, context, context.supervisor.size, early, beside=False)
    # From here on there is no way back, and nothing left that could be refused.
    replaced = Deadline(context.clock, deadline.remaining_s() - GO_S)
    undelivered = yield from end_histograms(context, everything(context.supervisor), 0.0, replaced)
    begun = yield from go(prepared, context, deadline)
    return {"warnings": [*request.warnings, *prepared.warnings, *undelivered, *begun]}
