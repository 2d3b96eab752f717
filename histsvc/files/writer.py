"""NeXus files: what the layout says, through h5py, in one piece. Needs h5py (`histsvc[nexus]`)."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from histsvc.client import Histogram
from histsvc.errors import SettingsError, needs
from histsvc.files import atomic, layout
from histsvc.files.names import file_name

# Smaller arrays would not get smaller. Counts of a large image are mostly alike: the quickest level does.
_COMPRESSED_BYTES = 1 << 16
_COMPRESSION = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
# As much as a small histogram takes.
_PROBE = b"histsvc\n" * 2048


def check_folder(folder: Path) -> None:
    """Raise SettingsError where files cannot be written: without h5py, a folder, rights or room."""
    _h5py()
    if not folder.is_dir():
        raise SettingsError(f"--to {folder}: there is no such folder")
    probe = folder / f".histsvc-probe.{os.getpid()}"
    try:
        atomic.replace(probe, _PROBE)
        probe.unlink()
    except OSError as error:
        raise SettingsError(f"--to {folder}: nothing can be written there: {error.strerror}") from error


def save(folder: Path, histogram: Histogram) -> Path:
    """Write a histogram into a file of its own, unless it is there; returns which. Raises OSError.

    The file is there as a whole or not at all.
    """
    file = folder / file_name(histogram)
    if not file.exists():
        atomic.replace(file, content(layout.root(histogram, file.name)))
    return file


def content(root: layout.Group) -> memoryview:
    """The bytes of an HDF5 file. It is made in memory: of a full disk HDF5 does not recover."""
    made = io.BytesIO()
    with _h5py().File(made, "w") as file:
        _fill(file, root)
    return made.getbuffer()


def _fill(group: Any, described: layout.Group) -> None:
    _set(group, {"NX_class": described.nx_class, **described.attributes})
    for name, member in described.members.items():
        if isinstance(member, layout.Group):
            _fill(group.create_group(name), member)
        else:
            large = not isinstance(member.value, str) and member.value.nbytes >= _COMPRESSED_BYTES
            made = group.create_dataset(name, data=member.value, **(_COMPRESSION if large else {}))
            _set(made, member.attributes)


def _set(owner: Any, attributes: Mapping[str, layout.Attribute]) -> None:
    for name, value in attributes.items():
        owner.attrs[name] = value


def _h5py() -> Any:
    with needs("h5py", "nexus", "files"):
        import h5py
    return h5py
