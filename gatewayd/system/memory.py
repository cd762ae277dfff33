"""Memory that is given back: buffers of connections must not stay with us when the connections are gone."""

from __future__ import annotations

import ctypes

_M_MMAP_THRESHOLD = -3  # <malloc.h>
_THRESHOLD = 128 * 1024  # glibc's own first value (mallopt(3)), which it otherwise raises by itself


def give_back_large_blocks() -> bool:
    """Makes glibc map each large block by itself, so that freeing it returns it to the system.

    asyncio keeps a buffer of 256 KiB for each TLS connection; by default glibc moves such blocks to its heap
    after the first one is freed, and a heap with holes does not shrink. Returns whether that took effect.
    """
    libc = ctypes.CDLL(None)
    try:
        return bool(libc.mallopt(_M_MMAP_THRESHOLD, _THRESHOLD))
    except AttributeError:  # another C library
        return False
