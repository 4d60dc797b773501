"""Services GEMM and GEMM_BATCH for float64 and float32: one BLAS for the whole process, found without importing SciPy.

In order: MKL where ``graphc[mkl]`` is installed, graphc's own (``tiled``) where the CPU has vectors of 256 bits, the
BLAS that NumPy has already loaded, SciPy's, graphc's own anywhere; setting ``blas`` picks one. A library's large
products run on graphc's threads, one BLAS thread each. While they do, OpenBLAS's process-wide number of threads is 1;
then it is what the user had set. Under ``settings.deterministic`` all its panels have one size, so that the bits do not
depend on the number of threads; those of graphc's own products never do.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from graphc.config import settings
from graphc.errors import ConfigError
from graphc.runtime import blas_code, cache, native, threads, tiled
from graphc.runtime.library_threads import NO_CONTROL, Control, control_of, guard_address
from graphc.runtime.native import function_address

DETERMINISTIC_PANEL = 128
_REALS = (np.dtype(np.float64), np.dtype(np.float32))
_FUNCTIONS = ("dgemm", "sgemm", "dgemv", "sgemv")
# (pattern of the symbols, bits of their integers), the likeliest first
_CBLAS_NAMES = (
    ("scipy_cblas_{}64_", 64),
    ("scipy_cblas_{}", 32),
    ("cblas_{}64_", 64),
    ("cblas_{}_64", 64),
    ("cblas_{}$NEWLAPACK$ILP64", 64),
    ("cblas_{}", 32),
)


@dataclass(frozen=True)
class Library:
    """A BLAS: where it was found, addresses of its CBLAS functions, how its number of threads is set."""

    origin: str
    int_bits: int
    functions: tuple[int, int, int, int]  # dgemm, sgemm, dgemv, sgemv
    control: Control


def _library(origin: str, path: str) -> Library | None:
    """The BLAS that a shared object is or depends on: a symbol of its dependencies is found through its handle."""
    try:
        handle = ctypes.CDLL(path)
    except OSError:
        return None
    for pattern, bits in _CBLAS_NAMES:
        found = tuple(function_address(handle, pattern.format(name)) for name in _FUNCTIONS)
        if len(found) == len(_FUNCTIONS) and all(found):
            functions = (found[0], found[1], found[2], found[3])
            return Library(origin, bits, functions, control_of(handle))
    return None


def _mkl_paths() -> Iterator[str]:
    pattern = {"win32": "Library/bin/mkl_rt*.dll", "darwin": "lib/libmkl_rt*.dylib"}.get(
        sys.platform, "lib/libmkl_rt.so*"
    )
    yield from (str(path) for path in sorted(Path(sys.prefix).glob(pattern)))


def _numpy_paths() -> Iterator[str]:
    core = sys.modules.get("numpy._core._multiarray_umath")
    if core is not None and core.__file__:
        yield core.__file__


def _scipy_paths() -> Iterator[str]:
    spec = find_spec("scipy")
    if spec is not None and spec.origin is not None:
        folder = Path(spec.origin).parent
        yield from (
            str(path) for path in sorted(folder.glob("linalg/_fblas*.so")) + sorted(folder.glob("linalg/_fblas*.pyd"))
        )


OWN = Library("graphc", 64, (0, 0, 0, 0), NO_CONTROL)


_PLACES: dict[str, Callable[[], Iterator[str]]] = {"mkl": _mkl_paths, "numpy": _numpy_paths, "scipy": _scipy_paths}


def library_paths(choice: str) -> Iterator[str]:
    """Shared objects that may hold numerical routines: those for a value of setting ``blas`` first, then all others."""
    names = sorted(_PLACES, key=lambda name: name != choice)
    for name in names:
        yield from _PLACES[name]()


def find_library(choice: str) -> Library:
    """The BLAS for a value of setting ``blas`` (one of ``config.BLAS_CHOICES``).

    Raises: ConfigError: the one asked for by name is not there.
    """
    for origin, paths in _PLACES.items():
        if choice == "auto" and origin == "numpy" and tiled.vector_bits() >= tiled.FAST_BITS:
            return OWN
        if choice in ("auto", origin):
            for path in paths():
                library = _library(origin, path)
                if library is not None:
                    return library
    if choice not in ("auto", "native"):
        raise ConfigError(
            f"setting blas (environment variable GRAPHC_BLAS): no BLAS found in {choice}; 'auto' takes any"
        )
    return OWN


class _Gemm:
    """A library's loaded services and their state."""

    def __init__(self, found: Library) -> None:
        self.library = found
        variant = self.library.int_bits, self.library.control.kind
        ir = blas_code.gemm_ir(*variant, yields=threads.have_posix_threads())
        names = blas_code.symbols(*variant)
        addresses = native.load_object(cache.compiled_module("gemm", ir, optimisation=0), names)
        *services, state = (addresses[name] for name in names)
        self.single = dict(zip(_REALS, services[:2], strict=True))
        self.batched = dict(zip(_REALS, services[2:], strict=True))
        start = ctypes.CFUNCTYPE(ctypes.c_void_p)(state)()
        self.state = (ctypes.c_int64 * blas_code.STATE_SLOTS).from_address(start)
        words = (*self.library.functions, threads.launch_address(), guard_address(self.library.control))
        for index, word in enumerate(words):
            self.state[index] = word
        self.apply_settings()

    def apply_settings(self) -> None:
        self.state[blas_code.THREADS] = settings.num_threads
        self.state[blas_code.PANEL] = DETERMINISTIC_PANEL if settings.deterministic else 0


@lru_cache(maxsize=1)
def _gemm() -> _Gemm | tiled.TiledGemm:
    found = find_library(settings.blas)
    if found is OWN:
        return tiled.TiledGemm(tiled.vector_bits())
    gemm = _Gemm(found)
    settings.on_change("num_threads", gemm.apply_settings)
    settings.on_change("deterministic", gemm.apply_settings)
    return gemm


def gemm_address(dtype: np.dtype, batched: bool = False) -> int:
    """Address (int) of ``gemm(flags, m, n, k, a, lda, b, ldb, c, ldc)`` or its batched form: ``graphc.abi.Service``.

    Args: dtype: float64 or float32. batched: the service for many products at once.
    Raises: TypeError: another dtype. ConfigError: setting ``blas`` names a BLAS that is not there.
    """
    gemm = _gemm()
    addresses = gemm.batched if batched else gemm.single
    if dtype not in addresses:
        raise TypeError(f"gemm is for float64 and float32, not {dtype}")
    return addresses[dtype]


def library() -> Library:
    """The BLAS in use (Library). Raises: ConfigError: setting ``blas`` names one that is not there."""
    gemm = _gemm()
    return gemm.library if isinstance(gemm, _Gemm) else OWN
