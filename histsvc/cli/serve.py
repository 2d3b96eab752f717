"""histsvc serve: the service."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import threading
from contextlib import suppress

from histsvc import logs
from histsvc.cli.options import service_parser
from histsvc.jobs.spawn import Spawned, spawn
from histsvc.settings import service_settings

_AT_ONCE = b"histsvc serve: ended at once by a second signal; what was not published yet is lost\n"


def main(arguments: list[str]) -> int:
    """Run the service until SIGTERM or SIGINT; returns the exit code: 1 where something was not published."""
    settings = service_settings(service_parser("histsvc serve").parse_args(arguments))
    logs.configure(settings.worker.log_level, settings.worker.log_format, "service")
    faulthandler.enable()
    stopped = threading.Event()

    def stop(*_: object) -> None:
        """A second signal ends it at once; workers find their pipes closed, and leave."""
        if stopped.is_set():
            os.write(sys.stderr.fileno(), _AT_ONCE)
            os._exit(1)
        # What only sets a flag cannot block on a lock that the main thread holds.
        stopped.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    spawned: Spawned | None = None
    with suppress(OSError):  # the supervisor tries again, says why, and waits longer and longer
        # It loads what workers need while the service loads what it needs itself.
        spawned = spawn(settings.worker)
    from histsvc.cli.composition import make_service

    undelivered = make_service(settings, spawned).run(stopped.is_set)
    if not undelivered:
        return 0
    more = f", and {len(undelivered) - 1} more, which the log names" if len(undelivered) > 1 else ""
    print(f"histsvc serve: not everything was published: {undelivered[0]}{more}", file=sys.stderr)
    return 1
