"""Decompositions of matrices: ``eigh svd qr pinv lstsq cond matrix_rank`` and their relatives, batched.

Where results are not unique (signs of vectors, vectors of equal values) they are LAPACK's, as NumPy's are.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.ir.types import I64, ArrayType
from graphc.ops.factors import swap
from graphc.trace.functions.arguments import (
    Implementation,
    as_array,
    larger,
    promoted,
    require_equal,
    shape_error,
    specialised,
    unsupported,
)
from graphc.trace.functions.norms import norm
from graphc.trace.functions.products import matmul
from graphc.trace.functions.slicing import take_range
from graphc.trace.functions.systems import inv, matrices


class EighResult(NamedTuple):
    """Eigenvalues, ascending, and eigenvectors as columns."""

    eigenvalues: Value
    eigenvectors: Value


class SVDResult(NamedTuple):
    """Left vectors as columns, singular values, descending, right vectors as rows."""

    U: Value
    S: Value
    Vh: Value


class QRResult(NamedTuple):
    """Orthogonal columns, and an upper triangle."""

    Q: Value
    R: Value


def eigh(F: Builder, a: Any, UPLO: str = "L") -> EighResult:
    """Of symmetric matrices, of which one triangle is read."""
    value = matrices(F, "eigh", a)
    if UPLO.upper() not in ("L", "U"):
        raise shape_error(F, f"eigh: UPLO={UPLO!r} is neither 'L' nor 'U'")
    return EighResult(*F.eigh(value if UPLO.upper() == "L" else swap(F, value)))


def scipy_eigh(
    F: Builder, a: Any, b: Any = None, *, lower: bool = True, eigvals_only: bool = False, overwrite_a: bool = False,
    overwrite_b: bool = False, check_finite: bool = True,
) -> Any:  # fmt: skip
    """``scipy.linalg.eigh``; of the general problem a v = w b v by the Cholesky factor of b."""
    triangle = "L" if lower else "U"
    if b is None:
        found = eigh(F, a, triangle)
        return found.eigenvalues if eigvals_only else tuple(found)
    left, right = matrices(F, "eigh", a), matrices(F, "eigh", b)
    factor = F.cholesky(right if lower else swap(F, right))
    whole = left if lower else swap(F, left)
    flags = {"lower": True, "unit": False}
    half = F.triangular_solve(factor, _mirrored(F, whole), **flags, transposed=False)
    values, vectors = F.eigh(F.triangular_solve(factor, swap(F, half), **flags, transposed=False))
    return values if eigvals_only else (values, F.triangular_solve(factor, vectors, **flags, transposed=True))


def _mirrored(F: Builder, a: Value) -> Value:
    """The symmetric matrix whose lower triangle is given."""
    rows, columns = (F.iota(dims=a.dims[-2:], axis=axis) for axis in (0, 1))
    return F.select(F.ge(rows, columns), a, swap(F, a))


def eigvalsh(F: Builder, a: Any, UPLO: str = "L") -> Value:
    """The eigenvalues alone."""
    return eigh(F, a, UPLO).eigenvalues


def scipy_eigvalsh(F: Builder, a: Any, b: Any = None, *, lower: bool = True) -> Any:
    return scipy_eigh(F, a, b, lower=lower, eigvals_only=True)


def svd(
    F: Builder, a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> Value | SVDResult:
    """``numpy.linalg.svd``: with ``full_matrices=True`` for square matrices alone, where that changes nothing."""
    value = matrices(F, "svd", a, square=False)
    if hermitian:
        raise unsupported(F, "svd: hermitian=True is not supported; leave it out, or use np.linalg.eigh")
    if not compute_uv:
        return F.svd(value)[1]
    if full_matrices and not F.facts.equal(*value.dims[-2:]):
        message = "svd: full_matrices=True of a matrix that is not square gives vectors that have no derivative"
        raise unsupported(F, f"{message}; write full_matrices=False")
    return SVDResult(*F.svd(value))


def scipy_svd(
    F: Builder, a: Any, full_matrices: bool = True, compute_uv: bool = True, overwrite_a: bool = False,
    check_finite: bool = True, lapack_driver: str = "gesdd",
) -> Any:  # fmt: skip
    found: Any = svd(F, a, full_matrices, compute_uv)
    return tuple(found) if compute_uv else found


def svdvals(F: Builder, x: Any, /) -> Value:
    """The singular values, descending."""
    return F.svd(matrices(F, "svdvals", x, square=False))[1]


def scipy_svdvals(F: Builder, a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Value:
    return svdvals(F, a)


def qr(F: Builder, a: Any, mode: str = "reduced") -> Value | QRResult:
    """Orthogonal columns times an upper triangle; a wide matrix by its first square part."""
    value = matrices(F, "qr", a, square=False)
    rows, columns = value.dims[-2:]
    if mode not in ("reduced", "r") and not (mode == "complete" and F.facts.equal(rows, columns)):
        raise unsupported(F, f"qr: mode={mode!r} is not supported; use 'reduced' or 'r'")
    if F.facts.at_least(rows, columns):
        q, r = F.qr(value)
    else:
        last = value.rank - 1
        q, first = F.qr(take_range(F, value, last, 0, rows))
        rest = matmul(F, swap(F, q), take_range(F, value, last, rows, columns - rows))
        r = F.concat(first, rest, axis=last)
    return r if mode == "r" else QRResult(q, r)


def scipy_qr(
    F: Builder, a: Any, overwrite_a: bool = False, lwork: Any = None, mode: str = "full", pivoting: bool = False,
    check_finite: bool = True,
) -> Any:  # fmt: skip
    """``scipy.linalg.qr`` without pivoting: ``mode="economic"`` or ``"r"``, and ``"full"`` of square matrices."""
    if pivoting:
        raise unsupported(F, "qr: pivoting=True is not supported; leave it out")
    names = {"economic": "reduced", "full": "complete", "r": "r"}
    if mode not in names:
        raise unsupported(F, f"qr: mode={mode!r} is not supported; use 'economic' or 'r'")
    found: Any = qr(F, a, names[mode])
    return (found,) if mode == "r" else tuple(found)


# --- what needs singular values ---------------------------------------------------------------------------------------


def _precision(F: Builder, value: Value) -> Value:
    """The larger dimension times the precision: up to which share of the largest NumPy takes a singular value for 0."""
    size = F.cast(F.value(larger(F, *value.dims[-2:])), value.type.dtype)
    return F.mul(size, float(np.finfo(value.type.dtype).eps))


def pinv(F: Builder, a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = ()) -> Value:
    """The pseudo-inverse, differentiable where the rank stays the same."""
    value = matrices(F, "pinv", a, square=False)
    if 0 in value.dims[-2:]:
        return swap(F, value)
    given = rcond if rcond is not None else 1e-15 if rtol == () else rtol
    return _pseudo_inverse(F, value, given)


def _pseudo_inverse(F: Builder, value: Value, cutoff: Any) -> Value:
    relative = _precision(F, value) if cutoff is None else F.cast(as_array(F, cutoff), value.type.dtype)
    return F.pinv(value, F.broadcast_to(relative, value.dims[:-2]))


def scipy_pinv(F: Builder, a: Any, *, rtol: Any = None, check_finite: bool = True) -> Value:
    value = matrices(F, "pinv", a, square=False)
    return swap(F, value) if 0 in value.dims[-2:] else _pseudo_inverse(F, value, rtol)


def _rank(F: Builder, singular: Value, limit: Value) -> Value:
    above = F.gt(singular, F.expand_dims(limit, (limit.rank,)))
    return F.reduce("sum", F.cast(above, I64), [singular.rank - 1])


def matrix_rank(F: Builder, A: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Value:
    """How many singular values are not zero (int64)."""
    if as_array(F, A).rank < 2:
        return F.cast(F.reduce("any", F.ne(as_array(F, A), 0), range(as_array(F, A).rank)), I64)
    value = matrices(F, "matrix_rank", A, square=False)
    singular = F.svd(value)[1]
    if tol is not None:
        limit = F.broadcast_to(F.cast(as_array(F, tol), value.type.dtype), value.dims[:-2])
    else:
        relative = _precision(F, value) if rtol is None else as_array(F, rtol)
        limit = F.mul(F.reduce("max", singular, [singular.rank - 1]), relative)
    return _rank(F, singular, limit)


def lstsq(F: Builder, a: Any, b: Any, rcond: Any = None) -> tuple[Value, Value, Value, Value]:
    """Least squares of least norm: solution, residuals, rank, singular values.

    The residuals stand there as for a matrix of full rank with more rows than columns; NumPy leaves them out where that
    is not so, which only shows when the program runs.
    """
    left, right = promoted(F, [matrices(F, "lstsq", a, square=False), as_array(F, b)])
    if left.rank != 2:
        raise shape_error(F, f"lstsq: {left.type} is no matrix")
    require_equal(F, "lstsq", left.dims[0], right.dims[0], (left.dims, right.dims))
    solution = matmul(F, _pseudo_inverse(F, left, rcond), right)
    off = F.sub(right, matmul(F, left, solution))
    residuals = F.reduce("sum", F.square(off), (0,))
    residuals = residuals if residuals.rank else F.expand_dims(residuals, (0,))
    if not F.facts.at_least(left.dims[0], left.dims[1] + 1):
        residuals = F.zeros(ArrayType(left.type.dtype, (0,)))
    singular = F.svd(left)[1]
    relative = _precision(F, left) if rcond is None else as_array(F, rcond)
    rank = _rank(F, singular, F.mul(F.reduce("max", singular, [0]), relative))
    return solution, residuals, F.cast(rank, np.dtype(np.int32)), singular


def cond(F: Builder, x: Any, p: Any = None) -> Value:
    """The condition number: by singular values, or by a norm of the matrix and its inverse."""
    order = specialised(F, p)
    value = matrices(F, "cond", x, square=order not in (None, 2, -2))
    if order in (None, 2, -2):
        singular = F.svd(value)[1]
        last = singular.rank - 1
        ends = [F.squeeze(take_range(F, singular, last, at, 1), (last,)) for at in (0, singular.dims[-1] - 1)]
        return F.div(*(reversed(ends) if order == -2 else ends))
    return F.mul(norm(F, value, order, (-2, -1)), norm(F, inv(F, value), order, (-2, -1)))


FUNCTIONS: dict[str, Implementation] = {
    "numpy.linalg.eigh": eigh, "numpy.linalg.eigvalsh": eigvalsh, "numpy.linalg.svd": svd,
    "numpy.linalg.svdvals": svdvals, "numpy.linalg.qr": qr, "numpy.linalg.pinv": pinv,
    "numpy.linalg.matrix_rank": matrix_rank, "numpy.linalg.lstsq": lstsq, "numpy.linalg.cond": cond,
    "scipy.linalg.eigh": scipy_eigh, "scipy.linalg.eigvalsh": scipy_eigvalsh, "scipy.linalg.svd": scipy_svd,
    "scipy.linalg.svdvals": scipy_svdvals, "scipy.linalg.qr": scipy_qr, "scipy.linalg.pinv": scipy_pinv,
}  # fmt: skip
