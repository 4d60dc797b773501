"""The thread pool: service LAUNCH, its settings, and what keeps it sound over fork and exit.

Workers are plain POSIX threads that run native code alone: they never touch Python, and start when the first region
needs them. A region is entered by try-lock; whoever finds it taken (another Python thread, a launch inside a kernel)
runs serially. A forked child has no workers; its pool starts afresh when it needs them. Without POSIX threads
everything runs serially, by the same code.
"""

from __future__ import annotations

import ctypes
import os
import sys
from functools import lru_cache

from graphc.config import settings
from graphc.runtime import cache, native, pool_code
from graphc.runtime.trampoline_code import ARGUMENT_TIERS

MAX_ARGUMENTS = ARGUMENT_TIERS[-1] - 2  # of a kernel, start and stop not counted
# Hand-written code gains 5 ns a launch from LLVM's optimiser, and compiling it then takes 40 ms and not 10.
_OPTIMISATION = 0


def have_posix_threads() -> bool:
    """Whether this platform has the functions that the pool needs (bool)."""
    if sys.platform == "win32":
        return False
    try:
        _ = ctypes.CDLL(None).pthread_create
    except (AttributeError, OSError):
        return False
    return True


class _Pool:
    """The loaded pool: address of the service, and its state words."""

    def __init__(self) -> None:
        ir = pool_code.pool_ir(threads=have_posix_threads())
        symbols = ["graphc_launch", "graphc_pool_state"]
        addresses = native.load_object(cache.compiled_module("pool", ir, _OPTIMISATION), symbols)
        self.launch = addresses["graphc_launch"]
        self.state = ctypes.CFUNCTYPE(ctypes.c_void_p)(addresses["graphc_pool_state"])()
        self.apply_setting()

    def word(self, offset: int) -> ctypes.c_int64:
        return ctypes.c_int64.from_address(self.state + offset)

    def apply_setting(self) -> None:
        self.word(pool_code.WANTED).value = settings.num_threads if have_posix_threads() else 1

    def forget_threads(self) -> None:
        """In a forked child: no worker came along, and the lock's holder may not have either."""
        ctypes.memset(self.state, 0, pool_code.STATE_BYTES)
        self.apply_setting()


@lru_cache(maxsize=1)
def _pool() -> _Pool:
    pool = _Pool()
    settings.on_change("num_threads", pool.apply_setting)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=pool.forget_threads)
    return pool


def launch_address() -> int:
    """Address (int) of service LAUNCH, ``launch(kernel, slots, nargs, count, grain)``: see ``graphc.abi.Service``."""
    return _pool().launch


def workers_started() -> int:
    """How many worker threads run in this process now (int); the calling thread is not one of them."""
    return _pool().word(pool_code.STARTED).value


def regions_run() -> int:
    """How many launches were split over threads since the process, or its fork, began (int)."""
    return _pool().word(pool_code.REGIONS).value
