"""DLPack's table of C functions, for libraries that have one: what an array is in a tenth of a microsecond.

``type(array).__dlpack_c_exchange_api__`` is a capsule of it (DLPack 1.2; PyTorch from 2.10 on). The layouts are those
of its public header.
"""

from __future__ import annotations

import ctypes
from enum import IntEnum
from typing import Any, NamedTuple

from graphc.runtime.dlpack import pointer_in

NAME = b"dlpack_exchange_api"
MAJOR = 1


class Tensor(IntEnum):
    """Byte offsets in a ``DLTensor``; the device is its kind and its number, the form a rank and a dtype."""

    DATA = 0
    DEVICE = 8
    FORM = 16
    SHAPE = 24
    STRIDES = 32  # in elements
    OFFSET = 40  # in bytes, from the data
    SIZE = 48


class _Table(ctypes.Structure):
    _fields_ = [
        ("major", ctypes.c_uint32),
        ("minor", ctypes.c_uint32),
        ("older", ctypes.c_void_p),
        ("allocate", ctypes.c_void_p),
        ("export", ctypes.c_void_p),
        ("adopt", ctypes.c_void_p),
        ("describe", ctypes.c_void_p),
        ("stream", ctypes.c_void_p),
    ]


class Exchange(NamedTuple):
    """Addresses of C functions: ``int describe(object, DLTensor *)``, and ``int stream(kind, number, void **)``."""

    describe: int
    stream: int

    def described(self, array: Any) -> tuple[int, int] | None:
        """The words ``DEVICE`` and ``FORM`` of what the array is; None where its library says that DLPack has none."""
        words = (ctypes.c_int64 * (Tensor.SIZE // 8))()
        describe = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_void_p)(self.describe)
        try:
            describe(array, ctypes.addressof(words))
        except (RuntimeError, BufferError, TypeError, ValueError):
            return None
        return words[Tensor.DEVICE // 8], words[Tensor.FORM // 8]


def exchange_of(cls: type) -> Exchange | None:
    """The functions of a class of arrays, or None where it has none that are known here."""
    capsule = getattr(cls, "__dlpack_c_exchange_api__", None)
    if capsule is None:
        return None
    place = pointer_in(capsule, NAME)
    while place:
        table = _Table.from_address(place)
        if table.major == MAJOR:
            return Exchange(table.describe, table.stream) if table.describe and table.stream else None
        place = table.older
    return None
