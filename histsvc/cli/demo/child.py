"""A tool of histsvc that runs beside the demo, as users run it: a process of its own, to its clean end."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

_LAST_S = 10.0
# It ends with the demo whatever kills that: then nobody holds its standard input any more.
_CHILD = """
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
    arguments: Sequence[str], hear: Callable[[str], None], ended: Callable[[int], None]
) -> Iterator[subprocess.Popen[str]]:
    """Run ``histsvc`` with these arguments until the ``with`` statement ends.

    `hear` gets each line that it writes, and `ended` the exit code when there are no more; both are called
    by another thread.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", _CHILD, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # Ctrl-C is for the demo, which ends what it has started in good order
    )
    reader = threading.Thread(target=_relay, args=(process, hear, ended), daemon=True)
    reader.start()
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_LAST_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        reader.join(_LAST_S)
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


def _relay(process: subprocess.Popen[str], hear: Callable[[str], None], ended: Callable[[int], None]) -> None:
    for line in process.stdout or ():
        hear(line.rstrip())
    ended(process.wait())  # it is killed in the end, whatever it does
