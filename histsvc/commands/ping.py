"""ping: who is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from histsvc.clock import Deadline
from histsvc.commands.context import Context
from histsvc.commands.steps import Steps
from histsvc.protocol.commands import Command


def ping(context: Context, command: Command, deadline: Deadline) -> Steps[Mapping[str, Any]]:
    """Answered at once with the service's identity."""
    yield from ()  # a command is a generator, also one that never waits
    return {"service": asdict(context.heartbeat().identity)}
