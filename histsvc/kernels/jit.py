"""How kernels are compiled: serial, without the GIL, with explicit signatures, cached on disk."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba
import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

F = TypeVar("F", bound=Callable[..., Any])


def _fingerprint() -> str:
    """What the machine code depends on: numba looks only at the file of a kernel, not at what it calls."""
    here = Path(__file__).parent
    digest = hashlib.sha256()
    beside = (here.parent / "model" / "batch.py", here.parent / "window.py")
    for source in (*sorted(here.glob("*.py")), *beside):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _cache_folder() -> Path:
    """Where compiled kernels are kept: beside the package, else with the user, else in a private folder."""
    package = Path(__file__).parent / "__pycache__"
    user = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "histsvc"
    private = Path(tempfile.gettempdir()) / f"histsvc-{os.getuid()}"
    given = os.environ.get("NUMBA_CACHE_DIR")
    for folder in (Path(given),) if given else (package, user, private):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            continue
        # Code that somebody else may have put into a shared folder is not loaded.
        if os.access(folder, os.W_OK) and (given or folder.stat().st_uid == os.getuid() or folder is package):
            return folder / f"kernels-{_fingerprint()}"
    raise OSError("no folder to keep compiled kernels in; name one with NUMBA_CACHE_DIR")


numba.config.CACHE_DIR = str(_cache_folder())


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


@helper
def signed(address: int, size: int) -> npt.NDArray[np.int32]:
    """The vector at an address as int32 (size,), inside kernels only."""
    return numba.carray(pointer(address), (size,), np.int32)  # type: ignore[no-any-return]


@helper
def unsigned(address: int, size: int) -> npt.NDArray[np.uint32]:
    """The vector at an address as uint32 (size,), inside kernels only."""
    return numba.carray(pointer(address), (size,), np.uint32)  # type: ignore[no-any-return]


@intrinsic  # type: ignore[untyped-decorator]
def prefetch(typing_context: Any, address: Any) -> Any:
    """Tell the processor that what is at an int64 address will be read soon; may be any address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
        function = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
        reading, always, data = word(0), word(3), word(1)
        builder.call(function, [builder.inttoptr(arguments[0], byte), reading, always, data])
        return context.get_dummy_value()

    return types.void(types.int64), generate
