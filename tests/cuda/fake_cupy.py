"""A stand-in for CuPy: what graphc reads of its arrays, over this process' memory.

Attributes that CuPy's arrays keep in C are slots here, and what is made at each reading there is made here too.
"""

from __future__ import annotations

import sys
import threading
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np


class Pointer:
    __slots__ = ("device_id", "owner", "ptr")

    def __init__(self, owner: np.ndarray, device_id: int):
        self.owner, self.ptr, self.device_id = owner, owner.ctypes.data, device_id


class Flags:
    def __init__(self, c_contiguous: bool, f_contiguous: bool):
        self.c_contiguous, self.f_contiguous = c_contiguous, f_contiguous


class Device:
    """``cupy.cuda.Device``: the block has it as the current one. ``entered``: how often that was so."""

    current = threading.local()
    entered = 0

    def __init__(self, number: int):
        self.id, self.before = number, []

    def __enter__(self) -> Device:
        self.before.append(getattr(Device.current, "id", 0))
        Device.current.id = self.id
        Device.entered += 1
        return self

    def __exit__(self, *error: Any) -> None:
        Device.current.id = self.before.pop()


DEVICES = (Device(0), Device(1))


class ndarray:
    """``cupy.ndarray(shape, dtype)``, on the current device. ``nowhere``: where new arrays are that nobody looks at."""

    __slots__ = ("_c_contiguous", "data", "device", "dtype", "shape", "strides", "values")
    __module__ = "cupy"
    nowhere: Pointer | None = None

    def __init__(self, shape: tuple[int, ...], dtype: Any = float, values: np.ndarray | None = None):
        if values is None and self.nowhere is not None:
            self.shape, self.dtype, self.data, self._c_contiguous = shape, dtype, self.nowhere, True
            return
        if values is None:
            whole = np.empty(int(np.prod(shape)) * np.dtype(dtype).itemsize + 16, np.uint8)
            values = np.ndarray(shape, dtype, whole.data, -whole.ctypes.data % 16)
        self.values, self.shape, self.dtype, self.strides = values, values.shape, values.dtype, values.strides
        self.device = DEVICES[getattr(Device.current, "id", 0)]
        self._c_contiguous, self.data = values.flags.c_contiguous, Pointer(values, self.device.id)

    @property
    def flags(self) -> Flags:
        return Flags(self._c_contiguous, self.values.flags.f_contiguous)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        raise AssertionError("it takes longer than what is read one by one")

    def __getitem__(self, key: Any) -> ndarray:
        return array(self.values[key])

    def reshape(self, shape: tuple[int, ...]) -> ndarray:
        return array(self.values.reshape(shape))


def array(values: np.ndarray) -> ndarray:
    """Over the very memory of the values."""
    return ndarray(values.shape, values.dtype, values)


def empty(shape: tuple[int, ...], dtype: Any = float, order: str = "C") -> ndarray:
    return ndarray(shape, dtype)


@contextmanager
def installed() -> Iterator[types.SimpleNamespace]:
    """In the block ``cupy`` is this, with one stream; ``cupy.cuda.stream.ptr`` is its handle."""
    stream = types.SimpleNamespace(ptr=0)
    cuda = types.SimpleNamespace(get_current_stream=lambda: stream, stream=stream, Device=Device)
    module = types.SimpleNamespace(ndarray=ndarray, empty=empty, cuda=cuda)
    with mock.patch.dict(sys.modules, {"cupy": module}):
        yield module
