"""The command line: one module per sub-command, loaded when it is asked for."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from histsvc import __version__
from histsvc.errors import SettingsError

COMMANDS = {
    "serve": "the service: reads commands and events, publishes histograms",
    "generate": "sends events: of a NeXus file, or made up",
    "send": "sends a command and prints its reply",
    "demo": "all of it on this machine, with an embedded broker",
}


def _help() -> str:
    lines = [f"  {name:<10} {what}" for name, what in COMMANDS.items()]
    return "\n".join(
        [
            "usage: histsvc COMMAND [OPTION ...]",
            "",
            "Live, exact histograms of neutron and X-ray events from Kafka.",
            "",
            *lines,
            "",
            "histsvc COMMAND --help tells the options of each; --version the version.",
        ]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a sub-command; returns the exit code: 0, 2 for wrong use or settings, 1 for anything else."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] in ("-h", "--help"):
        print(_help())
        return 0 if given else 2
    if given[0] == "--version":
        print(f"histsvc {__version__}")
        return 0
    if given[0] not in COMMANDS:
        print(f"histsvc: {given[0]!r} is none of {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    module = importlib.import_module(f"histsvc.cli.{given[0]}")
    try:
        code: int = module.main(given[1:])
    except SettingsError as error:
        print(f"histsvc {given[0]}: {error}", file=sys.stderr)
        return 2
    return code
