"""LAPACK's functions by address: of the BLAS in use where it has them, else of any that is there.

They are the Fortran symbols, so that every build will do: OpenBLAS in NumPy's and SciPy's wheels (with a prefix or a
suffix of their own), Apple's Accelerate, MKL, or a system library.
"""

from __future__ import annotations

import ctypes
from functools import lru_cache

from graphc.abi import Lapack
from graphc.config import settings
from graphc.errors import ConfigError
from graphc.runtime.blas import function_address, library_paths

# (pattern of the symbols, whether their integers have 64 bits), the likeliest first
_NAMES = (
    ("scipy_{}_64_", True),
    ("scipy_{}_", False),
    ("{}_64_", True),
    ("{}$NEWLAPACK$ILP64", True),
    ("{}_64", True),
    ("{}$NEWLAPACK", False),
    ("{}_", False),
)
_FUNCTIONS = [entry for entry in Lapack if entry is not Lapack.WIDE]


def _found(path: str) -> list[int] | None:
    """The words of the table, where the shared object at the path has all the functions."""
    try:
        handle = ctypes.CDLL(path)
    except OSError:
        return None
    for pattern, wide in _NAMES:
        addresses = [function_address(handle, pattern.format(entry.name.lower())) for entry in _FUNCTIONS]
        if all(addresses):
            return [int(wide), *addresses]
    return None


@lru_cache(maxsize=1)
def _table() -> ctypes.Array | None:
    for path in library_paths(settings.blas):
        words = _found(path)
        if words is not None:
            return (ctypes.c_int64 * len(words))(*words)
    return None


def table_address() -> int:
    """Address (int) of the table that ``abi.Lapack`` describes; 0 where no library has all of its functions."""
    table = _table()
    return 0 if table is None else ctypes.addressof(table)


def require_lapack() -> None:
    """Raises: ConfigError: there is no LAPACK."""
    if _table() is None:
        raise ConfigError("linear algebra needs a LAPACK: neither NumPy's nor SciPy's library has one; install SciPy")
