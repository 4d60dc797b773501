"""cuSOLVER and cuFFT, called through ctypes: factorisations of dense matrices, and Fourier transforms.

Signatures are those of ``cusolverDn.h`` and ``cufft.h``, version 12. The libraries are looked for when a program first
needs them; ``graphc[cuda]``, PyTorch and CuPy bring them along.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from graphc.errors import CudaError
from graphc.runtime.cuda_factors import BYTES

LETTERS = {"f64": "D", "f32": "S", "c128": "Z", "c64": "C"}
OF_COMPLEX = {"syevd": "heevd", "orgqr": "ungqr"}  # names that complex matrices have
LOWER, UPPER, VECTORS = 0, 1, 1  # CUBLAS_FILL_MODE_*, CUSOLVER_EIG_MODE_VECTOR
FIRST_COLUMNS = ctypes.c_byte(ord("S"))
LARGEST = 2**31 - 1  # sizes are C's int there
Handle = ctypes.c_void_p
TYPES = {
    ("fft_pairs", "f32"): 0x29, ("rfft_pairs", "f32"): 0x2A, ("irfft_pairs", "f32"): 0x2C,
    ("fft_pairs", "f64"): 0x69, ("rfft_pairs", "f64"): 0x6A, ("irfft_pairs", "f64"): 0x6C,
}  # fmt: skip
EXECUTE = {
    ("fft_pairs", "f32"): "cufftExecC2C", ("rfft_pairs", "f32"): "cufftExecR2C", ("irfft_pairs", "f32"): "cufftExecC2R",
    ("fft_pairs", "f64"): "cufftExecZ2Z", ("rfft_pairs", "f64"): "cufftExecD2Z", ("irfft_pairs", "f64"): "cufftExecZ2D",
}  # fmt: skip
FORWARD, INVERSE = -1, 1


class CuSolver:
    """A handle of cuSOLVER, for one context; see ``cuda_factors.Solver``.

    ``allocate(size, stream)`` and ``release(address, stream)`` give it memory to work in.
    """

    def __init__(
        self, library: Any, blas: Any, allocate: Callable[[int, int], int], release: Callable[[int, int], None]
    ):
        self.library, self.blas, self.handle = library, blas, Handle()
        self.allocate, self.release = allocate, release
        self.rooms: dict[tuple[Any, ...], int] = {}  # what each routine needs for its sizes
        self.lock = threading.Lock()

    def getrf(self, dtype: str, m: int, n: int, a: int, pivots: int, info: int, stream: int) -> None:
        matrix = (m, n, Handle(a), m)
        with self._room("getrf", dtype, matrix, stream) as (room, _):
            self._call("getrf", dtype, *matrix, Handle(room), Handle(pivots), Handle(info))

    def potrf(self, dtype: str, n: int, a: int, info: int, stream: int) -> None:
        matrix = (UPPER, n, Handle(a), n)
        with self._room("potrf", dtype, matrix, stream) as (room, size):
            self._call("potrf", dtype, *matrix, Handle(room), size, Handle(info))

    def trsm(
        self, dtype: str, flags: tuple[str, ...], sizes: tuple[int, int], places: tuple[int, int], workspace: int,
        stream: int,
    ) -> None:  # fmt: skip
        if self.blas is None:
            raise CudaError("triangular systems on a GPU need NVIDIA's library libcublas, which is not found")
        self.blas.trsm(dtype, flags, sizes, places, workspace, stream)

    def syevd(self, dtype: str, n: int, a: int, values: int, info: int, stream: int) -> None:
        matrix = (VECTORS, LOWER, n, Handle(a), n, Handle(values))
        with self._room("syevd", dtype, matrix, stream) as (room, size):
            self._call("syevd", dtype, *matrix, Handle(room), size, Handle(info))

    def gesvd(self, dtype: str, m: int, n: int, a: int, results: tuple[int, int, int], info: int, stream: int) -> None:
        s, u, vt = map(Handle, results)
        with self._room("gesvd", dtype, (m, n), stream) as (room, size):
            rest = (Handle(room), size, None, Handle(info))
            self._call("gesvd", dtype, FIRST_COLUMNS, FIRST_COLUMNS, m, n, Handle(a), m, s, u, m, vt, n, *rest)

    def geqrf(self, dtype: str, m: int, n: int, a: int, tau: int, info: int, stream: int) -> None:
        matrix = (m, n, Handle(a), m)
        with self._room("geqrf", dtype, matrix, stream) as (room, size):
            self._call("geqrf", dtype, *matrix, Handle(tau), Handle(room), size, Handle(info))

    def orgqr(self, dtype: str, m: int, n: int, a: int, tau: int, info: int, stream: int) -> None:
        matrix = (m, n, n, Handle(a), m, Handle(tau))
        with self._room("orgqr", dtype, matrix, stream) as (room, size):
            self._call("orgqr", dtype, *matrix, Handle(room), size, Handle(info))

    @contextmanager
    def _room(self, name: str, dtype: str, matrix: tuple[Any, ...], stream: int) -> Iterator[tuple[int, int]]:
        """Memory to work in, and how many elements it has; the library works on the stream meanwhile."""
        if any(isinstance(size, int) and size > LARGEST for size in matrix):
            raise CudaError(f"{name} of a matrix with a size above 2**31: cuSOLVER cannot take it")
        key = (name, dtype, *[size for size in matrix if isinstance(size, int)])
        with self.lock:
            if not self.handle.value:
                self._asked("cusolverDnCreate", ctypes.byref(self.handle))
            self._asked("cusolverDnSetStream", self.handle, Handle(stream))
            if key not in self.rooms:
                found = ctypes.c_int()
                self._call(f"{name}_bufferSize", dtype, *matrix, ctypes.byref(found))
                self.rooms[key] = found.value
            size = self.rooms[key]
            address = self.allocate(max(size, 1) * BYTES[dtype], stream)
            try:
                yield address, size
            finally:
                self.release(address, stream)

    def _call(self, name: str, dtype: str, *arguments: Any) -> None:
        routine, _, rest = name.partition("_")
        if dtype.startswith("c"):
            routine = OF_COMPLEX.get(routine, routine)
        self._asked(f"cusolverDn{LETTERS[dtype]}{'_'.join(filter(None, (routine, rest)))}", self.handle, *arguments)

    def _asked(self, name: str, *arguments: Any) -> None:
        status = getattr(self.library, name)(*arguments)
        if status:
            raise CudaError(f"{name}: cuSOLVER status {status}")


class CuFFTPlan:
    """A plan with the memory that it works in, which goes with it."""

    def __init__(self, library: Any, name: str, dtype: str, points: int, count: int):
        self.library, self.key, self.handle = library, (name, dtype), ctypes.c_int()
        size = (ctypes.c_int * 1)(points)
        layout = (None, 1, 0)  # rows one behind the other
        asked(library, "cufftPlanMany", ctypes.byref(self.handle), 1, size, *layout, *layout, TYPES[self.key], count)

    def __del__(self) -> None:
        if hasattr(self, "handle") and self.handle.value:
            self.library.cufftDestroy(self.handle)


class CuFFT:
    """See ``cuda_factors.Transforms``."""

    def __init__(self, library: Any):
        self.library, self.lock = library, threading.Lock()

    def plan(self, name: str, dtype: str, points: int, count: int) -> CuFFTPlan:
        if max(points, count) > LARGEST:
            raise CudaError(
                f"a Fourier transform of {count} rows of {points} points: cuFFT takes at most 2**31 of each"
            )
        return CuFFTPlan(self.library, name, dtype, points, count)

    def run(self, plan: CuFFTPlan, source: int, target: int, inverse: bool, stream: int) -> None:
        direction = (INVERSE if inverse else FORWARD,) if plan.key[0] == "fft_pairs" else ()
        with self.lock:
            asked(self.library, "cufftSetStream", plan.handle, Handle(stream))
            asked(self.library, EXECUTE[plan.key], plan.handle, Handle(source), Handle(target), *direction)


def asked(library: Any, name: str, *arguments: Any) -> None:
    """Call a function of cuFFT. Raises ``CudaError``."""
    status = getattr(library, name)(*arguments)
    if status:
        raise CudaError(f"{name}: cuFFT status {status}")
