"""How kernels are compiled: serial, without the GIL, with explicit signatures, cached on disk."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

F = TypeVar("F", bound=Callable[..., Any])


def _private_cache() -> None:
    """Where neither the package's folder nor the user's cache can be written, use a private folder."""
    package = Path(__file__).parent / "__pycache__"
    home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    if os.environ.get("NUMBA_CACHE_DIR") or any(_writable(folder) for folder in (package, home)):
        return
    private = Path(tempfile.gettempdir()) / f"histsvc-kernels-{os.getuid()}"
    private.mkdir(mode=0o700, exist_ok=True)
    if private.stat().st_uid == os.getuid():
        numba.config.CACHE_DIR = str(private)


def _writable(folder: Path) -> bool:
    while not folder.exists():
        folder = folder.parent
    return os.access(folder, os.W_OK)


_private_cache()


def kernel(signature: str) -> Callable[[F], F]:
    """Compile a function for one explicit signature; loaded from the cache where it is there."""

    def compiled(function: F) -> F:
        made: F = numba.njit(signature, cache=True, nogil=True, error_model="numpy")(function)
        return made

    return compiled


def helper(function: F) -> F:
    """Compile a helper that kernels call."""
    made: F = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    return made


@intrinsic  # type: ignore[untyped-decorator]
def pointer(typing_context: Any, address: Any) -> Any:
    """Turn an int64 address into a pointer that ``numba.carray`` takes (inside kernels only)."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], ir.IntType(8).as_pointer())

    return types.voidptr(types.int64), generate
