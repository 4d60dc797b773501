"""Freed memory is kept for the next call.

Results are fresh arrays. glibc gives a freed array of some megabytes back to the system at once and takes it again,
page by page, at the next call: for a memory-bound kernel that costs as much as half of its work (4 of 13 ms measured
for two results of 8 MB). Two of malloc's parameters change that for the process.
"""

from __future__ import annotations

import ctypes
import os
import sys
from functools import lru_cache

from graphc.config import settings

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h
_KEPT = 512 << 20  # bytes of freed memory that may stay at the end of the heap
_LARGEST_IN_HEAP = (256 << 20, 32 << 20)  # bytes; glibc before 2.35 takes no more than 32 MB
_USERS_OWN = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES", "LD_PRELOAD")


@lru_cache(maxsize=1)
def keep_freed_memory() -> bool:
    """Have malloc keep freed memory, once a process; whether it does so now (bool).

    Nothing is changed where ``GRAPHC_KEEP_MEMORY=0``, where the environment tunes malloc already, or where malloc is
    not glibc's.
    """
    if not settings.keep_memory or sys.platform != "linux" or any(name in os.environ for name in _USERS_OWN):
        return False
    process = ctypes.CDLL(None)
    if not hasattr(process, "gnu_get_libc_version"):
        return False
    accepted = any(process.mallopt(_M_MMAP_THRESHOLD, size) for size in _LARGEST_IN_HEAP)
    return bool(accepted and process.mallopt(_M_TRIM_THRESHOLD, _KEPT))
