"""LAPACK's functions by address, and service LAUNCH_LAPACK: of the BLAS in use where it has them, else of any there is.

They are the Fortran symbols, so that every build will do: OpenBLAS in NumPy's and SciPy's wheels (with a prefix or a
suffix of their own), Apple's Accelerate, MKL, or a system library.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import lru_cache

from graphc.abi import Lapack
from graphc.config import settings
from graphc.errors import ConfigError
from graphc.runtime import cache, lapack_code, native, threads
from graphc.runtime.blas import library_paths
from graphc.runtime.library_threads import Control, control_of, guard_address
from graphc.runtime.native import function_address

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


@dataclass(frozen=True)
class Library:
    """The words that ``abi.Lapack`` describes, and how the library's number of threads is set."""

    words: tuple[int, ...]
    control: Control


def _library(path: str) -> Library | None:
    """The LAPACK that a shared object is or depends on, where it has all the functions."""
    try:
        handle = ctypes.CDLL(path)
    except OSError:
        return None
    for pattern, wide in _NAMES:
        addresses = [function_address(handle, pattern.format(entry.name.lower())) for entry in _FUNCTIONS]
        if all(addresses):
            return Library((int(wide), *addresses), control_of(handle))
    return None


@lru_cache(maxsize=1)
def library() -> Library | None:
    """The LAPACK in use; None where no library has all of its functions."""
    return next((found for path in library_paths(settings.blas) if (found := _library(path)) is not None), None)


def words() -> tuple[int, ...]:
    """The words that ``abi.Lapack`` describes (ints), none where there is no LAPACK."""
    found = library()
    return () if found is None else found.words


@lru_cache(maxsize=1)
def launch_address() -> int:
    """Address (int) of service LAUNCH_LAPACK, see ``graphc.abi.Service``. Raises: ConfigError: there is no LAPACK."""
    control = require_lapack().control
    symbols = lapack_code.symbols(control.kind)
    ir = lapack_code.launch_ir(control.kind, yields=threads.have_posix_threads())
    addresses = native.load_object(cache.compiled_module("lapack", ir, optimisation=0), symbols)
    service, state = (addresses[symbol] for symbol in symbols)
    slots = (ctypes.c_int64 * lapack_code.STATE_SLOTS).from_address(ctypes.CFUNCTYPE(ctypes.c_void_p)(state)())
    slots[lapack_code.LAUNCH] = threads.launch_address()
    slots[lapack_code.GUARD] = guard_address(control)
    return service


def require_lapack() -> Library:
    """The LAPACK in use. Raises: ConfigError: there is none."""
    found = library()
    if found is None:
        raise ConfigError("linear algebra needs a LAPACK: neither NumPy's nor SciPy's library has one; install SciPy")
    return found
