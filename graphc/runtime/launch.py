"""The table of function addresses that a driver gets: the services, then the program's kernels."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from graphc import abi
from graphc.runtime import blas, lapack, libraries, threads
from graphc.runtime.convolutions import convolution_address


@lru_cache(maxsize=1)
def _services() -> tuple[int, ...]:
    slots = [0] * abi.KERNELS_START
    slots[abi.Service.LAUNCH] = threads.launch_address()
    f64, f32 = np.dtype(np.float64), np.dtype(np.float32)
    slots[abi.Service.GEMM_F64], slots[abi.Service.GEMM_F32] = blas.gemm_address(f64), blas.gemm_address(f32)
    slots[abi.Service.GEMM_BATCH_F64] = blas.gemm_address(f64, batched=True)
    slots[abi.Service.GEMM_BATCH_F32] = blas.gemm_address(f32, batched=True)
    slots[abi.Service.LIBRARY] = libraries.table_address()
    slots[abi.Service.GROW] = _python_address("PyMem_RawRealloc")
    slots[abi.Service.RELEASE] = _python_address("PyMem_RawFree")
    return tuple(slots)


def _python_address(name: str) -> int:
    """The address of a function of Python's C API that needs no GIL."""
    return int(ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0)


def services_table() -> list[int]:
    """Addresses of the services (list of ``abi.KERNELS_START`` int), 0 where there is no service yet.

    Raises: ConfigError: setting ``blas`` names a BLAS that is not there.
    """
    return list(_services())


def make_table(
    kernel_addresses: Sequence[int], convolutions: Sequence[str] = (), foreign: Sequence[str] = ()
) -> tuple[int, object]:
    """A program's table: the services, then its kernels.

    Args:
        kernel_addresses: addresses (int) in the order of their index.
        convolutions: the dtypes (str, as in programs' texts) of the convolutions that it has.
        foreign: the other libraries ("lapack", "fourier") that its routines call.
    Returns: the table's address (int) and the object that keeps it alive.
    Raises: ConfigError: one of these is not there.
    """
    libraries.require(foreign)
    words = [*_services(), *kernel_addresses]
    if "lapack" in foreign:
        words[abi.Service.LAUNCH_LAPACK] = lapack.launch_address()
    for dtype in convolutions:
        words[abi.Service[f"CONVOLUTION_{dtype.upper()}"]] = convolution_address(dtype)
    table = (ctypes.c_int64 * len(words))(*words)
    return ctypes.addressof(table), table
