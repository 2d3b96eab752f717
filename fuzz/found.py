"""What was found is kept in files, each with the messages of one batch, and tried again ever after."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "tests" / "hostile" / "found"
_SUFFIX = ".messages"


def keep(messages: Sequence[bytes], folder: Path) -> Path:
    """Write a file of them: each message behind its length, 4 bytes little-endian. Returns where it is."""
    packed = b"".join(len(message).to_bytes(4, "little") + message for message in messages)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{hashlib.sha256(packed).hexdigest()[:16]}{_SUFFIX}"
    path.write_bytes(packed)
    return path


def kept(folder: Path) -> Iterator[list[bytes]]:
    """The messages of every file, in the order of their names."""
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        packed, at = path.read_bytes(), 0
        messages = []
        while at < len(packed):
            begin = at + 4
            at = begin + int.from_bytes(packed[at:begin], "little")
            messages.append(packed[begin:at])
        yield messages
