"""cuBLAS, called through ctypes: from CUDA's own installation, or from a package that brings it along.

PyTorch, CuPy and ``graphc[cuda]`` (``nvidia-cublas-cu12``) do. Where none is found, graphc's own kernel multiplies.
Signatures are those of ``cublas_api.h``, version 12. Matrices are C-ordered here and Fortran-ordered there: what is
computed is the transpose of the result, of the operands' transposes, which are the same memory.
"""

from __future__ import annotations

import ctypes
import importlib.util
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from graphc.abi import GEMM_ACCUMULATE, GEMM_TRANSPOSE_A, GEMM_TRANSPOSE_B
from graphc.errors import CudaError
from graphc.runtime.cuda_program import Product

NAMES = ("libcublas.so.13", "libcublas.so.12", "libcublas.so.11")
FOLDERS = ("cublas/lib", "cu13/lib", "cu12/lib")  # of the namespace package ``nvidia``
SCALARS: dict[str, Any] = {"f64": ctypes.c_double, "f32": ctypes.c_float}
FUNCTIONS = {"f64": "cublasDgemmStridedBatched", "f32": "cublasSgemmStridedBatched"}
Handle = ctypes.c_void_p
LARGEST = 2**31 - 1  # sizes are C's int there


class Blas:
    """A handle of cuBLAS, for one context: the one that is current when it is first used."""

    def __init__(self, library: Any):
        self.library, self.handle = library, Handle()
        self.lock = threading.Lock()

    def multiply(self, product: Product, workspace: int, size: int, stream: int) -> None:
        """Start the product on the stream. Raises ``CudaError``.

        ``workspace`` (``size`` bytes) belongs to the program that asks: programs may run beside each other.
        """
        if max(*product.sizes, *product.leading, product.batch) > LARGEST:
            raise CudaError("a matrix product with a size above 2**31: cuBLAS cannot take it")
        with self.lock:
            if not self.handle.value:
                self._call("cublasCreate_v2", ctypes.byref(self.handle))
            self._call("cublasSetStream_v2", self.handle, Handle(stream))
            self._call("cublasSetWorkspace_v2", self.handle, Handle(workspace), ctypes.c_size_t(size))
            for addresses, strides, count in _runs(product):
                self._batch(product, addresses, strides, count)

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
    for path in candidates():
        try:
            return Blas(ctypes.CDLL(path))
        except OSError:
            continue
    return None


def candidates() -> Iterator[str]:
    """Where it may be: loaded already or on the system's paths, then in packages."""
    yield from NAMES
    spec = importlib.util.find_spec("nvidia")
    for root in spec.submodule_search_locations or () if spec else ():
        for folder in FOLDERS:
            yield from (str(path) for path in sorted(Path(root, folder).glob("libcublas.so.*")))
