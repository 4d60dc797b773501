"""Orthogonal factors and pseudo-inverses, with the derivatives of the whole results.

``qr``     A[m,n], m >= n     (Q[m,n], R[n,n])    R has a real diagonal, of LAPACK's signs
``pinv``   A[m,n], c[]        A+[n,m]; singular values up to c times the largest are zero; no derivative by c
``least_squares``   A[m,n], B, c[]    adjoint     A+ B, or A+* B, without A+: of few columns the gradient costs little

All other axes are a batch; the routines behind them are those of ``factors``.

Sources: Walter and Lehmann, "Algorithmic differentiation of linear algebra functions with application in optimum
experimental design" (2010), for ``qr``; Golub and Pereyra, "The differentiation of pseudo-inverses and nonlinear least
squares problems whose variables separate" (1973). Complex matrices: see ``matrices``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from graphc.errors import InvalidGraphError
from graphc.ir.builder import Builder
from graphc.ir.graph import Attrs, Node, Value
from graphc.ir.opdef import Composite, General, Op
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import ArrayType
from graphc.ops.factors import orthogonal_type
from graphc.ops.linalg import swap
from graphc.ops.matrices import (
    Inputs,
    Slots,
    Types,
    add_up,
    adjoint,
    conjugate,
    conjugates,
    diagonal,
    identity_mask,
    inverse_where,
    matrix_of,
    numpy_ref,
    on_diagonal,
    product,
    rows,
    symmetric,
    triangle,
)
from graphc.ops.spectra import outside

# --- orthogonal factors -----------------------------------------------------------------------------------------------


def qr_type(facts: ShapeFacts, types: Types, attrs: Attrs) -> tuple[ArrayType, ...]:
    return orthogonal_type(facts, types, attrs)[:2]


def qr_ref(a: np.ndarray) -> tuple[np.ndarray, ...]:
    return tuple(np.linalg.qr(a))


def expand_qr(F: Builder, node: Node, inputs: Inputs) -> Sequence[Value]:
    q, r, _ = F.orthogonal(inputs[0])
    return q, r


def over_r(F: Builder, x: Value, r: Value) -> Value:
    """x R*^-1."""
    return adjoint(F, F.triangular_solve(r, adjoint(F, x), lower=False, unit=False, transposed=False))


def qr_vjp(F: Builder, node: Node, cotangents: Slots) -> Slots:
    """(G + Q sym(R H* - G* Q)) R*^-1 of the cotangents G of Q and H of R, where sym mirrors the lower triangle."""
    (gq, gr), (q, r) = conjugates(F, cotangents), node.outputs
    mirrored = None if gr is None else F.matmul(r, adjoint(F, gr))
    if gq is not None:
        mirrored = add_up(F, mirrored, F.neg(F.matmul(adjoint(F, gq), q)))
    if mirrored is None:
        return (None,)
    found = add_up(F, gq, F.matmul(q, symmetric(F, mirrored)))
    assert found is not None
    return (conjugate(F, over_r(F, found, r)),)


def qr_jvp(F: Builder, node: Node, tangents: Slots) -> Slots:
    (t,), (q, r) = tangents, node.outputs
    if t is None:
        return None, None
    moved = swap(F, F.triangular_solve(r, swap(F, t), lower=False, unit=False, transposed=True))
    inner = F.matmul(adjoint(F, q), moved)
    below = triangle(F, inner, lower=True, strict=True)
    turn = F.sub(below, adjoint(F, below))
    if q.type.is_complex:
        phases = F.imag(diagonal(F, inner))
        turn = F.add(turn, on_diagonal(F, F.complex(F.zeros(phases.type), phases)))
    return F.add(F.matmul(q, turn), outside(F, q, moved)), F.matmul(F.sub(inner, turn), r)


# --- pseudo-inverse ---------------------------------------------------------------------------------------------------


def pinv_type(facts: ShapeFacts, types: Types, attrs: Attrs) -> tuple[ArrayType, ...]:
    a, cutoff = types
    batch, m, n = matrix_of("pinv", facts, a, square=False)
    if cutoff.dtype != a.real_dtype or cutoff.rank != len(batch) or not all(map(facts.equal, cutoff.dims, batch)):
        raise InvalidGraphError(f"pinv of {a}: the cutoff is {cutoff}")
    return (ArrayType(a.dtype, (*batch, n, m)),)


def expand_pinv(F: Builder, node: Node, inputs: Inputs) -> Sequence[Value]:
    a, cutoff = inputs
    u, s, vt = F.svd(a)
    limit = F.mul(F.reduce("max", s, [s.rank - 1]), cutoff)
    kept = inverse_where(F, s, F.gt(s, rows(F, limit)))
    return (F.matmul(adjoint(F, vt), F.mul(rows(F, kept), adjoint(F, u))),)


# --- least squares ----------------------------------------------------------------------------------------------------


def least_squares_type(facts: ShapeFacts, types: Types, attrs: Attrs) -> tuple[ArrayType, ...]:
    a, b, cutoff = types
    (p,) = pinv_type(facts, (a, cutoff), {})
    rows, columns = p.dims[-2:][::-1] if attrs["adjoint"] else p.dims[-2:]
    if b.rank != a.rank or b.dtype != a.dtype or not all(map(facts.equal, b.dims[:-1], (*a.dims[:-2], columns))):
        raise InvalidGraphError(f"least_squares: {a} and {b}")
    return (ArrayType(b.dtype, (*b.dims[:-2], rows, b.dims[-1])),)


def least_squares_ref(a: np.ndarray, b: np.ndarray, cutoff: np.ndarray, adjoint: bool) -> np.ndarray:
    p = np.linalg.pinv(a, cutoff)
    return (np.conj(np.swapaxes(p, -1, -2)) if adjoint else p) @ b


def expand_least_squares(F: Builder, node: Node, inputs: Inputs) -> Sequence[Value]:
    a, b, cutoff = inputs
    u, s, vt = F.svd(a)
    limit = F.mul(F.reduce("max", s, [s.rank - 1]), cutoff)
    kept = rows(F, inverse_where(F, s, F.gt(s, rows(F, limit))))
    left, right = (vt, adjoint(F, u)) if not node.attrs["adjoint"] else (adjoint(F, u), vt)
    return (F.matmul(adjoint(F, left), F.mul(kept, F.matmul(right, b))),)


class Sides(NamedTuple):
    """A matrix C (A or A*), and how its pseudo-inverse and that one's adjoint are applied."""

    matrix: Value
    forth: Callable[[Value], Value]
    back: Callable[[Value], Value]


def both_ways(F: Builder, node: Node) -> Sides:
    (a, _, cutoff), flag = node.inputs, node.attrs["adjoint"]
    return Sides(
        adjoint(F, a) if flag else a,
        lambda x: F.least_squares(a, x, cutoff, adjoint=flag),
        lambda x: F.least_squares(a, x, cutoff, adjoint=not flag),
    )


def least_squares_vjp(F: Builder, node: Node, cotangents: Slots) -> Slots:
    """Of Y = C^+ B: B gets H = C^+* G, and C -H Y* + (B - C Y) (C^+ H)* + C^+* Y (G - C^+ C G)*."""
    (g,) = conjugates(F, cotangents)
    if g is None:
        return None, None, None
    (a, b, _), y = node.inputs, node.output
    c, forth, back = both_ways(F, node)
    by_b = back(g)
    if not a.grad:
        return None, conjugate(F, by_b), None
    rest = F.sub(b, F.matmul(c, y))
    found = F.sub(F.matmul(rest, adjoint(F, forth(by_b))), F.matmul(by_b, adjoint(F, y)))
    beside = F.sub(g, forth(F.matmul(c, g)))
    found = F.add(found, F.matmul(back(y), adjoint(F, beside)))
    return conjugate(F, adjoint(F, found) if node.attrs["adjoint"] else found), conjugate(F, by_b), None


def least_squares_jvp(F: Builder, node: Node, tangents: Slots) -> Slots:
    """C^+ (dB - dC Y + C^+* dC* (B - C Y)) + (I - C^+ C) dC* C^+* Y."""
    (t, db, _), (_, b, _), y = tangents, node.inputs, node.output
    c, forth, back = both_ways(F, node)
    if t is None:
        return (None if db is None else forth(db),)
    dc = adjoint(F, t) if node.attrs["adjoint"] else t
    turned, rest = adjoint(F, dc), F.sub(b, F.matmul(c, y))
    inner = add_up(F, db, F.sub(back(F.matmul(turned, rest)), F.matmul(dc, y)))
    assert inner is not None
    beside = F.matmul(turned, back(y))
    return (F.add(forth(inner), F.sub(beside, forth(F.matmul(c, beside)))),)


def projections(F: Builder, node: Node) -> tuple[Value, Value, Value]:
    """The pseudo-inverse P, I - A P and I - P A."""
    (a, _), p = node.inputs, node.output
    ap, pa = F.matmul(a, p), F.matmul(p, a)
    left, right = (F.sub(F.cast(identity_mask(F, x), x.type.dtype), x) for x in (ap, pa))
    return p, left, right


def pinv_vjp(F: Builder, node: Node, cotangents: Slots) -> Slots:
    (g,) = conjugates(F, cotangents)
    if g is None:
        return None, None
    p, left, right = projections(F, node)
    pt, gt = adjoint(F, p), adjoint(F, g)
    found = F.sub(product(F, left, gt, p, pt), product(F, pt, g, pt))
    return conjugate(F, F.add(found, product(F, pt, p, gt, right))), None


def pinv_jvp(F: Builder, node: Node, tangents: Slots) -> Slots:
    t, _ = tangents
    if t is None:
        return (None,)
    p, left, right = projections(F, node)
    pt, tt = adjoint(F, p), adjoint(F, t)
    found = F.sub(product(F, p, pt, tt, left), product(F, p, t, p))
    return (F.add(found, product(F, right, tt, pt, p)),)


def pinv_ref(a: np.ndarray, cutoff: np.ndarray) -> np.ndarray:
    return np.linalg.pinv(a, cutoff)


ORTHOGONAL = [
    Op("qr", Composite(expand_qr), qr_ref, General(qr_vjp, qr_jvp), type=qr_type, cost=60, complex=True),
    Op("least_squares", Composite(expand_least_squares), numpy_ref(least_squares_ref),
       General(least_squares_vjp, least_squares_jvp), type=least_squares_type, cost=300, complex=True),
    Op("pinv", Composite(expand_pinv), numpy_ref(pinv_ref), General(pinv_vjp, pinv_jvp), type=pinv_type, cost=300,
       complex=True),
]  # fmt: skip
