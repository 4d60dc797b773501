"""The table of function addresses that a driver gets: the services, then the program's kernels."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from graphc import abi
from graphc.runtime import blas, threads


@lru_cache(maxsize=1)
def _services() -> tuple[int, ...]:
    slots = [0] * abi.KERNELS_START
    slots[abi.Service.LAUNCH] = threads.launch_address()
    f64, f32 = np.dtype(np.float64), np.dtype(np.float32)
    slots[abi.Service.GEMM_F64], slots[abi.Service.GEMM_F32] = blas.gemm_address(f64), blas.gemm_address(f32)
    slots[abi.Service.GEMM_BATCH_F64] = blas.gemm_address(f64, batched=True)
    slots[abi.Service.GEMM_BATCH_F32] = blas.gemm_address(f32, batched=True)
    return tuple(slots)


def services_table() -> list[int]:
    """Addresses of the services (list of ``abi.KERNELS_START`` int), 0 where there is no service yet.

    Raises: ConfigError: setting ``blas`` names a BLAS that is not there.
    """
    return list(_services())


def make_table(kernel_addresses: Sequence[int]) -> tuple[int, object]:
    """A program's table: the services, then its kernels.

    Args: kernel_addresses: addresses (int) in the order of their index.
    Returns: the table's address (int) and the object that keeps it alive.
    """
    words = [*_services(), *kernel_addresses]
    table = (ctypes.c_int64 * len(words))(*words)
    return ctypes.addressof(table), table
