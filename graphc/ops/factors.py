"""Factorisations of matrices and triangular systems: what LAPACK computes, each op one routine.

``lu``                A[m,n]          (packed[m,n], columns i64[n], places, exchanges i64[k], sign, info)
                                      A[:, columns] = L U, U with a unit diagonal, both in ``packed``;
                                      ``places`` inverts ``columns``, ``exchanges`` leads to it, k = min(m, n): column j
                                      is exchanged with column exchanges[j]; ``sign`` is the permutation's
``cholesky_factor``   A[n,n]          (L[n,n], info)                           A = L L*, of the lower triangle of A
``cholesky_reverse``  L[n,n], G[n,n]                                           what reaches A by a cotangent of L
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
from graphc.ir.opdef import CpuRoutine, General, NotDifferentiable, Op, Routine
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import I64, ArrayType, complex_dtype
from graphc.ops.linalg import swap
from graphc.ops.matrices import Inputs, Slots, Types, half_triangle, matrix_of, of_lower, real_type, triangle

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


def reverse_type(facts: ShapeFacts, types: Types, attrs: Attrs) -> tuple[ArrayType, ...]:
    factor, g = types
    matrix_of("cholesky_reverse", facts, factor)
    if factor.dtype.kind != "f" or g.dtype != factor.dtype or not all(map(facts.equal, g.dims, factor.dims)):
        raise InvalidGraphError(f"cholesky_reverse: {factor} and {g}")
    return (ArrayType(factor.dtype, factor.dims),)


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


def reverse_ref(factor: np.ndarray, g: np.ndarray) -> np.ndarray:
    """By the whole inverse: L'^-1 half(L'G) L^-1, of which both triangles reach the lower one."""
    lower = np.tril(factor)
    halves = np.tril(np.ones(g.shape[-2:], g.dtype)) - np.eye(g.shape[-1], dtype=g.dtype) / 2
    inverse = np.linalg.inv(lower)
    turned = np.swapaxes(inverse, -1, -2)
    whole = turned @ (halves * (np.swapaxes(lower, -1, -2) @ np.tril(g))) @ inverse
    return 2 * np.tril(halves * (whole + np.swapaxes(whole, -1, -2)) / 2)


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


# --- the adjoint of Cholesky factors ----------------------------------------------------------------------------------


def by_factor(F: Builder, factor: Value, x: Value, *, transposed: bool) -> Value:
    """L^-1 x, or L'^-1 x."""
    return F.triangular_solve(factor, x, lower=True, unit=False, transposed=transposed)


def between(F: Builder, factor: Value, x: Value) -> Value:
    """L'^-1 x L^-1."""
    left = by_factor(F, factor, x, transposed=True)
    return swap(F, by_factor(F, factor, swap(F, left), transposed=True))


def expand_reverse(F: Builder, node: Node, inputs: Inputs) -> tuple[Value, ...]:
    """L'^-1 half(L'G) L^-1, onto the lower triangle."""
    factor, g = (triangle(F, x, lower=True) for x in inputs)
    return (of_lower(F, between(F, factor, half_triangle(F, F.matmul(swap(F, factor), g)))),)


def reverse_vjp(F: Builder, node: Node, cotangents: Slots) -> Slots:
    """Of S = L'^-1 half(L'G) L^-1, by the symmetric N that is a cotangent of S, with Q = L^-1 N L'^-1: G gets
    L half(Q), and L gets G half(Q)' - (S + S') N L'^-1."""
    (h,), (factor, g) = cotangents, node.inputs
    if h is None:
        return None, None
    lower, g = triangle(F, factor, lower=True), triangle(F, g, lower=True)
    half_h = half_triangle(F, h)
    n = F.add(half_h, swap(F, half_h))
    left = by_factor(F, factor, n, transposed=False)
    q = half_triangle(F, by_factor(F, factor, swap(F, left), transposed=False))
    by_g = triangle(F, F.matmul(lower, q), lower=True)
    if not factor.grad:
        return None, by_g
    s = between(F, factor, half_triangle(F, F.matmul(swap(F, lower), g)))
    by_factors = F.sub(F.matmul(g, swap(F, q)), F.matmul(F.add(s, swap(F, s)), swap(F, left)))
    return triangle(F, by_factors, lower=True), by_g


def reverse_jvp(F: Builder, node: Node, tangents: Slots) -> Slots:
    """L'^-1 (half(dL'G + L'dG) - dL' L'^-1 P - P L^-1 dL) L^-1 with P = half(L'G), onto the lower triangle."""
    (t, dg), (factor, g) = tangents, node.inputs
    lower, g = triangle(F, factor, lower=True), triangle(F, g, lower=True)
    inner = None if dg is None else half_triangle(F, F.matmul(swap(F, lower), triangle(F, dg, lower=True)))
    if t is not None:
        t = triangle(F, t, lower=True)
        p = half_triangle(F, F.matmul(swap(F, lower), g))
        by_left = F.matmul(swap(F, t), by_factor(F, factor, p, transposed=True))
        by_right = F.matmul(swap(F, by_factor(F, factor, swap(F, p), transposed=True)), t)
        moved = F.sub(half_triangle(F, F.matmul(swap(F, t), g)), F.add(by_left, by_right))
        inner = moved if inner is None else F.add(inner, moved)
    return (None if inner is None else of_lower(F, between(F, factor, inner)),)


FACTORS = [
    Op("lu", Routine(), batched(one_lu), FACTOR, type=lu_type, cost=30, complex=True),
    Op("cholesky_factor", Routine(), batched(one_cholesky), FACTOR, type=cholesky_type, cost=20, complex=True),
    Op("triangular_solve", Routine(), triangular_solve_ref, General(triangular_vjp, triangular_jvp),
       type=triangular_type, cost=30, complex=True),
    Op("symmetric_eigen", Routine(), batched(one_eigen), FACTOR, type=eigen_type, cost=200, complex=True),
    Op("singular", Routine(), batched(one_singular), FACTOR, type=singular_type, cost=200, complex=True),
    Op("orthogonal", Routine(), batched(one_orthogonal), FACTOR, type=orthogonal_type, cost=60, complex=True),
    Op("cholesky_reverse", CpuRoutine(expand_reverse), reverse_ref, General(reverse_vjp, reverse_jvp),
       type=reverse_type, cost=20, complex=False),
    Op("exchanged", Routine(), exchanged_ref, NotDifferentiable("positions"), type=exchanged_type, cost=4),
    Op("eigen", Routine(), batched(one_general), FACTOR, type=general_type, cost=400, complex=True),
]  # fmt: skip
