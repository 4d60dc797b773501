"""The table of functions of other libraries that programs call by address: LAPACK's, NumPy's transforms and sorting."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from functools import lru_cache

from graphc.abi import Fourier, Sorter
from graphc.runtime import fourier, lapack, sorting

_REQUIRED = {"lapack": lapack.require_lapack, "fourier": fourier.require_fourier}


@lru_cache(maxsize=1)
def _table() -> ctypes.Array:
    parts = ((0, lapack.words()), (int(min(Fourier)), fourier.words()), (int(min(Sorter)), sorting.words()))
    words: list[int] = []
    for first, part in parts:
        assert len(words) <= first
        words += [0] * (first - len(words)) + [*(part or ())]
    return (ctypes.c_int64 * len(words))(*words)


def table_address() -> int:
    """Address (int) of the table that ``abi.Lapack``, ``Fourier`` and ``Sorter`` describe; 0 for what is not there."""
    return ctypes.addressof(_table())


def require(names: Iterable[str]) -> None:
    """Raises: ConfigError: one of these ("lapack", "fourier") is not there."""
    for name in names:
        _REQUIRED[name]()
