"""Eigenvalues and eigenvectors of general matrices, complex also where the matrix is real.

``eig``    A[n,n]    (w[n], V[n,n])    A V = V diag(w)

All other axes are a batch. Vectors are LAPACK's: of length 1, with a largest component that is real. The derivative is
that of vectors so fixed; of what depends neither on length nor on phase it is that of any choice.

**Where there is none.** Eigenvalues that are equal up to rounding have no vectors of their own, and what uses these is
NaN; functions of the values alone have their derivatives, where the matrix has a basis of eigenvectors. Where it has
none (it is defective) eigenvalues have no derivative at all: what uses values whose vectors are close to dependent ones
is NaN, too.

Sources: Giles, "Collected matrix derivative results" (2008), for the values; Boeddeker and others, "On the computation
of complex-valued gradients with application to statistically optimum beamforming" (2017), for normalised vectors.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphc.ir.builder import Builder
from graphc.ir.graph import Attrs, Node, Value
from graphc.ir.opdef import Composite, General, Op
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import BOOL, ArrayType, complex_dtype
from graphc.ops.factors import general_type
from graphc.ops.gaps import along, inverse_gaps, turned, turned_back, unknown, used
from graphc.ops.index import NOT_CONVERGED
from graphc.ops.linalg import swap
from graphc.ops.matrices import (
    Inputs,
    Slots,
    Types,
    add_up,
    columns,
    conjugate,
    diagonal,
    numpy_ref,
    on_diagonal,
    precision,
    product,
    required,
    rows,
    squared_sizes,
)


def eig_type(facts: ShapeFacts, types: Types, attrs: Attrs) -> tuple[ArrayType, ...]:
    return general_type(facts, types, attrs)[:2]


def eig_ref(a: np.ndarray) -> tuple[np.ndarray, ...]:
    dtype = complex_dtype(a.dtype)
    values, vectors = np.linalg.eig(a)
    return values.astype(dtype), vectors.astype(dtype)


def expand_eig(F: Builder, node: Node, inputs: Inputs) -> Sequence[Value]:
    values, vectors, info = F.eigen(inputs[0])
    return required(F, info, NOT_CONVERGED, values), swap(F, vectors)


def fixed_components(F: Builder, v: Value) -> Value:
    """Where the component of each column is that LAPACK makes real: the largest one of those that are."""
    if v.dims[-1] == 0:
        return F.full(ArrayType(BOOL, v.dims[-2:]), False)
    sizes = F.select(F.eq(F.imag(v), 0.0), F.abs(F.real(v)), -1.0)
    largest = F.reduce("argmax", sizes, [v.rank - 2])
    return F.eq(F.iota(dims=v.dims[-2:], axis=0), columns(F, largest))


def sure_inverse(F: Builder, v: Value, matters: Value | None = None) -> Value:
    """``V^-1``; rows of it that are so large that the values belonging to them have no digits are NaN (but 0 where they
    do not matter)."""
    found = F.inverse(v)
    size = F.reduce("sum", squared_sizes(F, found), [v.rank - 1])
    lost = F.gt(size, 2.0**-8 / precision(v))
    absent = unknown(F, v) if matters is None else F.select(matters, unknown(F, v), 0.0)
    return F.select(rows(F, lost), rows(F, absent) if matters is not None else absent, found)


def eig_vjp(F: Builder, node: Node, cotangents: Slots) -> Slots:
    """V'^-1 (diag(gw) + V'g / gaps) V'."""
    (gw, gv), (w, v) = cotangents, node.outputs
    if gw is None and gv is None:
        return (None,)
    matters = used(F, gw, gv)
    inner = None if gw is None else on_diagonal(F, gw)
    if gv is not None:
        outward = conjugate(F, gv)
        length = F.real(along(F, v, outward))
        outward = F.sub(outward, F.mul(v, columns(F, length)))
        g = conjugate(F, turned_back(F, v, outward, fixed_components(F, v)))
        inner = add_up(F, inner, F.mul(F.matmul(swap(F, v), g), inverse_gaps(F, w, matters)))
    assert inner is not None
    return (product(F, swap(F, sure_inverse(F, v, matters)), inner, swap(F, v)),)


def eig_jvp(F: Builder, node: Node, tangents: Slots) -> Slots:
    (t,), (w, v) = tangents, node.outputs
    if t is None:
        return None, None
    inner = product(F, sure_inverse(F, v), F.cast(t, v.type.dtype), v)
    dv = F.matmul(v, F.guarded_mul(inner, inverse_gaps(F, w)))
    dv = F.sub(dv, F.mul(v, columns(F, F.real(along(F, v, dv)))))
    return diagonal(F, inner), turned(F, v, dv, fixed_components(F, v))


EIGEN = [Op("eig", Composite(expand_eig), numpy_ref(eig_ref), General(eig_vjp, eig_jvp), type=eig_type, cost=400,
            complex=True)]  # fmt: skip
