"""How glibc gives memory back: pictures of ten megabytes come and go for months."""

from __future__ import annotations

import ctypes
import sys

__all__ = ["give_pictures_back"]

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # malloc.h
_THRESHOLD_BYTES = 256 * 1024
_ARENAS = 2


def give_pictures_back() -> None:
    """Have large blocks be mappings of their own, which are returned when they are freed (mallopt(3)).

    Left alone, glibc raises the threshold to the largest block that was freed, and keeps what is below it in heaps that fragment.
    Other C libraries do as they do.
    """
    if sys.platform != "linux":
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(_M_MMAP_THRESHOLD, _THRESHOLD_BYTES)
    mallopt(_M_ARENA_MAX, _ARENAS)
