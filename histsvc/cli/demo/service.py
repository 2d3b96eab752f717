"""The service of the demo, from when it is ready to its end."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from histsvc.cli.demo import child
from histsvc.cli.stop import Stop

# The first start compiles the kernels.
_READY_S = 180.0


@contextmanager
def running(
    arguments: Sequence[str], say: Callable[[str], None], stop: Stop
) -> Iterator[subprocess.Popen[str]]:
    """Run ``histsvc serve`` until the ``with`` statement ends; what it logs is said.

    Raises TimeoutError where it does not become ready; whoever stops the demo need not wait for that.
    """
    ready = threading.Event()

    def hear(line: str) -> None:
        say(f"service: {line}")
        if " ready: " in line:
            ready.set()

    process: subprocess.Popen[str] | None = None
    try:
        # When it ends nobody waits any longer for it to be ready.
        with child.running(["serve", *arguments], hear, lambda _: ready.set()) as process:
            with stop.at_once():
                is_ready = ready.wait(_READY_S)
            if not is_ready or process.poll() is not None:
                raise TimeoutError("the service did not become ready")
            yield process
    finally:
        if process is not None:
            say(f"service ended with exit code {process.returncode}")
