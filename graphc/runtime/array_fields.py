"""Whether native code may make NumPy's arrays itself, field by field, and with what: found out once.

It may where arrays of NumPy's own are made of what is written down here: these fields, shape and strides in one block
of ``PyMem_RawMalloc`` (NumPy's documented ``PyDimMem_NEW``), data from a memory handler of NEP 49. The handler that is
set when this is asked stays that of graphc's small results. Elsewhere NumPy makes them.
"""

from __future__ import annotations

import ctypes
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from graphc.runtime.memory import HANDLER_NAME, HANDLER_VERSION, MemoryHandler
from graphc.runtime.object_layout import (
    CONTIGUOUS_ALIGNED_WRITEABLE,
    F_CONTIGUOUS,
    KNOWN,
    OWNS_DATA,
    Offset,
    int32,
    word,
)

_ALLOC_SLOT = 47  # Py_tp_alloc of typeslots.h, a part of Python's stable ABI


class ArrayParts(NamedTuple):
    """What makes an array: addresses of the type's ``tp_alloc``, and of a handler, its context and two functions."""

    new_object: int = 0  # 0: arrays are to be made by NumPy
    handler: int = 0
    context: int = 0
    malloc: int = 0
    free: int = 0


@lru_cache(maxsize=1)
def array_parts() -> ArrayParts:
    """The parts, the same for the life of the process."""
    samples: list[np.ndarray] = [np.empty(4), np.empty((2, 3), np.float32), np.empty((2, 3, 4), np.int64)]
    if not KNOWN or not all(_is_plain(array) for array in samples):
        return ArrayParts()
    capsule = word(id(samples[0]) + Offset.ARRAY_HANDLER)
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_char_p]
    handler = MemoryHandler.from_address(pointer(capsule, HANDLER_NAME))
    slot = ctypes.pythonapi.PyType_GetSlot
    slot.restype, slot.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_int]
    new_object = slot(np.ndarray, _ALLOC_SLOT)
    if handler.version != HANDLER_VERSION or not new_object or not handler.malloc or not handler.free:
        return ArrayParts()
    ctypes.pythonapi.Py_IncRef(ctypes.c_void_p(capsule))  # it serves until the process ends
    return ArrayParts(new_object, capsule, handler.context or 0, handler.malloc, handler.free)


def _is_plain(array: np.ndarray) -> bool:
    """Whether each word of the array, which owns its data, is what native code would write."""
    base, rank = id(array), array.ndim
    dims = word(base + Offset.ARRAY_DIMS)
    flags = CONTIGUOUS_ALIGNED_WRITEABLE + OWNS_DATA + (F_CONTIGUOUS if rank == 1 else 0)
    zeros = (Offset.ARRAY_BASE, Offset.ARRAY_WEAK_REFERENCES, Offset.ARRAY_BUFFER)
    return (
        np.ndarray.__basicsize__ == Offset.ARRAY_END
        and np.ndarray.__itemsize__ == 0
        and word(base + Offset.ARRAY_STRIDES) == dims + 8 * rank
        and tuple(word(dims + 8 * k) for k in range(2 * rank)) == (*array.shape, *array.strides)
        and int32(base + Offset.ARRAY_FLAGS) == flags
        and word(base + Offset.ARRAY_HANDLER) != 0
        and all(word(base + place) == 0 for place in zeros)
    )
