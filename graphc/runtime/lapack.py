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
def words() -> list[int] | None:
    """The words that ``abi.Lapack`` describes; None where no library has all of its functions."""
    return next((found for path in library_paths(settings.blas) if (found := _found(path)) is not None), None)


def require_lapack() -> None:
    """Raises: ConfigError: there is no LAPACK."""
    if words() is None:
        raise ConfigError("linear algebra needs a LAPACK: neither NumPy's nor SciPy's library has one; install SciPy")
