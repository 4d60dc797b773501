"""DLPack: arrays of other libraries read by their capsule, and graphc's own handed out by one.

The structures are those of dlpack.h, version 0.8 (``DLManagedTensor``), which all libraries speak.
"""

from __future__ import annotations

import ctypes
from typing import Any, NamedTuple

import numpy as np

from graphc.abi import BFLOAT16, dtype_named

CUDA = 2  # kDLCUDA
NAME = b"dltensor"
_CODES = {0: "i", 1: "u", 2: "f", 5: "c", 6: "b"}
_BFLOAT = 4


class _Device(ctypes.Structure):
    _fields_ = (("kind", ctypes.c_int32), ("number", ctypes.c_int32))


class _Dtype(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16))


class _Tensor(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.c_void_p), ("device", _Device), ("ndim", ctypes.c_int32), ("dtype", _Dtype),
        ("shape", ctypes.POINTER(ctypes.c_int64)), ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("offset", ctypes.c_uint64),
    )  # fmt: skip


class _Managed(ctypes.Structure):
    pass


_Deleter = ctypes.CFUNCTYPE(None, ctypes.POINTER(_Managed))
_Destructor = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)
_Managed._fields_ = (("tensor", _Tensor), ("context", ctypes.c_void_p), ("deleter", _Deleter))

# Prototypes of graphc's own: those of ``ctypes.pythonapi`` itself are shared with whoever sets them.
pointer_in = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", ctypes.pythonapi)
)
_dying_pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", ctypes.pythonapi)
)
_is_valid = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p)(("PyCapsule_IsValid", ctypes.pythonapi))
_new = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)(
    ("PyCapsule_New", ctypes.pythonapi)
)


class Described(NamedTuple):
    """What a capsule says; strides are bytes."""

    address: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: np.dtype


def described(capsule: Any) -> Described:
    """The array of a capsule, which stays its owner. Raises ``TypeError`` for a dtype that NumPy has not."""
    tensor = _Managed.from_address(pointer_in(capsule, NAME)).tensor
    code, bits = tensor.dtype.code, tensor.dtype.bits
    if code not in (*_CODES, _BFLOAT) or tensor.dtype.lanes != 1:
        raise TypeError(f"DLPack's dtype {code} of {bits} bits is none of NumPy's")
    dtype = dtype_named(BFLOAT16 if code == _BFLOAT else f"{_CODES[code]}{bits // 8}")
    shape = tuple(tensor.shape[: tensor.ndim])
    if tensor.strides:
        strides = tuple(dtype.itemsize * s for s in tensor.strides[: tensor.ndim])
    else:
        strides = contiguous_strides(shape, dtype.itemsize)
    return Described((tensor.data or 0) + tensor.offset, shape, strides, dtype)


def contiguous_strides(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """The strides in bytes of a C-ordered array."""
    strides, step = [], itemsize
    for size in reversed(shape):
        strides.append(step)
        step *= size
    return tuple(reversed(strides))


class _Memory:
    """What NumPy reads an array of bits from, and keeps: the capsule, which frees the memory when it dies."""

    def __init__(self, capsule: Any, said: Described):
        self.capsule = capsule
        self.__array_interface__ = {
            "data": (said.address, False), "shape": said.shape, "strides": said.strides, "typestr": "<u2", "version": 3,
        }  # fmt: skip


def bfloat16_array(capsule: Any) -> np.ndarray | None:
    """An array over the memory of a capsule of bfloat16, which ``np.from_dlpack`` does not take; None of another."""
    tensor = _Managed.from_address(pointer_in(capsule, NAME)).tensor
    if tensor.dtype.code != _BFLOAT:
        return None
    said = described(capsule)
    return np.asarray(_Memory(capsule, said)).view(said.dtype)


# --- handing out ------------------------------------------------------------------------------------------------------

_handed: dict[int, tuple[Any, ...]] = {}  # what a consumer holds, by the address of its structure


@_Deleter
def _delete(managed: Any) -> None:
    _handed.pop(ctypes.addressof(managed.contents), None)


@_Destructor
def _destroy(capsule: int) -> None:
    """A capsule that nobody has consumed: a consumer renames it, and calls the deleter itself."""
    if _is_valid(capsule, NAME):
        _handed.pop(_dying_pointer(capsule, NAME), None)


def capsule_of(
    owner: Any, address: int, shape: tuple[int, ...], dtype: np.dtype, device: tuple[int, int],
    strides: tuple[int, ...] | None = None,
) -> Any:  # fmt: skip
    """A capsule for memory that lives as long as ``owner``, which the consumer keeps alive.

    Args: device: DLPack's kind and number. strides: in bytes; those of C order where there are none.
    """
    code = _BFLOAT if dtype.name == BFLOAT16 else {kind: code for code, kind in _CODES.items()}[dtype.kind]
    sizes = (ctypes.c_int64 * max(len(shape), 1))(*shape)
    steps = [s // dtype.itemsize for s in strides or contiguous_strides(shape, dtype.itemsize)]
    strides_ = (ctypes.c_int64 * max(len(shape), 1))(*steps)
    kind = _Dtype(code, 8 * dtype.itemsize, 1)
    managed = _Managed(_Tensor(address, _Device(*device), len(shape), kind, sizes, strides_, 0), None, _delete)
    place = ctypes.addressof(managed)
    _handed[place] = (managed, sizes, strides_, owner)
    return _new(place, NAME, ctypes.cast(_destroy, ctypes.c_void_p).value)
