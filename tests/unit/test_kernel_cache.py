"""Kernels kept on disk are those of the sources: a service must not count with what an older one compiled."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_PACKAGE = Path(__file__).parents[2] / "histsvc"
_COUNT = """
import numpy as np
from histsvc.histograms.hist1d import Hist1dConfig
from histsvc.model import Column, EventBatch
common = dict(data_brokers=["a:1"], data_topics=["x"], topic="y")
config = Hist1dConfig(type="hist1d", tof_range=(0, 4), num_bins=4, **common)
tof = np.array([1, 3], np.int32)
table = np.zeros((len(Column), 1), np.int64)
table[[Column.MASK, Column.TOF_ADDRESS, Column.TOF_LENGTH], 0] = -1, tof.ctypes.data, 2
zeros = np.zeros(1, np.int64)
accumulator = config.accumulator()
accumulator.fill(zeros, EventBatch(zeros, zeros, zeros, table, (tof,)))
print(accumulator.counts.tolist())
"""


def count(folder: Path) -> str:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("NUMBA_")}
    environment |= {"PYTHONPATH": str(folder), "XDG_CACHE_HOME": str(folder / "cache")}
    command = [sys.executable, "-c", _COUNT]
    result = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("kernels/axis.py", "found[j] = i if fits else none", "found[j] = i - i if fits else none"),
        (
            "model/batch.py",
            "    TOF_LENGTH = 6\n    PIXEL_ADDRESS = 7\n",
            "    PIXEL_ADDRESS = 6\n    TOF_LENGTH = 7\n",
        ),
    ],
)
def test_a_changed_helper_is_compiled_anew(module: str, old: str, new: str, tmp_path: Path) -> None:
    shutil.copytree(_PACKAGE, tmp_path / "histsvc", ignore=shutil.ignore_patterns("__pycache__"))
    assert count(tmp_path) == "[0, 1, 0, 1]"
    changed = tmp_path / "histsvc" / module
    text = changed.read_text()
    assert old in text
    changed.write_text(text.replace(old, new))
    assert count(tmp_path) == ("[2, 0, 0, 0]" if "axis" in module else "[0, 1, 0, 1]")
