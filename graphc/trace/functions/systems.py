"""Linear systems: ``solve inv det slogdet cholesky solve_triangular cho_solve lu_solve tensorsolve matrix_power``.

NumPy's forms, batched, and SciPy's. All of them compute in float32 or float64: integers become float64.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from graphc.ir.builder import Builder
from graphc.ir.dims import product
from graphc.ir.graph import Value
from graphc.ops.matrices import adjoint, conjugate, identity_mask
from graphc.trace.functions.arguments import (
    Implementation,
    as_array,
    as_int,
    axes_of,
    broadcast_dims,
    mean_dtype,
    promoted,
    require_equal,
    shape_error,
    unsupported,
)
from graphc.trace.functions.products import matmul


class SlogdetResult(NamedTuple):
    """The sign of a determinant, and the logarithm of its size."""

    sign: Value
    logabsdet: Value


def matrices(F: Builder, name: str, a: Any, *, square: bool = True) -> Value:
    """The argument as a stack of matrices of floats. Raises ``ShapeError`` for what are no (square) matrices."""
    value = as_array(F, a)
    value = F.cast(value, mean_dtype(value.type.dtype))
    if value.rank < 2:
        raise shape_error(F, f"{name}: {value.type} is no matrix: it has fewer than two dimensions")
    if square and not F.facts.equal(*value.dims[-2:]):
        raise shape_error(F, f"{name}: the last two dimensions of {value.type} must be square")
    return value


def same_batch(F: Builder, name: str, a: Value, b: Value) -> tuple[Value, Value]:
    """Both stacks of matrices with the batch that they broadcast to, in one dtype."""
    a, b = promoted(F, [a, b])
    batch = broadcast_dims(F, name, [a.dims[:-2], b.dims[:-2]])
    return F.broadcast_to(a, (*batch, *a.dims[-2:])), F.broadcast_to(b, (*batch, *b.dims[-2:]))


def system(F: Builder, name: str, a: Any, b: Any) -> tuple[Value, Value, bool]:
    """The matrices, the right sides as matrices, and whether those were one vector."""
    left, right = matrices(F, name, a), as_array(F, b)
    right = F.cast(right, mean_dtype(right.type.dtype))
    if not right.rank:
        raise shape_error(F, f"{name}: the right side is a number; it needs {left.dims[-1]} rows")
    is_vector = right.rank == 1
    right = F.expand_dims(right, (1,)) if is_vector else right
    require_equal(F, name, left.dims[-1], right.dims[-2], (left.dims, right.dims))
    return *same_batch(F, name, left, right), is_vector


def answered(F: Builder, found: Value, is_vector: bool) -> Value:
    """The solution, as a vector where the right side was one."""
    return F.squeeze(found, (found.rank - 1,)) if is_vector else found


def solve(F: Builder, a: Any, b: Any) -> Value:
    """``numpy.linalg.solve``; a singular matrix is a ``LinearAlgebraError`` where the program runs."""
    left, right, is_vector = system(F, "solve", a, b)
    return answered(F, F.solve(left, right, transposed=False), is_vector)


def scipy_solve(  # noqa: PLR0913, PLR0917 - SciPy's own parameters
    F: Builder, a: Any, b: Any, lower: bool = False, overwrite_a: bool = False, overwrite_b: bool = False,
    check_finite: bool = True, assume_a: Any = None, transposed: bool = False,
) -> Value:  # fmt: skip
    """``scipy.linalg.solve`` for general matrices, or positive definite ones (``assume_a="pos"``)."""
    if assume_a == "pos":
        return cho_solve(F, (cho_factor(F, a, lower)[0], lower), b)
    if assume_a not in (None, "gen", "general"):
        raise unsupported(F, f"solve: assume_a={assume_a!r} is not supported; leave it out, or use 'pos'")
    left, right, is_vector = system(F, "solve", a, b)
    return answered(F, F.solve(left, right, transposed=transposed), is_vector)


def inv(F: Builder, a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Value:
    """The inverse; a singular matrix is a ``LinearAlgebraError`` where the program runs."""
    return F.inverse(matrices(F, "inv", a))


def det(F: Builder, a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Value:
    """The determinant, differentiable at singular matrices too (second derivatives are not)."""
    return F.det(matrices(F, "det", a))


def slogdet(F: Builder, a: Any) -> SlogdetResult:
    """The sign and the logarithm of the size of the determinant."""
    return SlogdetResult(*F.slogdet(matrices(F, "slogdet", a)))


# --- positive definite matrices ---------------------------------------------------------------------------------------


def cholesky(F: Builder, a: Any, /, *, upper: bool = False) -> Value:
    """``numpy.linalg.cholesky``: of the lower triangle, or of the upper one; the other is not read."""
    value = matrices(F, "cholesky", a)
    return adjoint(F, F.cholesky(adjoint(F, value))) if upper else F.cholesky(value)


def scipy_cholesky(
    F: Builder, a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True
) -> Value:
    """``scipy.linalg.cholesky``: the upper factor, unless ``lower``."""
    return cholesky(F, a, upper=not lower)


def cho_factor(
    F: Builder, a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True
) -> tuple[Value, bool]:
    """The factor for ``cho_solve``; where SciPy leaves what was in the other triangle, there are zeros."""
    return scipy_cholesky(F, a, lower), lower


def cho_solve(F: Builder, c_and_lower: Any, b: Any, overwrite_b: bool = False, check_finite: bool = True) -> Value:
    """The solution of A x = b, for A given by its factor."""
    factor, lower = c_and_lower
    left, right, is_vector = system(F, "cho_solve", factor, b)
    flags = {"lower": bool(lower), "unit": False}
    first, last = ({**flags, "of_adjoint": upper} for upper in (not lower, bool(lower)))
    inner = triangular(F, left, right, **first)
    return answered(F, triangular(F, left, inner, **last), is_vector)


def triangular(F: Builder, a: Value, b: Value, *, lower: bool, unit: bool, of_adjoint: bool) -> Value:
    """The solution of a triangular system, or of its conjugate transpose."""
    if not of_adjoint:
        return F.triangular_solve(a, b, lower=lower, unit=unit, transposed=False)
    found = F.triangular_solve(a, conjugate(F, b), lower=lower, unit=unit, transposed=True)
    return conjugate(F, found)


def solve_triangular(
    F: Builder, a: Any, b: Any, trans: Any = 0, lower: bool = False, unit_diagonal: bool = False,
    overwrite_b: bool = False, check_finite: bool = True,
) -> Value:  # fmt: skip
    """``scipy.linalg.solve_triangular``, batched; a zero on the diagonal gives infinities, and no error."""
    if trans not in (0, 1, 2, "N", "T", "C"):
        raise shape_error(F, f"solve_triangular: trans={trans!r} is none of 0, 1, 2, 'N', 'T', 'C'")
    left, right, is_vector = system(F, "solve_triangular", a, b)
    flags = {"lower": bool(lower), "unit": bool(unit_diagonal)}
    if trans in (1, "T"):
        return answered(F, F.triangular_solve(left, right, **flags, transposed=True), is_vector)
    return answered(F, triangular(F, left, right, **flags, of_adjoint=trans in (2, "C")), is_vector)


# --- by other functions -----------------------------------------------------------------------------------------------


def matrix_power(F: Builder, a: Any, n: Any) -> Value:
    """The matrix times itself, n times, by repeated squaring; of the inverse where n is negative."""
    value = as_array(F, a)
    count = as_int(F, "matrix_power", "n", n)
    value = matrices(F, "matrix_power", value) if count < 0 or value.type.is_float or value.rank < 2 else value
    if not F.facts.equal(*value.dims[-2:]):
        raise shape_error(F, f"matrix_power: the last two dimensions of {value.type} must be square")
    if count == 0:
        return F.broadcast_to(F.cast(identity_mask(F, value), value.type.dtype), value.dims)
    power, left, result = F.inverse(value) if count < 0 else value, abs(count), None
    while True:
        if left & 1:
            result = power if result is None else matmul(F, result, power)
        left >>= 1
        if not left:
            assert result is not None
            return result
        power = matmul(F, power, power)


def tensorinv(F: Builder, a: Any, ind: Any = 2) -> Value:
    """The inverse of ``tensordot`` with a, over its last axes."""
    value, split = as_array(F, a), as_int(F, "tensorinv", "ind", ind)
    if split <= 0:
        raise shape_error(F, f"tensorinv: ind={split} must be positive")
    rows, columns = value.dims[:split], value.dims[split:]
    flat = F.reshape(value, (product(rows), product(columns)))
    return F.reshape(inv(F, flat), (*columns, *rows))


def tensorsolve(F: Builder, a: Any, b: Any, axes: Any = None) -> Value:
    """The x with ``tensordot(a, x, x.ndim) == b``."""
    left, right = as_array(F, a), as_array(F, b)
    if axes is not None:
        moved = axes_of(F, "tensorsolve", axes, left.rank)
        left = F.transpose(left, [*(i for i in range(left.rank) if i not in moved), *moved])
    shape = left.dims[right.rank :]
    if left.rank < right.rank:
        raise shape_error(F, f"tensorsolve: {left.type} has fewer axes than {right.type}")
    for ours, theirs in zip(left.dims, right.dims, strict=False):
        require_equal(F, "tensorsolve", ours, theirs, (left.dims, right.dims))
    flat = F.reshape(left, (product(right.dims), product(shape)))
    return F.reshape(solve(F, flat, F.reshape(right, (product(right.dims),))), shape)


FUNCTIONS: dict[str, Implementation] = {
    "numpy.linalg.solve": solve, "numpy.linalg.inv": inv, "numpy.linalg.det": det, "numpy.linalg.slogdet": slogdet,
    "numpy.linalg.cholesky": cholesky, "numpy.linalg.matrix_power": matrix_power, "numpy.linalg.tensorinv": tensorinv,
    "numpy.linalg.tensorsolve": tensorsolve, "scipy.linalg.solve": scipy_solve, "scipy.linalg.inv": inv,
    "scipy.linalg.det": det, "scipy.linalg.cholesky": scipy_cholesky, "scipy.linalg.cho_factor": cho_factor,
    "scipy.linalg.cho_solve": cho_solve, "scipy.linalg.solve_triangular": solve_triangular,
}  # fmt: skip
