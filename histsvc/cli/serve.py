"""histsvc serve: the service."""

from __future__ import annotations

import faulthandler
import signal
import sys
import threading
from contextlib import suppress

from histsvc import logs
from histsvc.cli.options import service_parser
from histsvc.jobs.spawn import Spawned, spawn
from histsvc.settings import service_settings


def main(arguments: list[str]) -> int:
    """Run the service until SIGTERM or SIGINT; returns the exit code."""
    settings = service_settings(service_parser("histsvc serve").parse_args(arguments))
    logs.configure(settings.worker.log_level, settings.worker.log_format, "service")
    faulthandler.enable()
    stopped = threading.Event()
    # A handler that only sets a flag cannot block on a lock that the main thread holds.
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    signal.signal(signal.SIGINT, lambda *_: stopped.set())
    spawned: Spawned | None = None
    with suppress(OSError):  # the supervisor tries again, says why, and waits longer and longer
        # It loads what workers need while the service loads what it needs itself.
        spawned = spawn(settings.worker)
    from histsvc.cli.composition import make_service

    if make_service(settings, spawned).run(stopped.is_set):
        return 0
    print("histsvc serve: not everything was published; the log says what", file=sys.stderr)
    return 1
