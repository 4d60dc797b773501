"""The table of functions of other libraries that programs call by address: LAPACK's and NumPy's transforms."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from functools import lru_cache

from graphc.abi import Fourier
from graphc.runtime import fourier, lapack

_REQUIRED = {"lapack": lapack.require_lapack, "fourier": fourier.require_fourier}


@lru_cache(maxsize=1)
def _table() -> ctypes.Array:
    first = int(min(Fourier))
    words = lapack.words() or []
    assert len(words) <= first
    words = [*words, *[0] * (first - len(words)), *(fourier.words() or [])]
    return (ctypes.c_int64 * len(words))(*words)


def table_address() -> int:
    """Address (int) of the table that ``abi.Lapack`` and ``abi.Fourier`` describe; 0 stands for what is not there."""
    return ctypes.addressof(_table())


def require(names: Iterable[str]) -> None:
    """Raises: ConfigError: one of these ("lapack", "fourier") is not there."""
    for name in names:
        _REQUIRED[name]()
