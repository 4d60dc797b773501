"""The columns that a QR factorisation makes beside those of Q: a basis of what is orthogonal to a matrix.

``completion``   A[m,n], m > n   Q2[m,m-n]    [Q Q2] R = A, with zeros below R

All other axes are a batch. LAPACK's Q is the first columns of a product of n reflections, ``I - V T V*`` with a unit
lower trapezoidal V; Q2 is the rest of it. With E the first n columns of the identity and E2 its
others, ``Q - E = -V T V1*`` and ``Q2 - E2 = -V T V2*``, hence

    Q2 = E2 + (Q - E) W,    W = (Qa - I)*^-1 Qb*

of the upper part Qa and the lower part Qb of Q: a function of Q alone, whose derivative is that of LAPACK's numbers.
Where a column needed no reflection (that of an upper triangular matrix) these jump, and the derivative is an error: Qa
- I is singular.

Source of the form of a product of reflections: Schreiber and Van Loan, "A storage-efficient WY representation for
products of Householder transformations" (1989).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphc.ir.builder import Builder
from graphc.ir.graph import Attrs, Node, Value
from graphc.ir.opdef import Composite, General, Op
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import ArrayType
from graphc.ops.matrices import Inputs, Slots, Types, adjoint, conjugate, conjugates, identity_mask, matrix_of
from graphc.ops.orthogonal import qr_jvp, qr_vjp


def completion_type(facts: ShapeFacts, types: Types, attrs: Attrs) -> tuple[ArrayType, ...]:
    batch, m, n = matrix_of("completion", facts, types[0], square=False)
    return (ArrayType(types[0].dtype, (*batch, m, m - n)),)


def completion_ref(a: np.ndarray) -> np.ndarray:
    return np.linalg.qr(a, "complete")[0][..., a.shape[-1] :]


def expand_completion(F: Builder, node: Node, inputs: Inputs) -> Sequence[Value]:
    """By a square matrix: columns of zeros need no reflections, so all of the product of the others comes out."""
    (a,) = inputs
    beside = F.zeros(node.output.type)
    whole, _, _ = F.orthogonal(F.concat(a, beside, axis=a.rank - 1))
    starts = (*(0,) * (a.rank - 1), a.dims[-1])
    return (F.slice(whole, starts=starts, steps=(1,) * a.rank, dims=node.output.dims),)


def without_identity(F: Builder, q: Value) -> Value:
    """Q - E."""
    return F.sub(q, F.cast(identity_mask(F, q), q.type.dtype))


def parts(F: Builder, x: Value) -> tuple[Value, Value]:
    """The square part of columns, and what is below it."""
    n, m = x.dims[-1], x.dims[-2]
    steps, rest = (1,) * x.rank, (0,) * (x.rank - 2)
    upper = F.slice(x, starts=(*rest, 0, 0), steps=steps, dims=(*x.dims[:-2], n, n))
    return upper, F.slice(x, starts=(*rest, n, 0), steps=steps, dims=(*x.dims[:-2], m - n, n))


def factors_of(F: Builder, q: Value) -> tuple[Value, Value, Value]:
    """Q - E, its upper part Qa - I, and W."""
    reflected = without_identity(F, q)
    upper, lower = parts(F, reflected)
    return reflected, upper, F.solve(adjoint(F, upper), adjoint(F, lower), transposed=False)


def completion_vjp(F: Builder, node: Node, cotangents: Slots) -> Slots:
    """Q gets G W* + [-W X*; X*] with X = (Qa - I)^-1 (Q - E)* G, and A what Q hands on."""
    (g,) = conjugates(F, cotangents)
    if g is None:
        return (None,)
    q, _ = F.qr(node.inputs[0])
    reflected, upper, w = factors_of(F, q)
    x = adjoint(F, F.solve(upper, F.matmul(adjoint(F, reflected), g), transposed=False))
    stacked = F.concat(F.neg(F.matmul(w, x)), x, axis=x.rank - 2)
    by_q = conjugate(F, F.add(F.matmul(g, adjoint(F, w)), stacked))
    return tuple(qr_vjp(F, q.node, (by_q, None)))


def completion_jvp(F: Builder, node: Node, tangents: Slots) -> Slots:
    """t W + (Q - E) (Qa - I)*^-1 (tb* - ta* W) of the tangent t of Q."""
    if tangents[0] is None:
        return (None,)
    q, _ = F.qr(node.inputs[0])
    t, _ = qr_jvp(F, q.node, tangents)
    assert t is not None
    reflected, upper, w = factors_of(F, q)
    above, below = parts(F, t)
    inner = F.sub(adjoint(F, below), F.matmul(adjoint(F, above), w))
    inner = F.solve(adjoint(F, upper), inner, transposed=False)
    return (F.add(F.matmul(t, w), F.matmul(reflected, inner)),)


COMPLETION = [
    Op("completion", Composite(expand_completion), completion_ref, General(completion_vjp, completion_jvp),
       type=completion_type, cost=60, complex=True),
]  # fmt: skip
