"""Files that are there as a whole or not at all, whoever looks and whatever dies."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def replace(file: Path, content: bytes | memoryview) -> None:
    """Make this the content of a file: readers see all of it, or what was there before; raises OSError.

    It is on the disk when this returns. Who is killed in the middle leaves a hidden file beside it, the name
    of which ends with ``.part``.
    """
    beside = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(file)
    finally:
        with contextlib.suppress(OSError):  # what made it fail is told, not this
            beside.unlink(missing_ok=True)
    _sync_folder(file.parent)


def _sync_folder(folder: Path) -> None:
    """Bring the new name to the disk, where the file system knows how to."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(opened)
    finally:
        os.close(opened)
