"""The command line: one module per sub-command, loaded when it is asked for."""

from __future__ import annotations

import importlib
import logging
import os
import signal
import sys
from collections.abc import Sequence

from histsvc import __version__
from histsvc.cli.title import hide_password
from histsvc.errors import BrokerError, CommandError, SettingsError

_log = logging.getLogger(__name__)
COMMANDS = {
    "serve": "the service: reads commands and events, publishes histograms",
    "generate": "sends events: of a NeXus file, or made up",
    "send": "sends a command and prints its reply",
    "watch": "prints histograms as they come",
    "view": "draws histograms as they come, in a window or a terminal, or into a file",
    "save": "writes histograms into NeXus files",
    "dashboard": "a page that shows histograms, live, and steers the service",
    "top": "shows services, workers and histograms, live",
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
        return _failed("", f"{given[0]!r} is none of {', '.join(COMMANDS)}", 2)
    return _run(given[0], given[1:])


def _run(command: str, arguments: list[str]) -> int:
    if command == "serve":
        # To load all modules takes a second, in which nothing has begun that would have to be ended.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: os._exit(0))
    hide_password([command, *arguments])
    try:
        code: int = importlib.import_module(f"histsvc.cli.{command}").main(arguments)
    except SettingsError as error:
        return _failed(command, str(error), 2)
    except (BrokerError, CommandError, TimeoutError) as error:
        return _failed(command, str(error), 1)
    except KeyboardInterrupt:
        return _failed(command, "interrupted", 1)
    except Exception as error:  # noqa: BLE001  # whatever it is: users get one line, and debug logs the rest
        _log.debug("unexpected", exc_info=True)
        return _failed(command, f"{type(error).__name__}: {error}", 1)
    return code


def _failed(command: str, why: str, code: int) -> int:
    print(f"{f'histsvc {command}'.rstrip()}: {' '.join(why.split())}", file=sys.stderr)
    return code
