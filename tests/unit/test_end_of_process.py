"""How a process ends that has asked brokers something which nobody has answered yet."""

from __future__ import annotations

import subprocess
import sys

import pytest

# Nothing listens on port 1. Once the interpreter is gone the C library waits as many seconds as the exit code
# says, so that what has not been answered by then, and ends after 2 s, ends in a process without interpreter.
BEGIN = """
import ctypes, logging, sys
from histsvc.kafka import trouble
from histsvc.kafka.cluster import KafkaClusters
from histsvc.settings import Security
libc = ctypes.CDLL(None)
libc.on_exit(libc.sleep, None)
cluster = KafkaClusters(Security()).of(("127.0.0.1:1",))
"""
ASKED = """
asked = cluster.describe(["any"])
sys.exit(3)
"""
WATCHED = """
class Told(logging.Handler):
    def emit(self, record):
        print(record.getMessage())
        # The watch has asked once and been told; while it is asking again everything ends.
        asks.set()
import threading
asks, told = threading.Event(), threading.Event()
logging.getLogger("histsvc").addHandler(Told())
while not asks.wait(0.01):
    cluster.look()
asking = trouble._answers
def again(*given):
    told.set()
    return asking(*given)
trouble._answers = again
assert told.wait(30)
sys.exit(3)
"""


@pytest.mark.parametrize("rest", [ASKED, WATCHED], ids=["asked", "watched"])
def test_what_is_not_answered_yet_does_not_hurt(rest: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + rest], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (3, ""), done
