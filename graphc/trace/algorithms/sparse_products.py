"""Products of outside ``scipy.sparse`` matrices with traced vectors and matrices: loops over the entries.

The arrays of the sparse matrix are read at each call, as all outside arrays are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from graphc.trace.values import lifted


def is_sparse(obj: Any) -> bool:
    """Whether it is a sparse array or matrix of SciPy."""
    return type(obj).__module__.startswith("scipy.sparse.") and hasattr(obj, "tocsr")


def product(matrix: Any, x: Any) -> Any:
    """``matrix @ x`` for x (n,) or (n, k)."""
    if matrix.format == "csr":
        return _by_rows(matrix, x, matrix.shape[0], matrix.shape[1])
    return _by_columns(_compressed(matrix), x, matrix.shape[0], matrix.shape[1])


def product_from_left(x: Any, matrix: Any) -> Any:
    """``x @ matrix`` for x (n,) or (k, n)."""
    if matrix.format == "csr":
        return _by_columns(matrix, x.T, matrix.shape[1], matrix.shape[0]).T
    return _by_rows(_compressed(matrix), x.T, matrix.shape[1], matrix.shape[0]).T


def _compressed(matrix: Any) -> Any:
    if matrix.format != "csc":
        raise ValueError(
            f"a sparse matrix in {matrix.format.upper()} format times a traced array: convert it outside, by tocsr()"
        )
    return matrix


def _by_rows(matrix: Any, x: Any, count: Any, length: Any) -> Any:
    """Each element of the result is a sum over the entries of a row."""
    starts, positions, entries = lifted(matrix.indptr), lifted(matrix.indices), lifted(matrix.data)
    y = _room(x, entries, count, length)
    for i in range(count):
        for k in range(starts[i], starts[i + 1]):
            y[i] += entries[k] * x[positions[k]]
    return y


def _by_columns(matrix: Any, x: Any, count: Any, length: Any) -> Any:
    """Each element of x goes to the rows of a column's entries."""
    starts, positions, entries = lifted(matrix.indptr), lifted(matrix.indices), lifted(matrix.data)
    y = _room(x, entries, count, length)
    for j in range(length):
        for k in range(starts[j], starts[j + 1]):
            y[positions[k]] += entries[k] * x[j]
    return y


def _room(x: Any, entries: Any, count: Any, length: Any) -> Any:
    if x.ndim not in (1, 2) or x.shape[0] != length:
        raise ValueError(f"a sparse matrix of {length} columns times an array of shape {x.shape}")
    return np.zeros((count, *x.shape[1:]), np.result_type(entries.dtype, x.dtype))


SPARSE_PRODUCTS: Mapping[str, Any] = {"left": product, "right": product_from_left}  # by the side of the sparse operand
