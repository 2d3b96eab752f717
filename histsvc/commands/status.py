"""status: how the service and its histograms are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from histsvc.clock import Deadline
from histsvc.commands.choice import chosen
from histsvc.commands.context import Context
from histsvc.commands.steps import Steps
from histsvc.protocol.commands import Command, wanted_ids


def status(context: Context, command: Command, deadline: Deadline) -> Steps[Mapping[str, Any]]:
    """Answered at once with the info of every histogram, or of those in `ids`, as its worker last told it."""
    yield from ()  # a command is a generator, also one that never waits
    wanted = chosen(context.supervisor, wanted_ids(command))
    heartbeat = context.heartbeat()
    return {
        "histograms": [
            info.model_dump(mode="json", exclude_none=True)
            for info in heartbeat.histograms
            if info.index in wanted.get(info.job, ())
        ],
        "service": {**asdict(heartbeat.identity), "state": heartbeat.state},
    }
