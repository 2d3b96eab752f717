"""The command that runs the service."""

from __future__ import annotations

import subprocess
import sys

_REFUSED = """
import sys
from histsvc.cli import composition, serve
class Made:
    def run(self, stopped):
        return []
def refuse(settings):
    raise OSError("no memory")
def make(settings, spawned):
    print(spawned)
    return Made()
serve.spawn, composition.make_service = refuse, make
sys.exit(serve.main(["-b", "broker:9092", "-t", "commands"]))
"""


def test_it_begins_where_the_machine_starts_no_process_yet() -> None:
    """The supervisor asks again, until it does."""
    done = subprocess.run(
        [sys.executable, "-c", _REFUSED], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "None\n", "")
