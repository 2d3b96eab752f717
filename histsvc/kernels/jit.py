"""How kernels are compiled: serial, without the GIL, with explicit signatures, cached on disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from histsvc.kernels import cache

F = TypeVar("F", bound=Callable[..., Any])


numba.config.CACHE_DIR = str(cache.folder())


def kernel(*signatures: str) -> Callable[[F], F]:
    """Compile a function for explicit signatures; loaded from the cache where it is there."""

    def compiled(function: F) -> F:
        made: F = numba.njit(list(signatures), cache=True, nogil=True, error_model="numpy")(function)
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
