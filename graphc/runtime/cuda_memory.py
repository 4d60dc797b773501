"""graphc's own arrays on a device, which other libraries read by either protocol."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.abi import OnDevice
from graphc.errors import CudaError
from graphc.runtime import dlpack
from graphc.runtime.cuda_devices import Device, device, give_back

SPARE_ARRAY, SPARE_SIZE, SPARE_SIZES = 1 << 16, 1 << 20, 64  # bytes of an array, of all of one size; and how many sizes
STREAM_NUMBERS = {None: 0, 1: 0}  # in interfaces, 1 is the legacy default stream, and none is one that is done


def elements(shape: Sequence[int]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count


class Spare(list[int]):
    """Addresses of memory of one size that is kept, of which there may be ``most``."""

    __slots__ = ("most",)

    def __init__(self, size: int):
        super().__init__()
        self.most = SPARE_SIZE // size


def _spare_blocks(on: Device, size: int) -> Spare | None:
    """Memory of small arrays of this size that are gone, on the device's own stream: asking the driver takes longer.

    As with the driver's pool, what is asked of the memory next comes after what was asked before.
    """
    if on.spare is None or not 0 < size <= SPARE_ARRAY:
        return None
    blocks = on.spare.get(size)
    if blocks is None and len(on.spare) < SPARE_SIZES:
        blocks = on.spare.setdefault(size, Spare(size))
    return blocks


class DeviceArray(OnDevice):
    """An array on a device that graphc made: other libraries read it by either protocol. ``shape``, ``dtype``."""

    __slots__ = ("__weakref__", "address", "dtype", "number", "on", "shape", "spare", "stream")

    def __init__(
        self, shape: tuple[int, ...], dtype: np.dtype, number: int, stream: int, on: Device | None = None
    ):  # fmt: skip
        """``on``: the device of that number, for those who have it at hand."""
        self.shape, self.dtype, self.number, self.stream = shape, dtype, number, stream
        self.on = device(number) if on is None else on
        size = elements(shape) * dtype.itemsize
        self.spare = _spare_blocks(self.on, size) if stream == self.on.stream else None
        if self.spare:
            try:
                self.address = self.spare.pop()
                return
            except IndexError:  # another thread was quicker
                pass
        with self.on.current():
            self.address = self.on.allocate(size, stream)

    def __del__(self) -> None:
        try:
            address, spare = self.address, self.spare
        except AttributeError:  # it was never made
            return
        if spare is not None and len(spare) < spare.most:
            spare.append(address)
        elif not sys.is_finalizing():
            give_back(self.on, address, self.stream)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        """Raises ``CudaError``: NumPy would make an array of one object of it."""
        raise CudaError(f"an array on device {self.number}, which NumPy cannot read: copy_to_host() copies its values")

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return elements(self.shape)

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    def view(self, dtype: np.dtype) -> SharedArray:
        """The same memory with elements of another dtype of the same size."""
        return SharedArray(self, self.address, self.shape, dtype, self.number, self.stream)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        data = (self.address, False)
        return {"shape": self.shape, "typestr": self.dtype.str, "data": data, "version": 3, "stream": self.stream or 1}

    def __dlpack_device__(self) -> tuple[int, int]:
        return dlpack.CUDA, self.number

    def __dlpack__(self, *, stream: Any = None, **ignored: Any) -> Any:
        """``stream``: of the consumer, which waits for what is asked of this array's."""
        if stream not in (None, -1):
            with self.on.current():
                self.on.follow(STREAM_NUMBERS.get(stream, stream), self.stream)
        return dlpack.capsule_of(self, self.address, self.shape, self.dtype, self.__dlpack_device__())

    def copy_to_host(self) -> np.ndarray:
        """The values as a NumPy array."""
        array = np.empty(self.shape, self.dtype)
        with self.on.current():
            self.on.read([(self.address, array)], self.stream)
        return array

    def item(self) -> Any:
        """The number of an array with one element, which is waited for. Raises ``ValueError`` for any other."""
        return self.copy_to_host().item()

    def __int__(self) -> int:
        return int(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __complex__(self) -> complex:
        return complex(self.item())

    def __bool__(self) -> bool:
        return bool(self.item())

    def __repr__(self) -> str:
        return f"DeviceArray(shape={self.shape}, dtype={self.dtype}, device={self.number})"


class SharedArray(DeviceArray):
    """An array over memory on a device that belongs to ``owner``, whatever that is."""

    __slots__ = ("owner",)

    def __init__(self, owner: Any, address: int, shape: tuple[int, ...], dtype: np.dtype, number: int, stream: int):
        self.owner, self.address, self.on = owner, address, device(number)
        self.shape, self.dtype, self.number, self.stream = shape, dtype, number, stream

    def __del__(self) -> None:
        """The memory is its owner's."""


def template_of(shape: tuple[int, ...], dtype: np.dtype, number: int, stream: int, on: Device) -> DeviceArray | None:
    """What native code makes arrays like of, where memory of their size is kept; it has no memory itself."""
    spare = _spare_blocks(on, elements(shape) * dtype.itemsize) if stream == on.stream else None
    if spare is None:
        return None
    template = SharedArray(None, 0, shape, dtype, number, stream)
    template.on, template.spare = on, spare
    return template


def sent(array: Any, number: int) -> DeviceArray:
    """A NumPy array or scalar, copied to the device of this number, on its own stream."""
    values = np.asarray(array, order="C")
    made = DeviceArray(values.shape, values.dtype, number, device(number).stream)
    with made.on.current():
        made.on.write(made.address, values, made.stream)
    return made
