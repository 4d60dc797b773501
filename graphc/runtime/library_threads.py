"""How many threads a library of linear algebra runs on, and who keeps it at one.

While graphc's own threads call a library, it uses one thread: its own would wait for each other by spinning, and take
the CPUs from graphc's. OpenBLAS has one number of threads for the process, MKL one for each thread that calls, others
none that could be set. A process-wide number is behind a *guard*: a lock, a count of those who are inside, and the
user's own number, which comes back when the last one leaves. All modules of generated code that call a library have
the same guard (``library_threads_code``), so none gives the number back while another is inside.
"""

from __future__ import annotations

import ctypes
import os
from functools import lru_cache
from typing import NamedTuple

from graphc.runtime.library_threads_code import GET_THREADS, GUARD_WORDS, LOCK, SAVED, SET_THREADS, USERS
from graphc.runtime.native import function_address

_NAMES = (
    ("scipy_openblas_get_num_threads64_", "scipy_openblas_set_num_threads64_"),
    ("scipy_openblas_get_num_threads", "scipy_openblas_set_num_threads"),
    ("openblas_get_num_threads64_", "openblas_set_num_threads64_"),
    ("openblas_get_num_threads", "openblas_set_num_threads"),
)


class Control(NamedTuple):
    """How a library's number of threads is set: for the process ("global"), for a thread ("local"), or "none".

    The addresses of ``int get(void)`` and ``void set(int)``; of ``int set(int)``, which gives the number before, where
    it is local.
    """

    kind: str
    get_threads: int = 0
    set_threads: int = 0


NO_CONTROL = Control("none")


def control_of(library: ctypes.CDLL) -> Control:
    """What the library, or one that it depends on, has to set its threads (Control)."""
    local = function_address(library, "MKL_Set_Num_Threads_Local")
    if local:
        return Control("local", set_threads=local)
    for get_name, set_name in _NAMES:
        get_threads, set_threads = function_address(library, get_name), function_address(library, set_name)
        if get_threads and set_threads:
            return Control("global", get_threads, set_threads)
    return NO_CONTROL


@lru_cache
def _guard(control: Control) -> ctypes.Array:
    words = (ctypes.c_int64 * GUARD_WORDS)()
    words[GET_THREADS], words[SET_THREADS] = control.get_threads, control.set_threads

    def leave_in_child() -> None:
        """After a fork: whoever was inside in the parent is not here to give the number of threads back."""
        if words[USERS] and control.kind == "global":
            ctypes.CFUNCTYPE(None, ctypes.c_int)(control.set_threads)(words[SAVED])
        words[USERS] = words[LOCK] = 0

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=leave_in_child)
    return words


def guard_address(control: Control) -> int:
    """Address (int) of the words of ``library_threads_code`` for this control; the same at each call."""
    return ctypes.addressof(_guard(control))
