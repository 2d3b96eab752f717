"""How much memory there is: of the machine, or of the group of processes that this one is confined to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_GROUPS = Path("/sys/fs/cgroup")
_PROCESS = Path("/proc/self/cgroup")


def memory_bytes(groups: Path = _GROUPS, process: Path = _PROCESS) -> int:
    """The least of what the machine has and of what any control group around this process allows."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([whole, *_limits(groups, process)])


def _limits(groups: Path, process: Path) -> Iterator[int]:
    """The limits of version 2 and 1 of control groups, for this group and those that it lies in."""
    try:
        lines = process.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        number, kinds, path = line.split(":", 2)
        if number == "0":
            yield from _around(groups, path, "memory.max")
        elif "memory" in kinds.split(","):
            yield from _around(groups / "memory", path, "memory.limit_in_bytes")


def _around(root: Path, path: str, name: str) -> Iterator[int]:
    inner = PurePosixPath(path.lstrip("/"))
    for group in (inner, *inner.parents):
        try:
            limit = (root / group / name).read_text(encoding="ascii").strip()
        except OSError:
            continue  # in a container only the group itself is seen, as the root
        if limit.isdecimal():
            yield int(limit)
