"""add: more histograms, beside what runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from histsvc.clock import Deadline
from histsvc.commands.context import Context
from histsvc.commands.prepare import GO_S, go, prepare
from histsvc.commands.steps import Steps, need
from histsvc.errors import Code, CommandError, shown
from histsvc.protocol.commands import Command
from histsvc.protocol.config import ConfigRequest, config_request


def add(context: Context, command: Command, deadline: Deadline) -> Steps[Mapping[str, Any]]:
    """Check, prepare in spare workers, begin; what runs goes on in workers of its own, undisturbed."""
    request = config_request(command.content)
    if not request.histograms:
        return {"warnings": ["histograms: none given, nothing is added", *request.warnings]}
    _check_ids(request, context)
    need(deadline, context.ending_s)
    early = Deadline(context.clock, deadline.remaining_s() - GO_S)
    prepared = yield from prepare(request, context, _free_workers(context), early, beside=True)
    begun = yield from go(prepared, context, deadline)
    return {"warnings": [*request.warnings, *prepared.warnings, *begun]}


def _check_ids(request: ConfigRequest, context: Context) -> None:
    running = {info.id: info for info in context.supervisor.infos() if info.id}
    for i, histogram in enumerate(request.histograms):
        name = histogram.config.id
        if name in running:
            field = f"histograms[{i}].id"
            message = f"{field}: {shown(name)} runs already ({running[name].state}); stop it first"
            raise CommandError(Code.FAILED_PRECONDITION, message, field)


def _free_workers(context: Context) -> int:
    """How many more worker processes may count; raises CommandError where there are none."""
    supervisor = context.supervisor
    limit = max(context.settings.limits.max_workers, supervisor.size)
    busy = len(supervisor.counting())
    if busy >= limit:
        message = f"{busy} worker processes count already, {limit} may (--max-workers); stop something first"
        raise CommandError(Code.RESOURCE_EXHAUSTED, message)
    return min(supervisor.size, limit - busy)
