"""Where compiled kernels are kept from one start to the next."""

from __future__ import annotations

import hashlib
import os
import tempfile
from functools import cache
from pathlib import Path


@cache
def folder() -> Path:
    """Beside the package, else with the user, else in a private folder; raises OSError if there is none."""
    package = Path(__file__).parent / "__pycache__"
    user = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "histsvc"
    private = Path(tempfile.gettempdir()) / f"histsvc-{os.getuid()}"
    given = os.environ.get("NUMBA_CACHE_DIR")
    for place in (Path(given),) if given else (package, user, private):
        try:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            continue
        # Code that somebody else may have put into a shared folder is not loaded.
        if os.access(place, os.W_OK) and (given or place.stat().st_uid == os.getuid() or place is package):
            return place / f"kernels-{_fingerprint()}"
    raise OSError("no folder to keep compiled kernels in; name one with NUMBA_CACHE_DIR")


def _fingerprint() -> str:
    """What the machine code depends on.

    Numba looks only at the file of a kernel, not at what it calls, nor at whether bounds are checked.
    """
    here = Path(__file__).parent
    digest = hashlib.sha256(os.environ.get("NUMBA_BOUNDSCHECK", "").encode())
    beside = (here.parent / "model" / "batch.py", here.parent / "window.py")
    for source in (*sorted(here.glob("*.py")), *beside):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]
