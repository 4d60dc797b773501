"""Systems of linear equations and determinants, each op with the derivative of the whole result.

``solve``      A[n,n], B[n,k]  transposed    X with A X = B, or A' X = B
``inverse``    A[n,n]                        A^-1
``det``        A[n,n]                        its determinant
``slogdet``    A[n,n]                        (sign, log of the determinant's size)
``cofactors``  A[n,n]                        the derivative of ``det``: det(A) A^-T, also where A is singular
``cholesky``   A[n,n]                        L with L L* = A, of the lower triangle of A

All other axes are a batch. They expand into factorisations (``factors``), of which those of the same matrix become one:
the gradient of a solution costs two triangular systems. A singular (or indefinite) matrix is an error where the program
runs, as in NumPy. The rules are those of Giles, "Collected matrix derivative results for forward and reverse mode
algorithmic differentiation" (2008), that of ``cholesky`` in the form of Murray, "Differentiation of the Cholesky
decomposition" (2016). Complex matrices: see ``matrices``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.errors import InvalidGraphError
from graphc.ir.builder import Builder
from graphc.ir.graph import Attrs, Node, Value
from graphc.ir.opdef import Composite, General, Op
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import ArrayType
from graphc.ops.index import INDEFINITE, SINGULAR
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
    half_triangle,
    identity_mask,
    matrix_of,
    numpy_ref,
    of_lower,
    over_matrix,
    precision,
    real_type,
    required,
    rows_of,
    symmetric,
    traces,
)

# --- solve, inverse ---------------------------------------------------------------------------------------------------


def solve_type(facts: ShapeFacts, types: Types, attrs: Attrs) -> tuple[ArrayType, ...]:
    a, b = types
    batch, n, _ = matrix_of("solve", facts, a)
    fits = b.rank == a.rank and b.dtype == a.dtype and all(map(facts.equal, b.dims[:-1], (*batch, n)))
    if not fits:
        raise InvalidGraphError(f"solve: {a} and {b}")
    return (ArrayType(b.dtype, b.dims),)


def solve_ref(a: np.ndarray, b: np.ndarray, transposed: bool) -> np.ndarray:
    return np.linalg.solve(np.swapaxes(a, -1, -2) if transposed else a, b)


def solved(F: Builder, a: Value, b: Value, transposed: bool) -> tuple[Value, Value]:
    """The solution by the factors of A, and their ``info``."""
    packed, columns, places, _, _, info = F.lu(a)
    lower = {"lower": True, "unit": False, "transposed": transposed}
    upper = {"lower": False, "unit": True, "transposed": transposed}
    if transposed:
        inner = F.triangular_solve(packed, rows_of(F, b, columns), **upper)
        return F.triangular_solve(packed, inner, **lower), info
    inner = F.triangular_solve(packed, b, **lower)
    return rows_of(F, F.triangular_solve(packed, inner, **upper), places), info


def expand_solve(F: Builder, node: Node, inputs: Inputs) -> Sequence[Value]:
    a, b = inputs
    found, info = solved(F, a, b, node.attrs["transposed"])
    return (required(F, info, SINGULAR, found),)


def solve_vjp(F: Builder, node: Node, cotangents: Slots) -> Slots:
    (g,), (a, _) = cotangents, node.inputs
    if g is None:
        return None, None
    by_b = F.solve(a, g, transposed=not node.attrs["transposed"])
    pair = (node.output, by_b) if node.attrs["transposed"] else (by_b, node.output)
    return F.neg(F.matmul(pair[0], swap(F, pair[1]))) if a.grad else None, by_b


def solve_jvp(F: Builder, node: Node, tangents: Slots) -> Slots:
    (da, db), (a, _) = tangents, node.inputs
    transposed = node.attrs["transposed"]
    by_a = None if da is None else F.neg(F.matmul(swap(F, da) if transposed else da, node.output))
    moved = add_up(F, db, by_a)
    return (None if moved is None else F.solve(a, moved, transposed=transposed),)


def square_type(name: str) -> Any:
    """A result of the matrix's own type."""

    def rule(facts: ShapeFacts, types: Types, attrs: Attrs) -> tuple[ArrayType, ...]:
        matrix_of(name, facts, types[0])
        return (ArrayType(types[0].dtype, types[0].dims),)

    return rule


def expand_inverse(F: Builder, node: Node, inputs: Inputs) -> Sequence[Value]:
    (a,) = inputs
    one = F.cast(identity_mask(F, a), a.type.dtype)
    found, info = solved(F, a, F.broadcast_to(one, a.dims), False)
    return (required(F, info, SINGULAR, found),)


def inverse_vjp(F: Builder, node: Node, cotangents: Slots) -> Slots:
    (g,), y = cotangents, swap(F, node.output)
    return (None if g is None else F.neg(F.matmul(F.matmul(y, g), y)),)


def inverse_jvp(F: Builder, node: Node, tangents: Slots) -> Slots:
    (t,), y = tangents, node.output
    return (None if t is None else F.neg(F.matmul(F.matmul(y, t), y)),)


# --- determinants -----------------------------------------------------------------------------------------------------


def det_type(facts: ShapeFacts, types: Types, attrs: Attrs) -> tuple[ArrayType, ...]:
    batch, _, _ = matrix_of("det", facts, types[0])
    return (ArrayType(types[0].dtype, batch),)


def slogdet_type(facts: ShapeFacts, types: Types, attrs: Attrs) -> tuple[ArrayType, ...]:
    batch, _, _ = matrix_of("slogdet", facts, types[0])
    return ArrayType(types[0].dtype, batch), real_type(types[0], batch)


def expand_det(F: Builder, node: Node, inputs: Inputs) -> Sequence[Value]:
    packed, *_, sign, _ = F.lu(inputs[0])
    pivots = diagonal(F, packed)
    return (F.mul(F.cast(sign, pivots.type.dtype), F.reduce("prod", pivots, [pivots.rank - 1])),)


def expand_slogdet(F: Builder, node: Node, inputs: Inputs) -> Sequence[Value]:
    packed, *_, sign, _ = F.lu(inputs[0])
    pivots = diagonal(F, packed)
    last, sizes = [pivots.rank - 1], F.abs(pivots)
    zero = F.eq(sizes, 0.0)
    directions = F.select(zero, 0.0, F.div(pivots, F.select(zero, 1.0, sizes)))
    signs = F.mul(F.cast(sign, pivots.type.dtype), F.reduce("prod", directions, last))
    return signs, F.reduce("sum", F.log(sizes), last)


def slogdet_vjp(F: Builder, node: Node, cotangents: Slots) -> Slots:
    """The logarithm of the determinant is ``log |det| + i arg det``, of which the sign has the angle."""
    (by_sign, g), (sign, _), (a,) = cotangents, node.outputs, node.inputs
    if by_sign is not None and sign.type.is_complex:
        turn = F.imag(F.mul(by_sign, sign))
        g = F.complex(F.zeros(turn.type) if g is None else g, turn)
    return (None if g is None else F.guarded_mul(over_matrix(F, g), swap(F, F.inverse(a))),)


def slogdet_jvp(F: Builder, node: Node, tangents: Slots) -> Slots:
    (t,), sign = tangents, node.outputs[0]
    if t is None:
        return None, None
    moved = traces(F, t, swap(F, F.inverse(node.inputs[0])))
    if not sign.type.is_complex:
        return None, moved
    return F.mul(sign, F.complex(F.zeros(node.outputs[1].type), F.imag(moved))), F.real(moved)


def det_vjp(F: Builder, node: Node, cotangents: Slots) -> Slots:
    (g,) = cotangents
    return (None if g is None else F.mul(over_matrix(F, g), F.cofactors(node.inputs[0])),)


def det_jvp(F: Builder, node: Node, tangents: Slots) -> Slots:
    (t,) = tangents
    return (None if t is None else traces(F, t, F.cofactors(node.inputs[0])),)


def cofactors_ref(a: np.ndarray) -> np.ndarray:
    """By singular values, the product of all others for each: sign * U diag(products) V'."""
    u, s, vt = np.linalg.svd(a)
    n = s.shape[-1]
    others = np.stack([np.prod(np.delete(s, i, -1), -1) for i in range(n)], -1) if n else s
    sign = np.linalg.det(u @ vt)
    return np.conj(u * (np.conj(sign)[..., None] * others)[..., None, :]) @ np.conj(vt)


def expand_cofactors(F: Builder, node: Node, inputs: Inputs) -> Sequence[Value]:
    """By the factors, where a rounding error stands for pivots that are 0: that moves cofactors by as much."""
    (a,) = inputs
    if a.dims[-1] == 0:
        return (F.zeros(node.output.type),)
    packed, _, places, _, sign, _ = F.lu(a)
    largest = F.reduce("max", F.abs(a), [a.rank - 2, a.rank - 1])
    tiny = F.mul(F.select(F.eq(largest, 0.0), 1.0, largest), precision(a))
    on_diagonal = F.logical_and(identity_mask(F, packed), F.eq(packed, 0.0))
    packed = F.select(on_diagonal, over_matrix(F, tiny), packed)
    pivots = diagonal(F, packed)
    det = F.mul(F.cast(sign, pivots.type.dtype), F.reduce("prod", pivots, [pivots.rank - 1]))
    one = F.broadcast_to(F.cast(identity_mask(F, a), a.type.dtype), a.dims)
    inner = F.triangular_solve(packed, one, lower=True, unit=False, transposed=False)
    found = rows_of(F, F.triangular_solve(packed, inner, lower=False, unit=True, transposed=False), places)
    return (F.mul(over_matrix(F, det), swap(F, found)),)


def cofactors_vjp(F: Builder, node: Node, cotangents: Slots) -> Slots:
    """Of C = det(A) A^-T: <g, C> A^-T - C g' A^-T, at regular matrices."""
    (g,), c = cotangents, node.output
    if g is None:
        return (None,)
    y = swap(F, F.inverse(node.inputs[0]))
    return (F.sub(F.mul(over_matrix(F, traces(F, g, c)), y), F.matmul(F.matmul(c, swap(F, g)), y)),)


def cofactors_jvp(F: Builder, node: Node, tangents: Slots) -> Slots:
    (t,), c = tangents, node.output
    if t is None:
        return (None,)
    y = swap(F, F.inverse(node.inputs[0]))
    return (F.sub(F.mul(over_matrix(F, traces(F, t, y)), c), F.matmul(F.matmul(y, swap(F, t)), c)),)


# --- cholesky ---------------------------------------------------------------------------------------------------------


def expand_cholesky(F: Builder, node: Node, inputs: Inputs) -> Sequence[Value]:
    found, info = F.cholesky_factor(inputs[0])
    return (required(F, info, INDEFINITE, found),)


def from_left(F: Builder, factor: Value, x: Value, *, of_adjoint: bool = False) -> Value:
    """L^-1 x, or L*^-1 x."""
    x = conjugate(F, x) if of_adjoint else x
    found = F.triangular_solve(factor, x, lower=True, unit=False, transposed=of_adjoint)
    return conjugate(F, found) if of_adjoint else found


def cholesky_vjp(F: Builder, node: Node, cotangents: Slots) -> Slots:
    """L*^-1 half(L* G) L^-1, onto the lower triangle; of real matrices a routine computes it in place."""
    (g,), factor = conjugates(F, cotangents), node.output
    if g is None:
        return (None,)
    if not factor.type.is_complex:
        return (F.cholesky_reverse(factor, g),)
    inner = half_triangle(F, F.matmul(adjoint(F, factor), g))
    left = from_left(F, factor, inner, of_adjoint=True)
    whole = F.triangular_solve(factor, swap(F, left), lower=True, unit=False, transposed=True)
    return (conjugate(F, of_lower(F, swap(F, whole))),)


def cholesky_jvp(F: Builder, node: Node, tangents: Slots) -> Slots:
    """L half(L^-1 t L*^-1)."""
    (t,), factor = tangents, node.output
    if t is None:
        return (None,)
    left = from_left(F, factor, symmetric(F, t))
    both = adjoint(F, from_left(F, factor, adjoint(F, left)))
    return (F.matmul(factor, half_triangle(F, both)),)


SYSTEMS = [
    Op("solve", Composite(expand_solve), numpy_ref(solve_ref), General(solve_vjp, solve_jvp), type=solve_type,
       cost=60, complex=True),
    Op("inverse", Composite(expand_inverse), numpy_ref(np.linalg.inv), General(inverse_vjp, inverse_jvp),
       type=square_type("inverse"), cost=60, complex=True),
    Op("det", Composite(expand_det), np.linalg.det, General(det_vjp, det_jvp), type=det_type, cost=30, complex=True),
    Op("slogdet", Composite(expand_slogdet), np.linalg.slogdet, General(slogdet_vjp, slogdet_jvp),
       type=slogdet_type, cost=30, complex=True),
    Op("cofactors", Composite(expand_cofactors), cofactors_ref, General(cofactors_vjp, cofactors_jvp),
       type=square_type("cofactors"), cost=60, complex=True),
    Op("cholesky", Composite(expand_cholesky), numpy_ref(np.linalg.cholesky), General(cholesky_vjp, cholesky_jvp),
       type=square_type("cholesky"), cost=20, complex=True),
]  # fmt: skip
