"""Spectra of matrices: ``eigh eig svd pinv lstsq cond matrix_rank`` and their relatives, batched.

Where results are not unique (signs of vectors, vectors of equal values) they are LAPACK's, as NumPy's are.
"""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

import numpy as np

from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.ir.types import I64, ArrayType
from graphc.ops.linalg import swap
from graphc.ops.matrices import adjoint, precision, rows_of, squared_sizes, symmetric
from graphc.ops.sorting import along_last
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
from graphc.trace.functions.systems import inv, matrices, solve, triangular


class EighResult(NamedTuple):
    """Eigenvalues, ascending, and eigenvectors as columns."""

    eigenvalues: Value
    eigenvectors: Value


class SVDResult(NamedTuple):
    """Left vectors as columns, singular values, descending, right vectors as rows."""

    U: Value
    S: Value
    Vh: Value


class EigResult(NamedTuple):
    """Eigenvalues and eigenvectors as columns, both complex."""

    eigenvalues: Value
    eigenvectors: Value


def eigh(F: Builder, a: Any, UPLO: str = "L") -> EighResult:
    """Of symmetric matrices, of which one triangle is read."""
    value = matrices(F, "eigh", a)
    if UPLO.upper() not in ("L", "U"):
        raise shape_error(F, f"eigh: UPLO={UPLO!r} is neither 'L' nor 'U'")
    return EighResult(*(F.eigh(value) if UPLO.upper() == "L" else F.eigh(adjoint(F, value), upper=True)))


def scipy_eigh(  # noqa: PLR0913 - SciPy's own parameters
    F: Builder, a: Any, b: Any = None, *, lower: bool = True, eigvals_only: bool = False, overwrite_a: bool = False,
    overwrite_b: bool = False, type: int = 1, check_finite: bool = True, subset_by_index: Any = None,
    subset_by_value: Any = None, driver: Any = None,
) -> Any:  # fmt: skip
    """``scipy.linalg.eigh``; of the general problem a v = w b v by the Cholesky factor of b. ``subset_by_index``: the
    first and the last one that are wanted."""
    if type != 1 or subset_by_value is not None:
        raise unsupported(F, "eigh: type=2 and 3, and subset_by_value=, are not supported; use subset_by_index=")
    if subset_by_index is not None:
        all_of_them = scipy_eigh(F, a, b, lower=lower)
        first, last = (operator.index(place) for place in subset_by_index)
        values, vectors = (take_range(F, x, x.rank - 1, first, last - first + 1) for x in all_of_them)
        return values if eigvals_only else (values, vectors)
    triangle = "L" if lower else "U"
    if b is None:
        found = eigh(F, a, triangle)
        return found.eigenvalues if eigvals_only else tuple(found)
    left, right = matrices(F, "eigh", a), matrices(F, "eigh", b)
    factor = F.cholesky(right if lower else adjoint(F, right))
    whole = left if lower else adjoint(F, left)
    flags = {"lower": True, "unit": False}
    half = triangular(F, factor, symmetric(F, whole), **flags, of_adjoint=False)
    values, vectors = F.eigh(triangular(F, factor, adjoint(F, half), **flags, of_adjoint=False))
    return values if eigvals_only else (values, triangular(F, factor, vectors, **flags, of_adjoint=True))


def eigvalsh(F: Builder, a: Any, UPLO: str = "L") -> Value:
    """The eigenvalues alone."""
    return eigh(F, a, UPLO).eigenvalues


def scipy_eigvalsh(  # noqa: PLR0913 - SciPy's own parameters
    F: Builder, a: Any, b: Any = None, *, lower: bool = True, overwrite_a: bool = False, overwrite_b: bool = False,
    type: int = 1, check_finite: bool = True, subset_by_index: Any = None, subset_by_value: Any = None,
    driver: Any = None,
) -> Any:  # fmt: skip
    return scipy_eigh(F, a, b, lower=lower, eigvals_only=True, type=type, subset_by_index=subset_by_index,
                      subset_by_value=subset_by_value)  # fmt: skip


def eig(F: Builder, a: Any) -> EigResult:
    """Eigenvalues and eigenvectors of general matrices; complex, also where NumPy finds that all of them are real."""
    return EigResult(*F.eig(matrices(F, "eig", a)))


def eigvals(F: Builder, a: Any) -> Value:
    """The eigenvalues alone, complex."""
    return eig(F, a).eigenvalues


def scipy_eig(  # noqa: PLR0913, PLR0917 - SciPy's own parameters
    F: Builder, a: Any, b: Any = None, left: bool = False, right: bool = True, overwrite_a: bool = False,
    overwrite_b: bool = False, check_finite: bool = True, homogeneous_eigvals: bool = False,
) -> Any:  # fmt: skip
    """``scipy.linalg.eig``; of the general problem a v = w b v, for regular b, as that of b^-1 a."""
    if left or homogeneous_eigvals:
        raise unsupported(F, "eig: left=True and homogeneous_eigvals=True are not supported; leave them out")
    value = matrices(F, "eig", a)
    found = eig(F, value if b is None else solve(F, matrices(F, "eig", b), value))
    return tuple(found) if right else found.eigenvalues


def scipy_eigvals(F: Builder, a: Any, b: Any = None, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    return scipy_eig(F, a, b, right=False)


def svd(
    F: Builder, a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> Value | SVDResult:
    """``numpy.linalg.svd``. With ``full_matrices=True`` the vectors beyond the shorter side are another basis of their
    space than LAPACK's: that of a QR factorisation of the others, which has derivatives.
    """
    value = matrices(F, "svd", a, square=hermitian)
    if hermitian:
        u, s, vt = _by_eigenvalues(F, value)
        return SVDResult(u, s, vt) if compute_uv else s
    if not compute_uv:
        return F.svd(value)[1]
    u, s, vt = F.svd(value)
    rows, columns = value.dims[-2:]
    if full_matrices and F.facts.at_least(rows, columns + 1):
        u = _completed(F, u)
    elif full_matrices and F.facts.at_least(columns, rows + 1):
        vt = adjoint(F, _completed(F, adjoint(F, vt)))
    return SVDResult(u, s, vt)


def _completed(F: Builder, v: Value) -> Value:
    """Orthonormal columns and others that make a basis of them."""
    return F.concat(v, F.completion(v), axis=v.rank - 1)


def _by_eigenvalues(F: Builder, value: Value) -> tuple[Value, Value, Value]:
    """Singular values and vectors of Hermitian matrices: sizes of eigenvalues, in their order."""
    w, v = F.eigh(value)
    sizes, places = F.sort(F.neg(F.abs(w)))
    signs = F.sign(F.gather(w, *along_last(F, places), axes=tuple(range(w.rank)), checked=False))
    u = swap(F, rows_of(F, swap(F, v), places))
    return u, F.neg(sizes), adjoint(F, F.mul(u, F.expand_dims(signs, (w.rank - 1,))))


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


# --- what needs singular values ---------------------------------------------------------------------------------------


def _precision(F: Builder, value: Value) -> Value:
    """The larger dimension times the precision: up to which share of the largest NumPy takes a singular value for 0."""
    size = F.cast(F.value(larger(F, *value.dims[-2:])), value.type.real_dtype)
    return F.mul(size, precision(value))


def pinv(F: Builder, a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = ()) -> Value:
    """The pseudo-inverse, differentiable where the rank stays the same."""
    value = matrices(F, "pinv", a, square=hermitian)
    if 0 in value.dims[-2:]:
        return swap(F, value)
    given = rcond if rcond is not None else 1e-15 if rtol == () else rtol
    return _pseudo_inverse(F, symmetric(F, value) if hermitian else value, given)


def _pseudo_inverse(F: Builder, value: Value, cutoff: Any) -> Value:
    return F.pinv(value, _cutoff(F, value, cutoff))


def _cutoff(F: Builder, value: Value, cutoff: Any) -> Value:
    """Up to which share of the largest singular values are zero, for each matrix."""
    relative = _precision(F, value) if cutoff is None else F.cast(as_array(F, cutoff), value.type.real_dtype)
    return F.broadcast_to(relative, value.dims[:-2])


def scipy_pinv(F: Builder, a: Any, *, rtol: Any = None, check_finite: bool = True) -> Value:
    value = matrices(F, "pinv", a, square=False)
    return swap(F, value) if 0 in value.dims[-2:] else _pseudo_inverse(F, value, rtol)


def scipy_pinvh(F: Builder, a: Any, *, rtol: Any = None, lower: bool = True, check_finite: bool = True) -> Value:
    """The pseudo-inverse of Hermitian matrices, of which one triangle is read."""
    value = matrices(F, "pinvh", a)
    return _pseudo_inverse(F, symmetric(F, value if lower else adjoint(F, value)), rtol)


def _rank(F: Builder, singular: Value, limit: Value) -> Value:
    above = F.gt(singular, F.expand_dims(limit, (limit.rank,)))
    return F.reduce("sum", F.cast(above, I64), [singular.rank - 1])


def matrix_rank(F: Builder, A: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Value:
    """How many singular values are not zero (int64)."""
    if as_array(F, A).rank < 2:
        return F.cast(F.reduce("any", F.ne(as_array(F, A), 0), range(as_array(F, A).rank)), I64)
    value = matrices(F, "matrix_rank", A, square=hermitian)
    singular = F.svd(symmetric(F, value) if hermitian else value)[1]
    if tol is not None:
        limit = F.broadcast_to(F.cast(as_array(F, tol), value.type.real_dtype), value.dims[:-2])
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
    sides = right if right.rank == 2 else F.expand_dims(right, (1,))
    solution = F.least_squares(left, sides, _cutoff(F, left, rcond), adjoint=False)
    solution = solution if right.rank == 2 else F.squeeze(solution, (1,))
    off = F.sub(right, matmul(F, left, solution))
    residuals = F.reduce("sum", squared_sizes(F, off), (0,))
    residuals = residuals if residuals.rank else F.expand_dims(residuals, (0,))
    if not F.facts.at_least(left.dims[0], left.dims[1] + 1):
        residuals = F.zeros(ArrayType(left.type.real_dtype, (0,)))
    singular = F.svd(left)[1]
    relative = _precision(F, left) if rcond is None else as_array(F, rcond)
    rank = _rank(F, singular, F.mul(F.reduce("max", singular, [0]), relative))
    return solution, residuals, F.cast(rank, np.dtype(np.int32)), singular


def scipy_lstsq(
    F: Builder, a: Any, b: Any, cond: Any = None, overwrite_a: bool = False, overwrite_b: bool = False,
    check_finite: bool = True, lapack_driver: str | None = None,
) -> tuple[Value, Value, Value, Value]:  # fmt: skip
    """``scipy.linalg.lstsq``: as NumPy's, but for the residual of one right side, which is a number."""
    left = matrices(F, "lstsq", a, square=False)
    solution, residuals, rank, singular = lstsq(F, left, b, precision(left) if cond is None else cond)
    is_number = as_array(F, b).rank == 1 and residuals.dims != (0,)
    return solution, F.squeeze(residuals, (0,)) if is_number else residuals, F.cast(rank, I64), singular


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
    "numpy.linalg.svdvals": svdvals, "numpy.linalg.pinv": pinv, "numpy.linalg.eig": eig,
    "numpy.linalg.eigvals": eigvals, "numpy.linalg.matrix_rank": matrix_rank, "numpy.linalg.lstsq": lstsq,
    "numpy.linalg.cond": cond,
    "scipy.linalg.eigh": scipy_eigh, "scipy.linalg.eigvalsh": scipy_eigvalsh, "scipy.linalg.svd": scipy_svd,
    "scipy.linalg.svdvals": scipy_svdvals, "scipy.linalg.pinv": scipy_pinv, "scipy.linalg.pinvh": scipy_pinvh,
    "scipy.linalg.eig": scipy_eig, "scipy.linalg.eigvals": scipy_eigvals, "scipy.linalg.lstsq": scipy_lstsq,
}  # fmt: skip
