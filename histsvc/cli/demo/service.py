"""The service of the demo, as users run it: a process of its own, from ready to its clean end."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from histsvc.cli.stop import Stop

# The first start compiles the kernels.
_READY_S = 180.0
_LAST_S = 10.0
# The service, which ends with the demo whatever kills that: then nobody holds its standard input any more.
_SERVICE = """
import os, signal, sys, threading
def end_with_parent():
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)
threading.Thread(target=end_with_parent, daemon=True).start()
from histsvc.cli import main
sys.exit(main())
"""


@contextmanager
def running(
    arguments: Sequence[str], say: Callable[[str], None], stop: Stop
) -> Iterator[subprocess.Popen[str]]:
    """Run ``histsvc serve`` until the ``with`` statement ends; what it logs is said.

    Raises TimeoutError where it does not become ready; whoever stops the demo need not wait for that.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVICE, "serve", *arguments],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for the demo, which ends the service when all is counted
    )
    ready = threading.Event()
    reader = threading.Thread(target=_relay, args=(process, ready, say), daemon=True)
    reader.start()
    try:
        with stop.at_once():
            is_ready = ready.wait(_READY_S)
        if not is_ready or process.poll() is not None:
            raise TimeoutError("the service did not become ready")
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(_LAST_S)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        reader.join(_LAST_S)
        for stream in (process.stdin, process.stderr):
            if stream is not None:
                stream.close()
        say(f"service ended with exit code {code}")


def _relay(process: subprocess.Popen[str], ready: threading.Event, say: Callable[[str], None]) -> None:
    """Say what the service logs; it is ready when it says so, and waiting is over when it ends."""
    for line in process.stderr or ():
        say(f"service: {line.rstrip()}")
        if " ready: " in line:
            ready.set()
    ready.set()
