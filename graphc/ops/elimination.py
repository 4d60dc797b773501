"""Elimination with exchanges of rows, as an op with the derivative of its factors.

``elimination``   A[m,n]   (L[m,k], U[k,n], order i64[m], places i64[m], exchanges i64[k]), k = min(m, n)

``A[order] = L U`` with a unit lower and an upper triangle; ``places`` inverts ``order``, and row i was exchanged with
row exchanges[i]. All other axes are a batch. Where two rows could be pivots the order changes: the derivative is that
at an order that stays.

Source: de Hoog, Anderssen and Lukas, "Differentiation of matrix functionals using triangular factorization" (2011).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, dim_min
from graphc.ir.graph import Attrs, Node, Value
from graphc.ir.opdef import Composite, General, Op
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import I64, ArrayType
from graphc.ops.factors import one_lu
from graphc.ops.linalg import swap
from graphc.ops.matrices import Inputs, Slots, Types, add_up, identity_mask, matrix_of, rows_of, triangle


def elimination_type(facts: ShapeFacts, types: Types, attrs: Attrs) -> tuple[ArrayType, ...]:
    (a,) = types
    batch, m, n = matrix_of("elimination", facts, a, square=False)
    k = dim_min(m, n)
    factors = (ArrayType(a.dtype, (*batch, *dims)) for dims in ((m, k), (k, n)))
    return (*factors, *(ArrayType(I64, (*batch, count)) for count in (m, m, k)))


def elimination_ref(a: np.ndarray) -> tuple[np.ndarray, ...]:
    m, n = a.shape[-2:]
    k = min(m, n)
    stack = np.reshape(a, (-1, m, n))
    found = [one_lu(np.ascontiguousarray(matrix.T)) for matrix in stack] or [one_lu(np.zeros((n, m), a.dtype))]
    packed, order, places, exchanges = (np.stack([f[part] for f in found])[: len(stack)] for part in range(4))
    packed = np.swapaxes(packed, -1, -2)
    lower = np.tril(packed[:, :, :k], -1) + np.eye(m, k, dtype=a.dtype)
    parts = (lower, np.triu(packed[:, :k]), order, places, exchanges)
    return tuple(np.reshape(part, (*a.shape[:-2], *part.shape[1:])) for part in parts)


def corner(F: Builder, x: Value, m: Dim, n: Dim) -> Value:
    """The first m rows and n columns."""
    rest = (0,) * x.rank
    return F.slice(x, starts=rest, steps=(1,) * x.rank, dims=(*x.dims[:-2], m, n))


def into(F: Builder, x: Value, m: Dim, n: Dim) -> Value:
    """The matrix as the first rows and columns of one of zeros, of m rows and n columns."""
    return F.embed(x, starts=(0,) * x.rank, steps=(1,) * x.rank, dims=(*x.dims[:-2], m, n))


def expand_elimination(F: Builder, node: Node, inputs: Inputs) -> Sequence[Value]:
    """LAPACK's exchanges of rows of A are exchanges of columns of its transpose."""
    (a,), k = inputs, node.outputs[0].dims[-1]
    packed, order, places, exchanges, _, _ = F.lu(swap(F, a))
    packed = swap(F, packed)
    left = corner(F, packed, a.dims[-2], k)
    left = F.select(identity_mask(F, left), 1.0, triangle(F, left, lower=True, strict=True))
    right = triangle(F, corner(F, packed, k, a.dims[-1]), lower=False)
    return left, right, order, places, exchanges


def over_upper(F: Builder, x: Value, upper: Value, *, transposed: bool) -> Value:
    """x U^-1, or x U'^-1."""
    return swap(F, F.triangular_solve(upper, swap(F, x), lower=False, unit=False, transposed=not transposed))


def by_lower(F: Builder, lower: Value, x: Value, *, transposed: bool) -> Value:
    """L^-1 x, or L'^-1 x."""
    return F.triangular_solve(lower, x, lower=True, unit=True, transposed=transposed)


def square_parts(F: Builder, node: Node) -> tuple[Value, Value]:
    """The triangles without the rows and columns beyond the square part."""
    left, right, *_ = node.outputs
    k = left.dims[-1]
    return corner(F, left, k, k), corner(F, right, k, k)


def elimination_vjp(F: Builder, node: Node, cotangents: Slots) -> Slots:
    """With X = gL U'^-1 and Y = L'^-1 gU, what reaches the rows in order is X, Y, and in the square part
    -L'^-1 (upper(L'gL) + lower(gU U')) U'^-1."""
    (gl, gu, *_), (left, right, _, places, _) = cotangents, node.outputs
    (a,), (lower, upper) = node.inputs, square_parts(F, node)
    m, n = a.dims[-2:]
    found: Value | None = None
    inner: Value | None = None
    if gl is not None:
        found = into(F, over_upper(F, gl, upper, transposed=True), m, n)
        inner = triangle(F, F.matmul(swap(F, left), gl), lower=False)
    if gu is not None:
        found = add_up(F, found, into(F, by_lower(F, lower, gu, transposed=True), m, n))
        inner = add_up(F, inner, triangle(F, F.matmul(gu, swap(F, right)), lower=True, strict=True))
    if found is None or inner is None:
        return (None,)
    part = over_upper(F, by_lower(F, lower, inner, transposed=True), upper, transposed=True)
    return (rows_of(F, F.sub(found, into(F, part, m, n)), places),)


def elimination_jvp(F: Builder, node: Node, tangents: Slots) -> tuple[Any, ...]:
    """With M = L^-1 t U^-1 of the square part, dL = (t - L upper(M) U) U^-1 and dU = L^-1 (t - L lower(M) U)."""
    (t,), (left, right, order, _, _) = tangents, node.outputs
    if t is None:
        return (None,) * 5
    (lower, upper), k = square_parts(F, node), left.dims[-1]
    t = rows_of(F, t, order)
    inner = over_upper(F, by_lower(F, lower, corner(F, t, k, k), transposed=False), upper, transposed=False)
    by_upper = F.matmul(F.matmul(left, triangle(F, inner, lower=False)), upper)
    moved_left = over_upper(F, F.sub(corner(F, t, left.dims[-2], k), by_upper), upper, transposed=False)
    by_left = F.matmul(F.matmul(lower, triangle(F, inner, lower=True, strict=True)), right)
    moved_right = by_lower(F, lower, F.sub(corner(F, t, k, right.dims[-1]), by_left), transposed=False)
    return moved_left, moved_right, None, None, None


ELIMINATION = [
    Op("elimination", Composite(expand_elimination), elimination_ref, General(elimination_vjp, elimination_jvp),
       type=elimination_type, cost=40, complex=True),
]  # fmt: skip
