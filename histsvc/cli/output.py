"""The standard output of tools that print what others have named, to whoever reads it."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import TextIO


@contextlib.contextmanager
def output() -> Iterator[TextIO]:
    """Escape what stdout has no character for, instead of failing; who closes the pipe ends it quietly."""
    stream = sys.stdout
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    try:
        yield stream
    except BrokenPipeError:
        # What is left for the pipe goes nowhere; Python would complain about it at its end.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
