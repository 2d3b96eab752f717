"""ping: who are you?"""

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
    return {"service": asdict(context.identity())}
    yield  # a command is a generator, also one that never waits
