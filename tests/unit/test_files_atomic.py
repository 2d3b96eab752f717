"""Files are there as a whole or not at all, whatever fails and whoever is killed."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from unit.shown import of_type

from histsvc.files import atomic, save


@pytest.mark.parametrize(("owner", "broken"), [(os, "fsync"), (Path, "replace")])
def test_what_fails_in_the_middle_leaves_nothing(
    owner: Any, broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever step fails; and what was there before stays as it was."""
    file = tmp_path / "a.nxs"
    atomic.replace(file, b"before")

    def fail(*_: object) -> None:
        assert file.read_bytes() == b"before"
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(owner, broken, fail)
    with pytest.raises(OSError, match="No space"):
        atomic.replace(file, b"after")
    assert [each.name for each in tmp_path.iterdir()] == ["a.nxs"]
    assert file.read_bytes() == b"before"


@contextmanager
def room_for(size_bytes: int) -> Iterator[None]:
    """Let no file grow larger: the kernel takes what has room, and refuses the rest."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_half_of_a_file_is_none(tmp_path: Path) -> None:
    histogram = of_type("hist1d")
    with room_for(4096), pytest.raises(OSError, match="too large"):
        save(tmp_path, histogram)
    assert not list(tmp_path.iterdir())
    with h5py.File(save(tmp_path, histogram)) as file:
        np.testing.assert_array_equal(file["entry/data/counts"][()], histogram.counts)


KILLED = """
import os, signal, sys
from pathlib import Path
from histsvc.files import atomic
Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
atomic.replace(Path(sys.argv[1]), b"half")
"""


def test_who_is_killed_in_the_middle_leaves_no_file_that_anybody_reads(tmp_path: Path) -> None:
    file = tmp_path / "a.nxs"
    with subprocess.Popen([sys.executable, "-c", KILLED, str(file)]) as child:
        assert child.wait(60) == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert left.name == f".a.nxs.{child.pid}.part"
    assert not list(tmp_path.glob("*.nxs"))
    atomic.replace(file, b"whole")
    assert file.read_bytes() == b"whole"
