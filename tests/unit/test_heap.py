"""What a worker frees it has for the next message, and large things are given back."""

from __future__ import annotations

import subprocess
import sys

import pytest

# In a process of its own, as these settings stay.
_SIZES = """
import sys
import numpy as np
import psutil
from histsvc.worker import heap
if "keep" in sys.argv:
    assert heap.keep()
me, size = psutil.Process(), int(sys.argv[1])
counts = [np.ones(size, np.uint8) for _ in range(2)]
full = me.memory_info().rss
del counts
print((full - me.memory_info().rss) / size)
"""


def _given_back(size_bytes: int, *arguments: str) -> float:
    """How many of two arrays of this size are given back when they are not needed any more."""
    command = [sys.executable, "-c", _SIZES, str(size_bytes), *arguments]
    return float(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="these are settings of glibc")
def test_memory_of_messages_is_kept_and_that_of_large_ones_is_not() -> None:
    assert _given_back(8 << 20) > 1.5
    assert _given_back(8 << 20, "keep") < 0.5
    assert _given_back(100 << 20, "keep") > 1.5
