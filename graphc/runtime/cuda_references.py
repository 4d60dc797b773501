"""What the emulator computes in place of a vendor's libraries: SciPy's LAPACK and NumPy's transforms, over memory."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np

KINDS: dict[str, Any] = {"f64": ctypes.c_double, "f32": ctypes.c_float}
Ask = Callable[[Callable[[], object]], None]


REAL = {"c128": "f64", "c64": "f32"}


def vector(address: int, dtype: str, count: int) -> np.ndarray:
    """So many elements at an address."""
    if dtype in REAL:
        return vector(address, REAL[dtype], 2 * count).view(complex if dtype == "c128" else np.complex64)
    return np.ctypeslib.as_array((KINDS[dtype] * count).from_address(address))


def by_columns(address: int, dtype: str, rows: int, columns: int) -> np.ndarray:
    """A matrix at an address, its columns one behind the other."""
    return vector(address, dtype, rows * columns).reshape(columns, rows).T


class NumpySolver:
    """See ``cuda_factors.Solver``. ``ask``: does something now, or when a captured graph is replayed."""

    def __init__(self, ask: Ask):
        self.ask = ask

    def _lapack(self, name: str, like: np.ndarray) -> Any:
        from scipy.linalg.lapack import get_lapack_funcs

        return get_lapack_funcs((name,), (like,))[0]

    def getrf(self, dtype: str, m: int, n: int, a: int, pivots: int, info: int, stream: int) -> None:
        def run() -> None:
            matrix = by_columns(a, dtype, m, n)
            matrix[...], exchanges, failed = self._lapack("getrf", matrix)(matrix)
            _integers(pivots, exchanges + 1)
            _integers(info, failed)

        self.ask(run)

    def potrf(self, dtype: str, n: int, a: int, info: int, stream: int) -> None:
        def run() -> None:
            matrix = by_columns(a, dtype, n, n)
            matrix[...], failed = self._lapack("potrf", matrix)(matrix, lower=0, clean=0)
            _integers(info, failed)

        self.ask(run)

    def trsm(
        self, dtype: str, flags: tuple[str, ...], sizes: tuple[int, int], places: tuple[int, int], workspace: int,
        stream: int,
    ) -> None:  # fmt: skip
        (m, n), (t, b) = sizes, places

        def run() -> None:
            triangle, given = by_columns(t, dtype, n, n), by_columns(b, dtype, m, n)
            triangle = np.triu(triangle) if "upper" in flags else np.tril(triangle)
            if "unit" in flags:
                triangle = triangle - np.diag(np.diag(triangle)) + np.eye(n, dtype=triangle.dtype)
            given[...] = np.linalg.solve(triangle if "transposed" in flags else triangle.T, given.T).T

        self.ask(run)

    def syevd(self, dtype: str, n: int, a: int, values: int, info: int, stream: int) -> None:
        def run() -> None:
            matrix = by_columns(a, dtype, n, n)
            vector(values, REAL.get(dtype, dtype), n)[...], matrix[...] = np.linalg.eigh(matrix)
            _integers(info, 0)

        self.ask(run)

    def gesvd(self, dtype: str, m: int, n: int, a: int, results: tuple[int, int, int], info: int, stream: int) -> None:
        s, u, vt = results

        def run() -> None:
            found = np.linalg.svd(by_columns(a, dtype, m, n), full_matrices=False)
            by_columns(u, dtype, m, n)[...], by_columns(vt, dtype, n, n)[...] = found[0], found[2]
            vector(s, REAL.get(dtype, dtype), n)[...] = found[1]
            by_columns(a, dtype, m, n)[...] = np.nan  # overwritten
            _integers(info, 0)

        self.ask(run)

    def geqrf(self, dtype: str, m: int, n: int, a: int, tau: int, info: int, stream: int) -> None:
        def run() -> None:
            matrix = by_columns(a, dtype, m, n)
            matrix[...], vector(tau, dtype, n)[...], _, failed = self._lapack("geqrf", matrix)(matrix)
            _integers(info, failed)

        self.ask(run)

    def orgqr(self, dtype: str, m: int, n: int, a: int, tau: int, info: int, stream: int) -> None:
        def run() -> None:
            matrix = by_columns(a, dtype, m, n)
            name = "ungqr" if dtype in REAL else "orgqr"
            matrix[...], _, failed = self._lapack(name, matrix)(matrix, vector(tau, dtype, n))
            _integers(info, failed)

        self.ask(run)


def _integers(address: int, values: Any) -> None:
    """Write int32 numbers."""
    found = np.atleast_1d(np.asarray(values, np.int32))
    ctypes.memmove(address, found.ctypes.data, found.nbytes)


class NumpyTransforms:
    """See ``cuda_factors.Transforms``; inverse transforms are not scaled."""

    def __init__(self, ask: Ask):
        self.ask = ask

    def plan(self, name: str, dtype: str, points: int, count: int) -> Any:
        return name, dtype, points, count

    def run(self, plan: Any, source: int, target: int, inverse: bool, stream: int) -> None:
        name, dtype, points, count = plan
        half = points // 2 + 1
        read = {"fft_pairs": 2 * points, "rfft_pairs": points, "irfft_pairs": 2 * half}[name]
        written = {"fft_pairs": 2 * points, "rfft_pairs": 2 * half, "irfft_pairs": points}[name]
        kind = "c16" if dtype == "f64" else "c8"

        def run() -> None:
            given = vector(source, dtype, read * count).reshape(count, read)
            result = vector(target, dtype, written * count).reshape(count, written)
            if name == "rfft_pairs":
                result[...] = np.fft.rfft(given).astype(kind).view(result.dtype)
            elif name == "irfft_pairs":
                result[...] = np.fft.irfft(given.view(kind), n=points, norm="forward")
            else:
                numbers = given.view(kind)
                found = np.fft.ifft(numbers, norm="forward") if inverse else np.fft.fft(numbers)
                result[...] = found.astype(kind).view(result.dtype)

        self.ask(run)
