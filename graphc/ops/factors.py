"""Factorisations of matrices and triangular systems: what LAPACK computes, each op one routine.

``lu``                A[m,n]          (packed[m,n], columns i64[n], places, exchanges i64[k], sign, info)
                                      A[:, columns] = L U, U with a unit diagonal, both in ``packed``;
                                      ``places`` inverts ``columns``, ``exchanges`` leads to it, k = min(m, n): column j
                                      is exchanged with column exchanges[j]; ``sign`` is the permutation's
``cholesky_factor``   A[n,n]          (L[n,n], info)                           A = L L*, of the lower triangle of A
``triangular_solve``  T[n,n], B[n,k]  lower transposed unit                    X with T X = B, or T' X = B
``symmetric_eigen``   A[n,n]  upper   (w[n], V'[n,n], info)                    A = V diag(w) V*, of the lower triangle
``singular``          A[m,n]          (U'[k,m], s[k], (V*)'[n,k], info)        A = U diag(s) V*
``orthogonal``        A[m,n], m >= n  (Q[m,n], R[n,n], info)                   A = Q R, R with a real diagonal
``exchanged``         exchanges i64[n]   (columns i64[n], places)              the first rows' order after exchanges
``eigen``             A[n,n]          (w[n], V'[n,n], info), complex           A V = V diag(w)

``'`` is the transpose, ``*`` its conjugate. All other axes are a batch. ``info`` (int64) is not 0 where LAPACK reports
a failure. With ``values`` an op's vectors are not computed: what stands in their place is nothing. With ``upper``
LAPACK is given the other triangle, which makes other vectors of the same matrix. The factors have no derivative of
their own: ops that stand for whole results (``systems``, ``spectra``) expand into these. ``triangular_solve`` has one;
it reads its triangle alone, and the unit diagonal not at all.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.errors import InvalidGraphError
from graphc.ir.builder import Builder
from graphc.ir.dims import dim_min
from graphc.ir.graph import Attrs, Node, Value
from graphc.ir.opdef import General, NotDifferentiable, Op, Routine
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import I64, ArrayType, complex_dtype
from graphc.ops.linalg import swap
from graphc.ops.matrices import Slots, Types, matrix_of, real_type, triangle

FACTOR = NotDifferentiable("a factor; the op that stands for the whole result has the derivative")


# --- types ------------------------------------------------------------------------------------------------------------


def lu_type(facts: ShapeFacts, types: Types, attrs: Attrs) -> tuple[ArrayType, ...]:
    batch, m, n = matrix_of("lu", facts, types[0], square=False)
    order, number = ArrayType(I64, (*batch, n)), ArrayType(I64, batch)
    exchanges = ArrayType(I64, (*batch, dim_min(m, n)))
    return ArrayType(types[0].dtype, types[0].dims), order, order, exchanges, number, number


def cholesky_type(facts: ShapeFacts, types: Types, attrs: Attrs) -> tuple[ArrayType, ...]:
    batch, _, _ = matrix_of("cholesky_factor", facts, types[0])
    return ArrayType(types[0].dtype, types[0].dims), ArrayType(I64, batch)


def triangular_type(facts: ShapeFacts, types: Types, attrs: Attrs) -> tuple[ArrayType, ...]:
    t, b = types
    batch, n, _ = matrix_of("triangular_solve", facts, t)
    fits = b.rank == t.rank and b.dtype == t.dtype and all(map(facts.equal, b.dims[:-1], (*batch, n)))
    if not fits:
        raise InvalidGraphError(f"triangular_solve: {t} and {b}")
    return (ArrayType(b.dtype, b.dims),)


def eigen_type(facts: ShapeFacts, types: Types, attrs: Attrs) -> tuple[ArrayType, ...]:
    (a,) = types
    batch, n, _ = matrix_of("symmetric_eigen", facts, a)
    return real_type(a, (*batch, n)), ArrayType(a.dtype, a.dims), ArrayType(I64, batch)


def singular_type(facts: ShapeFacts, types: Types, attrs: Attrs) -> tuple[ArrayType, ...]:
    (a,) = types
    batch, m, n = matrix_of("singular", facts, a, square=False)
    k = dim_min(m, n)
    left, right = (ArrayType(a.dtype, (*batch, *dims)) for dims in ((k, m), (n, k)))
    return left, real_type(a, (*batch, k)), right, ArrayType(I64, batch)


def orthogonal_type(facts: ShapeFacts, types: Types, attrs: Attrs) -> tuple[ArrayType, ...]:
    (a,) = types
    batch, _, n = matrix_of("orthogonal", facts, a, square=False)
    return ArrayType(a.dtype, a.dims), ArrayType(a.dtype, (*batch, n, n)), ArrayType(I64, batch)


def general_type(facts: ShapeFacts, types: Types, attrs: Attrs) -> tuple[ArrayType, ...]:
    (a,) = types
    batch, n, _ = matrix_of("eigen", facts, a)
    dtype = complex_dtype(a.dtype)
    return ArrayType(dtype, (*batch, n)), ArrayType(dtype, a.dims), ArrayType(I64, batch)


def exchanged_type(facts: ShapeFacts, types: Types, attrs: Attrs) -> tuple[ArrayType, ...]:
    (exchanges,) = types
    if exchanges.dtype != I64 or not exchanges.rank:
        raise InvalidGraphError(f"exchanged of {exchanges}")
    return exchanges, exchanges


# --- references -------------------------------------------------------------------------------------------------------


def batched(function: Any) -> Any:
    """A reference for stacks from one for a matrix; vectors are computed, also where they need not be."""

    def ref(a: np.ndarray, values: bool = False, **attrs: Any) -> tuple[np.ndarray, ...]:
        stack = a.reshape(-1, *a.shape[-2:])
        if not len(stack):  # what a matrix would give, none of it
            example = ref(np.zeros((1, *a.shape[-2:]), a.dtype), **attrs)
            return tuple(np.zeros((*a.shape[:-2], *r.shape[1:]), r.dtype) for r in example)
        found = zip(*(function(matrix, **attrs) for matrix in stack), strict=True)
        return tuple(np.reshape(parts, (*a.shape[:-2], *np.shape(parts[0]))) for parts in found)

    return ref


def one_lu(a: np.ndarray) -> tuple[Any, ...]:
    from scipy.linalg.lapack import get_lapack_funcs

    packed, columns, info, sign = a.copy(), np.arange(a.shape[1]), 0, 1
    exchanges = np.zeros(0, np.int64)
    if a.size:
        (getrf,) = get_lapack_funcs(("getrf",), (a,))
        turned, exchanges, info = getrf(a.T)
        packed = np.ascontiguousarray(turned.T)
        for j, other in enumerate(exchanges):
            columns[[j, other]] = columns[[other, j]]
            sign = -sign if j != other else sign
    places = np.argsort(columns)
    return packed, columns, places, np.asarray(exchanges, np.int64), np.int64(sign), np.int64(info)


def exchanged_ref(exchanges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.empty_like(exchanges)
    for place in np.ndindex(exchanges.shape[:-1]):
        row = np.arange(exchanges.shape[-1])
        for j, other in enumerate(exchanges[place]):
            row[[j, other]] = row[[other, j]]
        order[place] = row
    return order, np.argsort(order, axis=-1)


def one_cholesky(a: np.ndarray) -> tuple[Any, ...]:
    try:
        return np.linalg.cholesky(a), np.int64(0)
    except np.linalg.LinAlgError:
        return np.full_like(a, np.nan), np.int64(1)


def one_eigen(a: np.ndarray, upper: bool = False) -> tuple[Any, ...]:
    values, vectors = np.linalg.eigh(np.conj(a.T), "U") if upper else np.linalg.eigh(a)
    return values, vectors.T, np.int64(0)


def one_singular(a: np.ndarray) -> tuple[Any, ...]:
    u, s, vt = np.linalg.svd(a, full_matrices=False)
    return u.T, s, vt.T, np.int64(0)


def one_general(a: np.ndarray) -> tuple[Any, ...]:
    values, vectors = np.linalg.eig(a)
    dtype = complex_dtype(a.dtype)
    return values.astype(dtype), vectors.T.astype(dtype), np.int64(0)


def one_orthogonal(a: np.ndarray) -> tuple[Any, ...]:
    return (*np.linalg.qr(a), np.int64(0))


def triangular_solve_ref(t: np.ndarray, b: np.ndarray, lower: bool, transposed: bool, unit: bool) -> np.ndarray:
    t = np.tril(t) if lower else np.triu(t)
    if unit:
        t = t - t * np.eye(t.shape[-1], dtype=t.dtype) + np.eye(t.shape[-1], dtype=t.dtype)
    return np.linalg.solve(np.swapaxes(t, -1, -2) if transposed else t, b)


# --- triangular systems -----------------------------------------------------------------------------------------------


def of_triangle(F: Builder, node: Node, g: Value) -> Value:
    """The part of a matrix that ``triangular_solve`` reads of its first operand."""
    return triangle(F, g, lower=node.attrs["lower"], strict=node.attrs["unit"])


def triangular_vjp(F: Builder, node: Node, cotangents: Slots) -> Slots:
    """Of X = T^-1 B: B gets T'^-1 g, and T gets -(that) X' (Giles 2008, 2.2.3)."""
    (g,), (t, _) = cotangents, node.inputs
    if g is None:
        return None, None
    x, attrs = node.output, node.attrs
    by_b = F.triangular_solve(t, g, **{**attrs, "transposed": not attrs["transposed"]})
    if not t.grad:
        return None, by_b
    outer = F.matmul(x, swap(F, by_b)) if attrs["transposed"] else F.matmul(by_b, swap(F, x))
    return F.neg(of_triangle(F, node, outer)), by_b


def triangular_jvp(F: Builder, node: Node, tangents: Slots) -> Slots:
    (dt, db), (t, _) = tangents, node.inputs
    moved = db
    if dt is not None:
        part = of_triangle(F, node, dt)
        by_t = F.neg(F.matmul(swap(F, part) if node.attrs["transposed"] else part, node.output))
        moved = by_t if db is None else F.add(db, by_t)
    return (F.triangular_solve(t, moved, **node.attrs) if moved is not None else None,)


FACTORS = [
    Op("lu", Routine(), batched(one_lu), FACTOR, type=lu_type, cost=30, complex=True),
    Op("cholesky_factor", Routine(), batched(one_cholesky), FACTOR, type=cholesky_type, cost=20, complex=True),
    Op("triangular_solve", Routine(), triangular_solve_ref, General(triangular_vjp, triangular_jvp),
       type=triangular_type, cost=30, complex=True),
    Op("symmetric_eigen", Routine(), batched(one_eigen), FACTOR, type=eigen_type, cost=200, complex=True),
    Op("singular", Routine(), batched(one_singular), FACTOR, type=singular_type, cost=200, complex=True),
    Op("orthogonal", Routine(), batched(one_orthogonal), FACTOR, type=orthogonal_type, cost=60, complex=True),
    Op("exchanged", Routine(), exchanged_ref, NotDifferentiable("positions"), type=exchanged_type, cost=4),
    Op("eigen", Routine(), batched(one_general), FACTOR, type=general_type, cost=400, complex=True),
]  # fmt: skip
