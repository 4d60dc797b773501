"""NVIDIA's driver, called through ctypes: no package is needed beside the driver itself.

One context, the device's primary one, which other libraries in the process share. Work goes to the legacy default
stream, in order; reading waits for it. Signatures and codes are those of the CUDA driver API (cuda.h, version 12).
"""

from __future__ import annotations

import ctypes
import functools
import sys
from collections.abc import Sequence
from enum import IntEnum
from typing import Any

import numpy as np

from graphc.codegen.cuda_driver import CudaKernel
from graphc.codegen.cuda_kernel import THREADS
from graphc.codegen.ptx import kernel_ptx
from graphc.errors import CudaError

LIBRARY = {"linux": "libcuda.so.1", "win32": "nvcuda.dll"}
BLOCKS_OF_A_MULTIPROCESSOR = 8
OUT_OF_MEMORY, NO_DEVICE = 2, 100
Word = ctypes.c_uint64


class Attribute(IntEnum):
    """CUdevice_attribute."""

    MULTIPROCESSORS = 16
    MAJOR = 75
    MINOR = 76


class CudaDevice:
    """The device with this number, see ``runtime.cuda_program.Device``. Raises ``CudaError``."""

    threads = THREADS

    def __init__(self, number: int = 0, library: Any = None):
        self.library = open_library() if library is None else library
        self._call("cuInit", 0)
        handle, context = ctypes.c_int(), ctypes.c_void_p()
        self._call("cuDeviceGet", ctypes.byref(handle), number)
        text = ctypes.create_string_buffer(256)
        self._call("cuDeviceGetName", text, len(text), handle)
        self.name = text.value.decode()
        self.architecture = f"sm_{self._attribute(handle, Attribute.MAJOR)}{self._attribute(handle, Attribute.MINOR)}"
        self.most_blocks = BLOCKS_OF_A_MULTIPROCESSOR * self._attribute(handle, Attribute.MULTIPROCESSORS)
        self._call("cuDevicePrimaryCtxRetain", ctypes.byref(context), handle)
        self.context = context

    def _attribute(self, handle: ctypes.c_int, attribute: Attribute) -> int:
        found = ctypes.c_int()
        self._call("cuDeviceGetAttribute", ctypes.byref(found), int(attribute), handle)
        return found.value

    def _call(self, name: str, *arguments: Any) -> None:
        status = getattr(self.library, name)(*arguments)
        if status == NO_DEVICE:
            raise CudaError('target="cuda": the NVIDIA driver finds no GPU on this machine')
        if status:
            text = ctypes.c_char_p()
            self.library.cuGetErrorString(status, ctypes.byref(text))
            reason = text.value.decode() if text.value else f"error {status}"
            raise CudaError(f"{name}: {reason}")

    def _in_context(self) -> None:
        """Contexts belong to threads: whichever thread calls may be a new one."""
        self._call("cuCtxSetCurrent", self.context)

    def load(self, kernels: Sequence[CudaKernel]) -> list[Any]:
        self._in_context()
        found = []
        for kernel in kernels:
            module, function = ctypes.c_void_p(), ctypes.c_void_p()
            self._call("cuModuleLoadData", ctypes.byref(module), kernel_ptx(kernel, self.architecture).encode())
            self._call("cuModuleGetFunction", ctypes.byref(function), module, kernel.printed.name.encode())
            found.append(function)
        return found

    def allocate(self, size: int) -> int:
        self._in_context()
        address = Word()
        self._call("cuMemAlloc_v2", ctypes.byref(address), ctypes.c_size_t(size))
        return address.value

    def release(self, address: int) -> None:
        self._call("cuMemFree_v2", Word(address))

    def write(self, address: int, array: np.ndarray) -> None:
        contiguous = np.ascontiguousarray(array)
        source = ctypes.c_void_p(contiguous.ctypes.data)
        self._call("cuMemcpyHtoD_v2", Word(address), source, ctypes.c_size_t(contiguous.nbytes))

    def read(self, address: int, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        array = np.empty(shape, dtype)
        target = ctypes.c_void_p(array.ctypes.data)
        self._call("cuMemcpyDtoH_v2", target, Word(address), ctypes.c_size_t(array.nbytes))
        return array

    def launch(self, kernel: Any, blocks: int, threads: int, arguments: Sequence[int], *, waits: bool) -> None:
        values = (ctypes.c_int64 * len(arguments))(*arguments)
        start = ctypes.addressof(values)
        places = (ctypes.c_void_p * len(arguments))(*(start + 8 * k for k in range(len(arguments))))
        self._call("cuLaunchKernel", kernel, blocks, 1, 1, threads, 1, 1, 0, None, places, None)


def open_library() -> Any:
    """The driver's library. Raises ``CudaError`` where the machine has none."""
    name = LIBRARY.get(sys.platform)
    try:
        if name is None:
            raise OSError(f"there is none for {sys.platform}")
        return ctypes.CDLL(name)
    except OSError as error:
        raise CudaError(
            f'target="cuda" needs an NVIDIA GPU and its driver ({name or "libcuda"}): {error}; GRAPHC_CUDA_EMULATOR=1 '
            "runs the same kernels on this machine, slowly"
        ) from error


@functools.cache
def first_device() -> CudaDevice:
    """The process' device 0. Raises ``CudaError`` where there is no GPU or no driver."""
    return CudaDevice()
