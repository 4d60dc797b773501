"""Eigenvalues of symmetric (Hermitian) matrices and singular values, with the derivatives of the whole results.

``eigh``   A[n,n]   upper     (w[n], V[n,n])                  of the Hermitian matrix whose lower triangle A holds
``svd``    A[m,n]             (U[m,k], s[k], V*[k,n])         k = min(m, n)

All other axes are a batch; the routines behind them are those of ``factors``.

**Where values are equal** (up to rounding) their vectors are not unique. A derivative through them may exist all the
same, of what does not depend on the choice (of a function of the matrix, say), but it is a limit that cannot be found
from vectors at this one point: it is NaN. Three things have their derivatives there: functions of the values alone
(where these meet, as a maximum does, by one of its slopes), what uses neither value nor vector of such a pair, and
tangents along which the pair does not mix. The same holds for U and V* of singular values that are zero. Where all of
what follows is known, ``spectral_limits`` finds the limit.

**Phases** of complex vectors are LAPACK's. Those of ``eigh`` have a real first component (with ``upper``, where LAPACK
works on the other triangle, a real last one), and the derivative is that of vectors so fixed. LAPACK's choice for
``svd`` depends on the shape: a cotangent that depends on the common phase of a pair of vectors gives NaN, and tangents
have the phase at which V moves by nothing along itself.

Sources: Giles, "Collected matrix derivative results" (2008), for ``eigh``; Townsend, "Differentiating the singular
value decomposition" (2016); Wan and Zhang, "Automatic differentiation for complex valued SVD" (2019).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphc.ir.builder import Builder
from graphc.ir.graph import Attrs, Node, Value
from graphc.ir.opdef import Composite, General, Op
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import ArrayType
from graphc.ops.factors import eigen_type, singular_type
from graphc.ops.gaps import (
    along,
    inverse_gaps,
    inverse_singular,
    negligible,
    singular_gaps,
    sizes_along,
    turned,
    turned_back,
    unknown,
    used,
)
from graphc.ops.index import NOT_CONVERGED
from graphc.ops.linalg import swap
from graphc.ops.matrices import (
    Inputs,
    Slots,
    Types,
    add_up,
    adjoint,
    columns,
    conjugate,
    conjugates,
    diagonal,
    numpy_ref,
    of_lower,
    on_diagonal,
    product,
    real_part,
    required,
    rows,
    symmetric,
)

# --- symmetric matrices -----------------------------------------------------------------------------------------------


def eigh_type(facts: ShapeFacts, types: Types, attrs: Attrs) -> tuple[ArrayType, ...]:
    return eigen_type(facts, types, attrs)[:2]


def eigh_ref(a: np.ndarray, upper: bool = False) -> tuple[np.ndarray, ...]:
    return tuple(np.linalg.eigh(np.conj(np.swapaxes(a, -1, -2)), "U") if upper else np.linalg.eigh(a))


def expand_eigh(F: Builder, node: Node, inputs: Inputs) -> Sequence[Value]:
    values, vectors, info = F.symmetric_eigen(inputs[0], **node.attrs)
    return required(F, info, NOT_CONVERGED, values), swap(F, vectors)


def fixed_row(F: Builder, node: Node) -> Value:
    """Where LAPACK's eigenvectors are real: bool[n, n]."""
    v = node.outputs[1]
    last = F.value(v.dims[-1] - 1) if node.attrs.get("upper") else 0
    return F.eq(F.iota(dims=v.dims[-2:], axis=0), last)


def eigh_vjp(F: Builder, node: Node, cotangents: Slots) -> Slots:
    """V (diag(gw) + V*G / gaps) V*."""
    (gw, gv), (w, v) = conjugates(F, cotangents), node.outputs
    inner = None if gw is None else on_diagonal(F, gw)
    if gv is not None:
        gaps = inverse_gaps(F, w, used(F, gw, gv))
        gv = turned_back(F, v, gv, fixed_row(F, node)) if v.type.is_complex else gv
        inner = add_up(F, inner, F.mul(F.matmul(adjoint(F, v), gv), gaps))
    if inner is None:
        return (None,)
    inner = F.cast(inner, v.type.dtype)
    whole = product(F, v, F.mul(F.add(inner, adjoint(F, inner)), 0.5), adjoint(F, v))
    return (conjugate(F, of_lower(F, whole)),)


def eigh_jvp(F: Builder, node: Node, tangents: Slots) -> Slots:
    (t,), (w, v) = tangents, node.outputs
    if t is None:
        return None, None
    inner = product(F, adjoint(F, v), symmetric(F, t), v)
    dv = F.matmul(v, F.guarded_mul(inner, inverse_gaps(F, w)))
    dv = turned(F, v, dv, fixed_row(F, node)) if v.type.is_complex else dv
    return real_part(F, diagonal(F, inner)), dv


# --- singular values --------------------------------------------------------------------------------------------------


def svd_type(facts: ShapeFacts, types: Types, attrs: Attrs) -> tuple[ArrayType, ...]:
    ut, s, v, _ = singular_type(facts, types, attrs)
    swapped = ((*t.dims[:-2], t.dims[-1], t.dims[-2]) for t in (ut, v))
    u, vt = (ArrayType(ut.dtype, dims) for dims in swapped)
    return u, s, vt


def svd_ref(a: np.ndarray) -> tuple[np.ndarray, ...]:
    return tuple(np.linalg.svd(a, full_matrices=False))


def expand_svd(F: Builder, node: Node, inputs: Inputs) -> Sequence[Value]:
    ut, s, v, info = F.singular(inputs[0])
    return swap(F, ut), required(F, info, NOT_CONVERGED, s), swap(F, v)


def outside(F: Builder, u: Value, x: Value) -> Value:
    """The part of the columns of x that is orthogonal to those of u."""
    return F.sub(x, product(F, u, adjoint(F, u), x))


def skew(F: Builder, x: Value) -> Value:
    return F.sub(x, adjoint(F, x))


def svd_vjp(F: Builder, node: Node, cotangents: Slots) -> Slots:
    """U (diag(gs) + skew(U*G)/gaps S + S skew(V*H)/gaps) V*, and what U and V do outside of their spaces."""
    (gu, gs, gvt), (u, s, vt) = conjugates(F, cotangents), node.outputs
    if gu is None and gs is None and gvt is None:
        return (None,)
    v = adjoint(F, vt)
    gv = None if gvt is None else adjoint(F, gvt)
    inner = None if gs is None else F.cast(on_diagonal(F, gs), u.type.dtype)
    result: Value | None = None
    if gu is not None or gv is not None:
        matters = used(F, gs, gu, gv)
        gaps, inverse = singular_gaps(F, s, matters), inverse_singular(F, s, matters)
        if u.type.is_complex:
            inner = add_up(F, inner, on_diagonal(F, by_phase(F, (u, gu), (v, gv), inverse)))
    if gu is not None:
        inner = add_up(F, inner, F.mul(F.mul(skew(F, F.matmul(adjoint(F, u), gu)), gaps), columns(F, s)))
        result = F.matmul(outside(F, u, F.mul(gu, columns(F, inverse))), vt)
    if gv is not None:
        inner = add_up(F, inner, F.mul(F.mul(skew(F, F.matmul(vt, gv)), gaps), rows(F, s)))
        beside = adjoint(F, outside(F, v, F.mul(gv, columns(F, inverse))))
        result = add_up(F, result, F.matmul(u, beside))
    assert inner is not None
    found = add_up(F, product(F, u, inner, vt), result)
    return (None if found is None else conjugate(F, found),)


Pair = tuple[Value, Value | None]  # vectors as columns, and the cotangent of them


def by_phase(F: Builder, left: Pair, right: Pair, inverse: Value) -> Value:
    """What reaches the diagonal of U* dA V, whose imaginary part turns u by ``i Im / s``; NaN where turning both
    vectors of a pair makes a difference."""
    given = [(v, g) for v, g in (left, right) if g is not None]
    turns = [F.imag(along(F, v, g)) for v, g in given]
    sizes = [sizes_along(F, v, g) for v, g in given]
    total, size = (parts[0] if len(parts) == 1 else F.add(*parts) for parts in (turns, sizes))
    depends = F.gt(F.abs(total), negligible(F, size))
    by_u = turns[0] if left[1] is not None else F.zeros(total.type)
    share = F.select(depends, unknown(F, total), F.mul(by_u, inverse))
    return F.complex(F.zeros(share.type), share)


def svd_jvp(F: Builder, node: Node, tangents: Slots) -> Slots:
    (t,), (u, s, vt) = tangents, node.outputs
    if t is None:
        return None, None, None
    v = adjoint(F, vt)
    inner = product(F, adjoint(F, u), t, v)
    back, gaps, inverse = adjoint(F, inner), singular_gaps(F, s), inverse_singular(F, s)
    turn_u = F.guarded_mul(F.add(F.mul(inner, columns(F, s)), F.mul(rows(F, s), back)), gaps)
    turn_v = F.guarded_mul(F.add(F.mul(rows(F, s), inner), F.mul(back, columns(F, s))), gaps)
    moved = diagonal(F, inner)
    if u.type.is_complex:
        phase = F.guarded_mul(F.imag(moved), inverse)
        turn_u = F.add(turn_u, on_diagonal(F, F.complex(F.zeros(phase.type), phase)))
    du = F.add(F.matmul(u, turn_u), outside(F, u, F.guarded_mul(F.matmul(t, v), columns(F, inverse))))
    dv = F.add(F.matmul(v, turn_v), outside(F, v, F.guarded_mul(F.matmul(adjoint(F, t), u), columns(F, inverse))))
    return du, real_part(F, moved), adjoint(F, dv)


SPECTRA = [
    Op("eigh", Composite(expand_eigh), numpy_ref(eigh_ref), General(eigh_vjp, eigh_jvp), type=eigh_type, cost=200,
       complex=True),
    Op("svd", Composite(expand_svd), numpy_ref(svd_ref), General(svd_vjp, svd_jvp), type=svd_type, cost=200,
       complex=True),
]  # fmt: skip
