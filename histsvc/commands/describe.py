"""describe: what can be asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from histsvc.clock import Deadline
from histsvc.commands.context import Context
from histsvc.commands.steps import Steps
from histsvc.histograms.registry import histogram_types
from histsvc.protocol.commands import Command
from histsvc.protocol.config import INPUT_SCHEMAS, OUTPUT_SCHEMAS
from histsvc.protocol.heartbeat import PROTOCOL
from histsvc.protocol.schema import command_schema


def describe(context: Context, command: Command, deadline: Deadline) -> Steps[Mapping[str, Any]]:
    """Answered at once with the JSON Schema of the commands, and what there is to choose from."""
    yield from ()  # a command is a generator, also one that never waits
    return {
        "schema": command_schema(),
        "histogram_types": list(histogram_types()),
        "input_schemas": list(INPUT_SCHEMAS),
        "output_schemas": list(OUTPUT_SCHEMAS),
        "protocol": PROTOCOL,
    }
