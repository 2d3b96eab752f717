"""Processes are killed and frozen for two minutes, and every count is right in the end."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.timeout(600)
def test_two_minutes_of_chaos() -> None:
    command = [str(ROOT / "bin" / "chaos"), "--minutes", "2", "--seed", "7"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["wrong"] == []
    assert result["hits"] >= 15
    assert result["messages"] > 10_000
    # All of it goes on, again and again, and nothing begins anew.
    assert min(result["epochs"].values()) > 3
