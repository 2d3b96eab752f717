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
from numba.np.arrayobj import populate_array

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
def vector(typing_context: Any, address: Any, size: Any, kind: Any) -> Any:
    """Make the vector at an int64 address an array of `kind`, (size,); it may begin at any byte."""
    made = types.Array(kind.dtype, 1, "C", aligned=False)
    width = kind.dtype.bitwidth // 8

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(made)(context, builder)
        data = builder.inttoptr(arguments[0], array.data.type)
        shape, strides = arguments[1:2], [context.get_constant(types.intp, width)]
        populate_array(array, data=data, shape=shape, strides=strides, itemsize=strides[0], meminfo=None)
        return array._getvalue()

    return made(types.int64, types.int64, kind), generate


@helper
def signed(address: int, size: int) -> npt.NDArray[np.int32]:
    """The vector at an address as int32 (size,), inside kernels only."""
    return vector(address, size, np.int32)  # type: ignore[no-any-return]


@helper
def unsigned(address: int, size: int) -> npt.NDArray[np.uint32]:
    """The vector at an address as uint32 (size,), inside kernels only."""
    return vector(address, size, np.uint32)  # type: ignore[no-any-return]


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


@intrinsic  # type: ignore[untyped-decorator]
def call(typing_context: Any, function: Any, first: Any, second: Any) -> Any:
    """Call the C function at an int64 address with up to two arguments: pointers, or integers.

    All is int64: arguments that a function does not have do no harm where they are handed over in registers,
    as on every machine of 64 bits, and of what is smaller the upper half has no meaning.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word = ir.IntType(64)
        kind = ir.FunctionType(word, [word, word]).as_pointer()
        return builder.call(builder.inttoptr(arguments[0], kind), arguments[1:])

    return types.int64(types.int64, types.int64, types.int64), generate
