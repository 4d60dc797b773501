"""cuBLAS, called through ctypes: from CUDA's own installation, or from a package that brings it along.

PyTorch, CuPy and ``graphc[cuda]`` (``nvidia-cublas-cu12``) do. Where none is found, graphc's own kernel multiplies.
Signatures are those of ``cublas_api.h``, version 12. Matrices are C-ordered here and Fortran-ordered there: what is
computed is the transpose of the result, of the operands' transposes, which are the same memory.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from typing import Any

from graphc.abi import GEMM_ACCUMULATE, GEMM_TRANSPOSE_A, GEMM_TRANSPOSE_B
from graphc.errors import CudaError
from graphc.runtime.cuda_devices import Product
from graphc.runtime.cuda_libraries import CUBLAS

SCALARS: dict[str, Any] = {"f64": ctypes.c_double, "f32": ctypes.c_float}
FUNCTIONS = {"f64": "cublasDgemmStridedBatched", "f32": "cublasSgemmStridedBatched"}
TRIANGULAR = {"f64": "cublasDtrsm_v2", "f32": "cublasStrsm_v2", "c128": "cublasZtrsm_v2", "c64": "cublasCtrsm_v2"}
ONES: dict[str, Any] = {"f64": (ctypes.c_double * 1)(1), "f32": (ctypes.c_float * 1)(1),
        "c128": (ctypes.c_double * 2)(1, 0), "c64": (ctypes.c_float * 2)(1, 0)}  # fmt: skip
WORKSPACE = 32 << 20  # bytes, what cuBLAS asks for on the largest devices
RIGHT = 1  # CUBLAS_SIDE_RIGHT
Handle = ctypes.c_void_p
LARGEST = 2**31 - 1  # sizes are C's int there


class Blas:
    """A handle of cuBLAS, for one context: the one that is current when it is first used."""

    def __init__(self, library: Any):
        self.library, self.handle = library, Handle()
        self.lock = threading.Lock()

    def multiply(self, product: Product, workspace: int, stream: int) -> None:
        """Start the product on the stream. Raises ``CudaError``.

        ``workspace``, of ``WORKSPACE`` bytes, belongs to the program that asks: programs may run beside each other.
        """
        if max(*product.sizes, *product.leading, product.batch) > LARGEST:
            raise CudaError("a matrix product with a size above 2**31: cuBLAS cannot take it")
        with self.lock:
            self._on(stream, workspace)
            for addresses, strides, count in _runs(product):
                self._batch(product, addresses, strides, count)

    def trsm(
        self, dtype: str, flags: tuple[str, ...], sizes: tuple[int, int], places: tuple[int, int], workspace: int,
        stream: int,
    ) -> None:  # fmt: skip
        """X in place of b, by columns: X op(T) = b; see ``cuda_factors.Solver``."""
        m, n = sizes
        codes = (RIGHT, *(int(name in flags) for name in ("upper", "transposed", "unit")))
        t, b = map(Handle, places)
        with self.lock:
            self._on(stream, workspace)
            self._call(TRIANGULAR[dtype], self.handle, *codes, m, n, ctypes.byref(ONES[dtype]), t, n, b, m)

    def _on(self, stream: int, workspace: int) -> None:
        if not self.handle.value:
            self._call("cublasCreate_v2", ctypes.byref(self.handle))
        self._call("cublasSetStream_v2", self.handle, Handle(stream))  # which takes the workspace away
        self._call("cublasSetWorkspace_v2", self.handle, Handle(workspace), ctypes.c_size_t(WORKSPACE))

    def _batch(self, product: Product, addresses: tuple[int, ...], strides: tuple[int, ...], count: int) -> None:
        """``count`` products whose operands and results are each ``strides`` elements apart."""
        m, n, k = product.sizes
        a, b, c = (
            (Handle(address), max(leading, 1), ctypes.c_longlong(stride))
            for address, leading, stride in zip(addresses, product.leading, strides, strict=True)
        )
        scalar = SCALARS[product.dtype]
        one, beta = scalar(1.0), scalar(1.0 if product.flags & GEMM_ACCUMULATE else 0.0)
        turned_a, turned_b = (int(bool(product.flags & flag)) for flag in (GEMM_TRANSPOSE_A, GEMM_TRANSPOSE_B))
        self._call(
            FUNCTIONS[product.dtype], self.handle, turned_b, turned_a, n, m, k, ctypes.byref(one),
            *b, *a, ctypes.byref(beta), *c, count,
        )  # fmt: skip

    def _call(self, name: str, *arguments: Any) -> None:
        status = getattr(self.library, name)(*arguments)
        if status:
            raise CudaError(f"{name}: cuBLAS status {status}")


def _runs(product: Product) -> Iterator[tuple[tuple[int, ...], tuple[int, ...], int]]:
    """The batch as runs of evenly spaced matrices: their first addresses, strides and number."""
    size = 8 if product.dtype == "f64" else 4
    outer, inner = zip(*product.strides, strict=True)
    if product.batch <= product.inner:
        yield product.addresses, inner, product.batch
    elif product.inner == 1 or all(o == i * product.inner for o, i in product.strides):
        yield product.addresses, outer if product.inner == 1 else inner, product.batch
    else:
        for number in range(product.batch // product.inner):
            starts = tuple(a + number * o * size for a, o in zip(product.addresses, outer, strict=True))
            yield starts, inner, product.inner


def open_blas() -> Blas | None:
    """cuBLAS where it is installed, else None."""
    library = CUBLAS.open()
    return None if library is None else Blas(library)
