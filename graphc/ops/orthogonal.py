"""Orthogonal factors and pseudo-inverses, with the derivatives of the whole results.

``qr``     A[m,n], m >= n     (Q[m,n], R[n,n])    R has a real diagonal, of LAPACK's signs
``pinv``   A[m,n], c[]        A+[n,m]; singular values up to c times the largest are zero; no derivative by c

All other axes are a batch; the routines behind them are those of ``factors``.

Sources: Walter and Lehmann, "Algorithmic differentiation of linear algebra functions with application in optimum
experimental design" (2010), for ``qr``; Golub and Pereyra, "The differentiation of pseudo-inverses and nonlinear least
squares problems whose variables separate" (1973). Complex matrices: see ``matrices``.
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
    Op("pinv", Composite(expand_pinv), numpy_ref(pinv_ref), General(pinv_vjp, pinv_jvp), type=pinv_type, cost=300,
       complex=True),
]  # fmt: skip
