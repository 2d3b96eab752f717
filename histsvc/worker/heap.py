"""How the C library keeps the memory of a worker."""

from __future__ import annotations

import ctypes

# mallopt(3): what is larger is a mapping of its own; how much free memory at the end of the heap is kept.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
# The most that glibc takes, and that it would come to itself after minutes of messages of all sizes.
MAPPED_BYTES = 32 << 20
_KEPT_BYTES = 2 * MAPPED_BYTES


def keep() -> bool:
    """Have messages take the place of earlier ones: given back and asked for again, memory is never flat.

    Larger ones, as of images of many million pixels, are still given back at once. Returns False where the C
    library is not glibc, and has its own ways.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, MAPPED_BYTES) and mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES))
