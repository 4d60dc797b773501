"""Diagonals and triangles of matrices.

The k-th diagonal of a flattened ``n x m`` matrix is a slice with step ``m + 1``, and writing one is the transpose of
that; both touch only the diagonal's elements.
"""

from __future__ import annotations

from typing import Any

from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, product
from graphc.ir.graph import Value
from graphc.ir.types import ArrayType
from graphc.trace.functions.arguments import (
    Implementation,
    as_array,
    as_dtype,
    as_int,
    axes_of,
    not_negative,
    shape_error,
    smaller,
    sum_dtype,
)
from graphc.trace.functions.creation import below


def diagonal(F: Builder, a: Any, offset: Any = 0, axis1: int = 0, axis2: int = 1) -> Value:
    """The diagonal of the planes of two axes, as the last axis of the result."""
    a, k = as_array(F, a), as_int(F, "diagonal", "offset", offset)
    if a.rank < 2:
        raise shape_error(F, f"diagonal: {a.type} has fewer than two axes")
    plane = axes_of(F, "diagonal", (axis1, axis2), a.rank)
    rest = [i for i in range(a.rank) if i not in plane]
    a = F.transpose(a, [*rest, *plane])
    *outer, rows, columns = a.dims
    length = not_negative(F, smaller(F, rows + min(k, 0), columns - max(k, 0)))
    if length == 0:
        return F.zeros(ArrayType(a.type.dtype, (*outer, 0)))
    start: Dim = k if k >= 0 else -k * columns
    flat = F.reshape(a, (*outer, rows * columns))
    zeros, ones = (0,) * len(outer), (1,) * len(outer)
    return F.slice(flat, starts=(*zeros, start), steps=(*ones, columns + 1), dims=(*outer, length))


def diag(F: Builder, v: Any, k: Any = 0) -> Value:
    """The matrix with this diagonal, or the diagonal of this matrix."""
    a, offset = as_array(F, v), as_int(F, "diag", "k", k)
    if a.rank == 2:
        return diagonal(F, a, offset)
    if a.rank != 1:
        raise shape_error(F, f"diag: needs one or two dimensions, got {a.type}")
    size = a.dims[0] + abs(offset)
    start: Dim = offset if offset >= 0 else -offset * size
    flat = F.embed(a, starts=(start,), steps=(size + 1,), dims=(size * size,))
    return F.reshape(flat, (size, size))


def diagflat(F: Builder, v: Any, k: Any = 0) -> Value:
    """The matrix whose diagonal is the flattened array."""
    a = as_array(F, v)
    return diag(F, F.reshape(a, (product(a.dims),)), k)


def trace(
    F: Builder, a: Any, offset: Any = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: None = None
) -> Value:
    """The sum along the diagonals."""
    line = diagonal(F, a, offset, axis1, axis2)
    line = F.cast(line, sum_dtype(line.type.dtype) if dtype is None else as_dtype(F, "trace", dtype))
    return F.reduce("sum", line, (line.rank - 1,))


def last_diagonal(F: Builder, x: Any, /, *, offset: Any = 0) -> Value:
    """``np.linalg.diagonal``: of the last two axes."""
    return diagonal(F, x, offset, -2, -1)


def last_trace(F: Builder, x: Any, /, *, offset: Any = 0, dtype: Any = None) -> Value:
    """``np.linalg.trace``: over the last two axes."""
    return trace(F, x, offset, -2, -1, dtype)


def _matrix(F: Builder, name: str, m: Any) -> Value:
    """The array, where a vector stands for equal rows as in NumPy."""
    a = as_array(F, m)
    if not a.rank:
        raise shape_error(F, f"{name}: {a.type} has no dimensions")
    return F.broadcast_to(a, (a.dims[0], a.dims[0])) if a.rank == 1 else a


def tril(F: Builder, m: Any, k: Any = 0) -> Value:
    """The elements at and below the k-th diagonal, and zeros above."""
    a = _matrix(F, "tril", m)
    return F.select(below(F, a.dims[-2:], k), a, False if a.type.dtype.kind == "b" else 0)


def triu(F: Builder, m: Any, k: Any = 0) -> Value:
    """The elements at and above the k-th diagonal, and zeros below."""
    a = _matrix(F, "triu", m)
    return F.select(below(F, a.dims[-2:], F.sub(k, 1)), False if a.type.dtype.kind == "b" else 0, a)


FUNCTIONS: dict[str, Implementation] = {
    "numpy.diagonal": diagonal, "numpy.diag": diag, "numpy.diagflat": diagflat, "numpy.trace": trace,
    "numpy.tril": tril, "numpy.triu": triu, "numpy.linalg.diagonal": last_diagonal, "numpy.linalg.trace": last_trace,
}  # fmt: skip
