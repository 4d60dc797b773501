"""Where CPython and NumPy keep the fields that the native entry reads, and whether this interpreter agrees.

The offsets hold for 64-bit little-endian CPython with the GIL and for NumPy 1 and 2. ``KNOWN`` is found out once, by
reading back fields of objects whose values Python can tell; where it is False, calls go through ``pycall``.
"""

from __future__ import annotations

import ctypes
import sys
from enum import IntEnum
from typing import Any

import numpy as np


class Offset(IntEnum):
    """Byte offsets in Python objects."""

    REFERENCES = 0  # the low 32 bits count them, and are negative where an object is immortal; else all 64 count
    TYPE = 8
    LENGTH = 16  # of a tuple or list; a dict keeps its count here too
    TUPLE_ITEMS = 24
    VALUE = 16  # of a float and of a NumPy scalar
    ARRAY_DATA = 16
    ARRAY_RANK = 24  # int32
    ARRAY_DIMS = 32
    ARRAY_STRIDES = 40
    ARRAY_BASE = 48
    ARRAY_DTYPE = 56
    ARRAY_FLAGS = 64  # int32, and four unused bytes
    ARRAY_WEAK_REFERENCES = 72
    ARRAY_BUFFER = 80  # what memoryviews of it need, or 0
    ARRAY_HANDLER = 88  # the capsule of what frees the data, or 0
    ARRAY_END = 96
    DTYPE_KIND = 24  # kind, type, byteorder (one byte each), a byte of old flags, type number (int32)
    TYPE_FLAGS = 168


class TypeFlag(IntEnum):
    LIST = 1 << 25
    TUPLE = 1 << 26
    DICT = 1 << 29


C_CONTIGUOUS_ALIGNED = 0x101
C_OR_F_CONTIGUOUS = 0x3
F_CONTIGUOUS = 0x2
WRITEABLE = 0x400
CONTIGUOUS_ALIGNED_WRITEABLE = C_CONTIGUOUS_ALIGNED + WRITEABLE
OWNS_DATA = 0x4
SAME_DTYPE_MASK = ~(0xFF << 24)  # of the word at DTYPE_KIND: all but the old flags
_API_ARRAY_TYPE = 2
_API_COPY_INTO = 50
_API_SCALAR = 60
_API_NEW_COPY = 85
_API_NEW_FROM_DESCR = 94
_SCALAR_TYPES = "?bhilBHILfdFD"


def word(address: int) -> int:
    return ctypes.c_int64.from_address(address).value


def int32(address: int) -> int:
    return ctypes.c_int32.from_address(address).value


def _numpy_capsule() -> Any:
    """The capsule of NumPy's C-API table, or None where it is not where it has always been."""
    core = getattr(np, "_core", None) or getattr(np, "core", None)
    return getattr(getattr(core, "_multiarray_umath", None), "_ARRAY_API", None)


def numpy_api() -> Any:
    """NumPy's C-API table, or None."""
    capsule = _numpy_capsule()
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return None if capsule is None else ctypes.cast(pointer(capsule, None), ctypes.POINTER(ctypes.c_void_p))


def numpy_functions() -> tuple[int, int, int, int]:
    """Addresses of PyArray_NewFromDescr, PyArray_Scalar, PyArray_CopyInto and PyArray_NewCopy."""
    table = numpy_api()
    return table[_API_NEW_FROM_DESCR], table[_API_SCALAR], table[_API_COPY_INTO], table[_API_NEW_COPY]


def _array_is_known(array: np.ndarray) -> bool:
    base = id(array)
    dims = word(base + Offset.ARRAY_DIMS)
    flags = int32(base + Offset.ARRAY_FLAGS)
    return (
        word(base + Offset.TYPE) == id(np.ndarray)
        and word(base + Offset.ARRAY_DATA) == array.ctypes.data
        and int32(base + Offset.ARRAY_RANK) == array.ndim
        and word(base + Offset.ARRAY_DTYPE) == id(array.dtype)
        and tuple(word(dims + 8 * axis) for axis in range(array.ndim)) == array.shape
        and bool(flags & 0x1) == array.flags.c_contiguous
        and bool(flags & 0x100) == array.flags.aligned
        and bool(flags & WRITEABLE) == array.flags.writeable
        and bool(flags & OWNS_DATA) == array.flags.owndata
        and _is_handler(word(base + Offset.ARRAY_HANDLER), owned=array.flags.owndata)
        and _references_are_known(array)
    )


def _is_handler(address: int, *, owned: bool) -> bool:
    """Whether this is what an array has that owns its data, or does not."""
    return word(address + Offset.TYPE) == id(type(_numpy_capsule())) if address and owned else not owned


def _references_are_known(array: np.ndarray) -> bool:
    place = id(array) + Offset.REFERENCES
    before = word(place), int32(place)
    another = [array]
    return 0 < before[1] < 100 and (word(place), int32(place)) == (before[0] + len(another), before[1] + len(another))


def _dtype_is_known(dtype: np.dtype) -> bool:
    base = id(dtype) + Offset.DTYPE_KIND
    letters = ctypes.string_at(base, 3).decode("latin-1")
    return letters == dtype.kind + dtype.char + dtype.byteorder and int32(base + 4) == dtype.num


def _scalar_is_known(scalar: Any) -> bool:
    array = np.asarray(scalar)
    return word(id(scalar) + Offset.TYPE) == id(type(scalar)) and (
        ctypes.string_at(id(scalar) + Offset.VALUE, array.itemsize) == array.tobytes()
    )


def _containers_are_known() -> bool:
    samples: list[Any] = [(1, 2, 3), [1, 2], {"a": 1, "b": 2, "c": 3}]
    flags = (TypeFlag.TUPLE, TypeFlag.LIST, TypeFlag.DICT)
    items = samples[0]
    return all(word(id(items) + Offset.TUPLE_ITEMS + 8 * k) == id(item) for k, item in enumerate(items)) and all(
        word(id(sample) + Offset.TYPE) == id(type(sample))
        and word(id(sample) + Offset.LENGTH) == len(sample)
        and [flag for flag in flags if word(id(type(sample)) + Offset.TYPE_FLAGS) & flag] == [expected]
        for sample, expected in zip(samples, flags, strict=True)
    )


def is_known() -> bool:
    """Whether this interpreter's objects are laid out as above."""
    if sys.implementation.name != "cpython" or sys.byteorder != "little" or ctypes.sizeof(ctypes.c_void_p) != 8:
        return False
    if not getattr(sys, "_is_gil_enabled", lambda: True)() or "free-threading" in sys.version:
        return False
    if word(id(object) + Offset.TYPE) != id(type):  # a debug build has more in front of the type
        return False
    table = numpy_api()
    read_only = np.frombuffer(bytes(8))
    arrays = (
        np.arange(6.0).reshape(2, 3),
        np.zeros((3, 4, 5), "f4")[::2, 1],
        np.zeros((2, 3), order="F"),
        np.array(1),
        read_only,
    )
    dtypes: list[np.dtype] = [np.dtype("f8"), np.dtype("f4"), np.dtype("?"), np.dtype(">f8")]
    return (
        table is not None
        and table[_API_ARRAY_TYPE] == id(np.ndarray)
        and all(map(_array_is_known, arrays))
        and all(map(_dtype_is_known, dtypes))
        and all(_scalar_is_known(np.dtype(char).type(1.5)) for char in _SCALAR_TYPES)
        and word(id(1.5) + Offset.VALUE) == int(np.float64(1.5).view(np.int64))
        and _containers_are_known()
    )


KNOWN = is_known()


def data_address(array: np.ndarray) -> int:
    """Address of an array's data, as ``array.ctypes.data``, which takes seven times as long."""
    return word(id(array) + Offset.ARRAY_DATA) if KNOWN else array.ctypes.data
