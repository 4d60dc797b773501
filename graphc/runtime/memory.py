"""The pool of memory: what a large result gives back when it dies, and a large arena after a call, is kept.

Results are fresh arrays, and fresh memory of some megabytes comes from the system page by page, each page cleared: for
a memory-bound kernel that costs as much as half of its work (4 of 13 ms measured for two results of 8 MB). So the
native entry takes the memory of large results from a pool of graphc's own, and has NumPy give it back there: each such
array carries a data memory handler (NEP 49). Nothing else in the process is touched: neither malloc nor other arrays.
Large arenas come from it, too: programs share the memory, and calls at the same time have each their own.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from graphc.runtime.entry_layout import POOL_SLOTS, PoolField

LARGEST_KEPT = 256 << 20  # bytes that the pool keeps at most
HANDLER_FUNCTIONS = ("graphc_pool_malloc", "graphc_pool_calloc", "graphc_pool_realloc", "graphc_pool_free")
HANDLER_NAME = b"mem_handler"  # of the capsule
HANDLER_VERSION = 1  # of NumPy's struct


class MemoryHandler(ctypes.Structure):
    """PyDataMem_Handler."""

    _fields_ = [
        ("name", ctypes.c_char * 127),
        ("version", ctypes.c_uint8),
        ("context", ctypes.c_void_p),
        *((name.removeprefix("graphc_pool_"), ctypes.c_void_p) for name in HANDLER_FUNCTIONS),
    ]


class Pool:
    """The pool's fields and slots (``fields``, int64), which native code reads and writes under the GIL.

    It outlives everything: arrays that die when the interpreter ends still give their memory back.
    """

    def __init__(self, functions: Mapping[str, int]) -> None:
        """``functions``: the addresses of ``HANDLER_FUNCTIONS``."""
        self.fields = np.zeros(PoolField.SIZE // 8 + POOL_SLOTS, np.int64)
        self.address: int = self.fields.ctypes.data
        handler = MemoryHandler(
            b"graphc", HANDLER_VERSION, self.address, *(functions[name] for name in HANDLER_FUNCTIONS)
        )
        new_capsule = ctypes.pythonapi.PyCapsule_New
        new_capsule.restype = ctypes.py_object
        new_capsule.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
        name = ctypes.create_string_buffer(HANDLER_NAME)
        self.kept: list[Any] = [self.fields, handler, name, new_capsule(ctypes.addressof(handler), name, None)]
        self.set(PoolField.LIMIT, LARGEST_KEPT)
        self.set(PoolField.MALLOC, _address(ctypes.pythonapi.PyMem_RawMalloc))
        self.set(PoolField.FREE, _address(ctypes.pythonapi.PyMem_RawFree))
        self.set(PoolField.ADVISE, _address(ctypes.CDLL(None).madvise) if sys.platform == "linux" else 0)
        self.set(PoolField.HANDLER, id(self.kept[-1]))
        for item in (self, self.kept, *self.kept):
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(item))

    def set(self, field: PoolField, value: int) -> None:
        self.fields[field // 8] = value

    def kept_bytes(self) -> int:
        """How much the pool holds now (int)."""
        return int(self.fields[PoolField.KEPT // 8])


def _address(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0
