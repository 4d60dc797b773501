"""Eigenvalues, singular values, orthogonal factors and pseudo-inverses, with the derivatives of the whole results.

``eigh``   A[n,n]             (w[n], V[n,n])                  of the symmetric matrix whose lower triangle A holds
``svd``    A[m,n]             (U[m,k], s[k], V'[k,n])         k = min(m, n)
``qr``     A[m,n], m >= n     (Q[m,n], R[n,n])
``pinv``   A[m,n], c[]        A+[n,m]; singular values up to c times the largest are zero; no derivative by c

All other axes are a batch; the routines behind them are those of ``factors``.

**Where values are equal** (up to rounding) their vectors are not unique. A derivative through them may exist all the
same, of what does not depend on the choice (of a function of the matrix, say), but it is a limit that cannot be found
from vectors at this one point: it is NaN. Three things have their derivatives there: functions of the values alone
(where these meet, as a maximum does, by one of its slopes), what uses neither value nor vector of such a pair, and
tangents along which the pair does not mix. The same holds for U and V' of singular values that are zero.

Sources: Giles, "Collected matrix derivative results" (2008), for ``eigh``; Townsend, "Differentiating the singular
value decomposition" (2016); Walter and Lehmann, "Algorithmic differentiation of linear algebra functions with
application in optimum experimental design" (2010), for ``qr``; Golub and Pereyra, "The differentiation of
pseudo-inverses and nonlinear least squares problems whose variables separate" (1973).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphc.errors import InvalidGraphError
from graphc.ir.builder import Builder
from graphc.ir.graph import Attrs, Node, Value
from graphc.ir.opdef import Composite, General, Op
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import ArrayType
from graphc.ops.factors import Slots, Types, eigen_type, matrix_of, orthogonal_type, singular_type, swap, triangle
from graphc.ops.index import NOT_CONVERGED
from graphc.ops.systems import (
    Inputs,
    add_up,
    diagonal,
    identity_mask,
    numpy_ref,
    of_lower,
    required,
    symmetric,
)


def columns(F: Builder, x: Value) -> Value:
    """A row of numbers for each matrix, to go with its columns."""
    return F.expand_dims(x, (x.rank - 1,))


def rows(F: Builder, x: Value) -> Value:
    """A row of numbers for each matrix, to go with its rows."""
    return F.expand_dims(x, (x.rank,))


def on_diagonal(F: Builder, x: Value) -> Value:
    """Diagonal matrices."""
    wide = F.broadcast_to(columns(F, x), (*x.dims, x.dims[-1]))
    return F.select(identity_mask(F, wide), wide, 0.0)


def inverse_where(F: Builder, x: Value, condition: Value) -> Value:
    """1/x where the condition holds, else 0."""
    return F.select(condition, F.div(1.0, F.select(condition, x, 1.0)), 0.0)


def rounding(F: Builder, x: Value) -> Value:
    """By how much values of this size, all of one matrix, are uncertain: [.., 1]."""
    n = x.dims[-1]
    largest = F.reduce("max", F.abs(x), [x.rank - 1], keepdims=True)
    return F.stop_gradient(F.mul(F.mul(largest, float(np.finfo(x.type.dtype).eps)), F.value(n)))


def used(F: Builder, values: Value | None, *vectors: Value | None) -> Value:
    """Which values matter to a result, themselves or by a vector (cotangents, vectors as columns): bool[.., n]."""
    flags = [F.ne(values, 0.0)] if values is not None else []
    flags += [F.reduce("any", F.ne(v, 0.0), [v.rank - 2]) for v in vectors if v is not None]
    result, *rest = flags
    for flag in rest:
        result = F.logical_or(result, flag)
    return result


def inverse_gaps(F: Builder, x: Value, matters: Value | None = None) -> Value:
    """1 / (x_j - x_i) in row i, column j, 0 on the diagonal.

    Where both are equal up to rounding NaN; but 0 where neither of the two ``matters``.
    """
    gaps = F.sub(columns(F, x), rows(F, x))
    apart = F.gt(F.abs(gaps), F.expand_dims(rounding(F, x), (x.rank,)))
    both = identity_mask(F, gaps)
    if matters is not None:
        both = F.logical_or(both, F.logical_not(F.logical_or(columns(F, matters), rows(F, matters))))
    inverse = F.div(1.0, F.select(apart, gaps, 1.0))
    return F.select(apart, inverse, F.select(both, 0.0, F.constant(float("nan"), ArrayType(x.type.dtype))))


def product(F: Builder, *factors: Value) -> Value:
    """The matrix product from left to right."""
    result, *rest = factors
    for factor in rest:
        result = F.matmul(result, factor)
    return result


# --- symmetric matrices -----------------------------------------------------------------------------------------------


def eigh_type(facts: ShapeFacts, types: Types, attrs: Attrs) -> tuple[ArrayType, ...]:
    return eigen_type(facts, types, attrs)[:2]


def eigh_ref(a: np.ndarray) -> tuple[np.ndarray, ...]:
    return tuple(np.linalg.eigh(a))


def expand_eigh(F: Builder, node: Node, inputs: Inputs) -> Sequence[Value]:
    values, vectors, info = F.symmetric_eigen(inputs[0])
    return required(F, info, NOT_CONVERGED, values), swap(F, vectors)


def eigh_vjp(F: Builder, node: Node, cotangents: Slots) -> Slots:
    """V (diag(gw) + V'gV / gaps) V'."""
    (gw, gv), (w, v) = cotangents, node.outputs
    inner = None if gw is None else on_diagonal(F, gw)
    if gv is not None:
        inner = add_up(F, inner, F.mul(F.matmul(swap(F, v), gv), inverse_gaps(F, w, used(F, gw, gv))))
    if inner is None:
        return (None,)
    whole = product(F, v, inner, swap(F, v))
    return (of_lower(F, F.mul(F.add(whole, swap(F, whole)), 0.5)),)


def eigh_jvp(F: Builder, node: Node, tangents: Slots) -> Slots:
    (t,), (w, v) = tangents, node.outputs
    if t is None:
        return None, None
    inner = product(F, swap(F, v), symmetric(F, t), v)
    return diagonal(F, inner), F.matmul(v, F.guarded_mul(inner, inverse_gaps(F, w)))


# --- singular values --------------------------------------------------------------------------------------------------


def svd_type(facts: ShapeFacts, types: Types, attrs: Attrs) -> tuple[ArrayType, ...]:
    ut, s, v, _ = singular_type(facts, types, attrs)
    turned = ((*t.dims[:-2], t.dims[-1], t.dims[-2]) for t in (ut, v))
    u, vt = (ArrayType(s.dtype, dims) for dims in turned)
    return u, s, vt


def svd_ref(a: np.ndarray) -> tuple[np.ndarray, ...]:
    return tuple(np.linalg.svd(a, full_matrices=False))


def expand_svd(F: Builder, node: Node, inputs: Inputs) -> Sequence[Value]:
    ut, s, v, info = F.singular(inputs[0])
    return swap(F, ut), required(F, info, NOT_CONVERGED, s), swap(F, v)


def singular_gaps(F: Builder, s: Value, matters: Value | None = None) -> Value:
    """1 / (s_j**2 - s_i**2) in row i, column j; where both are equal up to rounding as ``inverse_gaps`` has it."""
    sums = F.add(columns(F, s), rows(F, s))
    return F.mul(inverse_gaps(F, s, matters), inverse_where(F, sums, F.gt(sums, 0.0)))


def inverse_singular(F: Builder, s: Value, matters: Value | None = None) -> Value:
    """1/s; for those that are zero up to rounding NaN, but 0 where they do not matter."""
    there = F.gt(s, rounding(F, s))
    unknown = F.constant(float("nan"), ArrayType(s.type.dtype))
    absent = unknown if matters is None else F.select(matters, unknown, 0.0)
    return F.select(there, F.div(1.0, F.select(there, s, 1.0)), absent)


def outside(F: Builder, u: Value, x: Value) -> Value:
    """The part of the columns of x that is orthogonal to those of u."""
    return F.sub(x, product(F, u, swap(F, u), x))


def svd_vjp(F: Builder, node: Node, cotangents: Slots) -> Slots:
    """U (diag(gs) + (U'gU - gU'U)/gaps S + S (V'gV - gV'V)/gaps) V', and what U and V do outside of their spaces."""
    (gu, gs, gvt), (u, s, vt) = cotangents, node.outputs
    inner = None if gs is None else on_diagonal(F, gs)
    result: Value | None = None
    if gu is not None or gvt is not None:
        matters = used(F, gs, gu, None if gvt is None else swap(F, gvt))
        gaps, inverse = singular_gaps(F, s, matters), inverse_singular(F, s, matters)
    if gu is not None:
        turn = F.matmul(swap(F, u), gu)
        part = F.mul(F.mul(F.sub(turn, swap(F, turn)), gaps), columns(F, s))
        inner = add_up(F, inner, part)
        result = F.matmul(outside(F, u, F.mul(gu, columns(F, inverse))), vt)
    if gvt is not None:
        turn = F.matmul(vt, swap(F, gvt))
        part = F.mul(F.mul(F.sub(turn, swap(F, turn)), gaps), rows(F, s))
        inner = add_up(F, inner, part)
        beside = swap(F, outside(F, swap(F, vt), swap(F, F.mul(gvt, rows(F, inverse)))))
        result = add_up(F, result, F.matmul(u, beside))
    return (None if inner is None else add_up(F, product(F, u, inner, vt), result),)


def svd_jvp(F: Builder, node: Node, tangents: Slots) -> Slots:
    (t,), (u, s, vt) = tangents, node.outputs
    if t is None:
        return None, None, None
    inner = product(F, swap(F, u), t, swap(F, vt))
    back, gaps, inverse = swap(F, inner), singular_gaps(F, s), inverse_singular(F, s)
    turn_u = F.guarded_mul(F.add(F.mul(inner, columns(F, s)), F.mul(rows(F, s), back)), gaps)
    turn_v = F.guarded_mul(F.add(F.mul(rows(F, s), inner), F.mul(back, columns(F, s))), gaps)
    v = swap(F, vt)
    du = F.add(F.matmul(u, turn_u), outside(F, u, F.guarded_mul(F.matmul(t, v), columns(F, inverse))))
    dv = F.add(F.matmul(v, turn_v), outside(F, v, F.guarded_mul(F.matmul(swap(F, t), u), columns(F, inverse))))
    return du, diagonal(F, inner), swap(F, dv)


# --- orthogonal factors -----------------------------------------------------------------------------------------------


def qr_type(facts: ShapeFacts, types: Types, attrs: Attrs) -> tuple[ArrayType, ...]:
    return orthogonal_type(facts, types, attrs)[:2]


def qr_ref(a: np.ndarray) -> tuple[np.ndarray, ...]:
    return tuple(np.linalg.qr(a))


def expand_qr(F: Builder, node: Node, inputs: Inputs) -> Sequence[Value]:
    q, r, _ = F.orthogonal(inputs[0])
    return q, r


def over_r(F: Builder, x: Value, r: Value) -> Value:
    """x R'^-1."""
    return swap(F, F.triangular_solve(r, swap(F, x), lower=False, unit=False, transposed=False))


def qr_vjp(F: Builder, node: Node, cotangents: Slots) -> Slots:
    """(gQ + Q sym(R gR' - gQ' Q)) R'^-1, where sym mirrors the lower triangle."""
    (gq, gr), (q, r) = cotangents, node.outputs
    mirrored = None if gr is None else F.matmul(r, swap(F, gr))
    if gq is not None:
        mirrored = add_up(F, mirrored, F.neg(F.matmul(swap(F, gq), q)))
    if mirrored is None:
        return (None,)
    found = add_up(F, gq, F.matmul(q, symmetric(F, mirrored)))
    assert found is not None
    return (over_r(F, found, r),)


def qr_jvp(F: Builder, node: Node, tangents: Slots) -> Slots:
    (t,), (q, r) = tangents, node.outputs
    if t is None:
        return None, None
    moved = swap(F, F.triangular_solve(r, swap(F, t), lower=False, unit=False, transposed=True))
    inner = F.matmul(swap(F, q), moved)
    below = triangle(F, inner, lower=True, strict=True)
    turn = F.sub(below, swap(F, below))
    return F.add(F.matmul(q, turn), outside(F, q, moved)), F.matmul(F.sub(inner, turn), r)


# --- pseudo-inverse ---------------------------------------------------------------------------------------------------


def pinv_type(facts: ShapeFacts, types: Types, attrs: Attrs) -> tuple[ArrayType, ...]:
    a, cutoff = types
    batch, m, n = matrix_of("pinv", facts, a, square=False)
    if cutoff.dtype != a.dtype or cutoff.rank != len(batch) or not all(map(facts.equal, cutoff.dims, batch)):
        raise InvalidGraphError(f"pinv of {a}: the cutoff is {cutoff}")
    return (ArrayType(a.dtype, (*batch, n, m)),)


def expand_pinv(F: Builder, node: Node, inputs: Inputs) -> Sequence[Value]:
    a, cutoff = inputs
    u, s, vt = F.svd(a)
    limit = F.mul(F.reduce("max", s, [s.rank - 1]), cutoff)
    kept = inverse_where(F, s, F.gt(s, rows(F, limit)))
    return (F.matmul(swap(F, vt), F.mul(rows(F, kept), swap(F, u))),)


def projections(F: Builder, node: Node) -> tuple[Value, Value, Value]:
    """The pseudo-inverse P, I - A P and I - P A."""
    (a, _), p = node.inputs, node.output
    ap, pa = F.matmul(a, p), F.matmul(p, a)
    left, right = (F.sub(F.cast(identity_mask(F, x), x.type.dtype), x) for x in (ap, pa))
    return p, left, right


def pinv_vjp(F: Builder, node: Node, cotangents: Slots) -> Slots:
    (g,) = cotangents
    if g is None:
        return None, None
    p, left, right = projections(F, node)
    pt, gt = swap(F, p), swap(F, g)
    found = F.sub(product(F, left, gt, p, pt), product(F, pt, g, pt))
    return F.add(found, product(F, pt, p, gt, right)), None


def pinv_jvp(F: Builder, node: Node, tangents: Slots) -> Slots:
    t, _ = tangents
    if t is None:
        return (None,)
    p, left, right = projections(F, node)
    pt, tt = swap(F, p), swap(F, t)
    found = F.sub(product(F, p, pt, tt, left), product(F, p, t, p))
    return (F.add(found, product(F, right, tt, pt, p)),)


def pinv_ref(a: np.ndarray, cutoff: np.ndarray) -> np.ndarray:
    return np.linalg.pinv(a, cutoff)


SPECTRA = [
    Op("eigh", Composite(expand_eigh), numpy_ref(eigh_ref), General(eigh_vjp, eigh_jvp), type=eigh_type, cost=200),
    Op("svd", Composite(expand_svd), numpy_ref(svd_ref), General(svd_vjp, svd_jvp), type=svd_type, cost=200),
    Op("qr", Composite(expand_qr), qr_ref, General(qr_vjp, qr_jvp), type=qr_type, cost=60),
    Op("pinv", Composite(expand_pinv), numpy_ref(pinv_ref), General(pinv_vjp, pinv_jvp), type=pinv_type, cost=300),
]
