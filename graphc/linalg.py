"""Linear algebra of tensors, under PyTorch's names: ``graphc.linalg.solve``, ``inv``, ``svd``, ...

Matrices are the last two dimensions. LAPACK does the work; a singular matrix is a ``LinearAlgebraError``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from graphc.errors import IndexRangeError, LinearAlgebraError, NumberError, ShapeError, TraceTypeError, absent_names
from graphc.tensors import arranging, library, methods, shaping
from graphc.tensors.converting import to
from graphc.tensors.core import Tensor, record
from graphc.tensors.creation import zeros
from graphc.tensors.declaring import Dims, dims_of, several
from graphc.tensors.functions.table import FUNCTIONS
from graphc.tensors.matrices import QR, Slogdet, cholesky, det, inv, matrix_exp, matrix_power, pinv, qr, slogdet
from graphc.tensors.tensor import Tensor as _complete  # the methods of tensors
from graphc.trace.location import user_location

__all__ = [
    "QR",
    "LinAlgError",
    "Slogdet",
    "cholesky",
    "cholesky_ex",
    "cond",
    "cross",
    "det",
    "diagonal",
    "eigh",
    "eigvalsh",
    "inv",
    "inv_ex",
    "lstsq",
    "lu",
    "lu_factor",
    "lu_solve",
    "matmul",
    "matrix_exp",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "multi_dot",
    "norm",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_triangular",
    "svd",
    "svdvals",
    "tensorinv",
    "tensorsolve",
    "vander",
    "vecdot",
    "vector_norm",
]  # fmt: skip
LinAlgError = LinearAlgebraError


class Eigh(NamedTuple):
    """Eigenvalues in order, and eigenvectors as columns."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class SVD(NamedTuple):
    """Left singular vectors as columns, singular values, right singular vectors as rows."""

    U: Tensor
    S: Tensor
    Vh: Tensor


class Lstsq(NamedTuple):
    """The solution of a least squares problem; what else PyTorch gives is None."""

    solution: Tensor
    residuals: None = None
    rank: None = None
    singular_values: None = None


class Checked(NamedTuple):
    """A result, and 0: where there is none, graphc raises."""

    result: Tensor
    info: Tensor


class LU(NamedTuple):
    """A permutation, a lower and an upper triangle."""

    P: Tensor
    L: Tensor
    U: Tensor


class Factored(NamedTuple):
    """Both triangles in one matrix, and which rows were exchanged."""

    LU: Tensor
    pivots: Tensor


# --- products ---------------------------------------------------------------------------------------------------------


def matmul(input: Tensor, other: Tensor) -> Tensor:
    """``input @ other``."""
    result: Tensor = methods.BOTH["matmul"](input, other)
    return result


def multi_dot(tensors: Any) -> Tensor:
    """The product of several matrices, from left to right."""
    first, *rest = tensors
    for matrix in rest:
        first = matmul(first, matrix)
    result: Tensor = first
    return result


def vecdot(x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
    """The sum of products along a dimension."""
    return methods.sum(methods.BOTH["mul"](x, y), dim)


def cross(input: Tensor, other: Tensor, *, dim: int = -1) -> Tensor:
    """The vector product along a dimension of length 3."""
    return library.cross(input, other, dim)


def diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """The diagonals of matrices, as the last dimension."""
    return library.diagonal(A, offset, dim1, dim2)


def vander(x: Tensor, *, N: int | None = None) -> Tensor:
    """The powers of the last dimension's elements, from 0 on, along a new one."""
    count = x.shape[-1] if N is None else N
    flat = shaping.reshape(x, -1)
    powers = arranging.vander(flat, count, increasing=True)
    return shaping.reshape(powers, (*x.shape, count))


# --- systems ----------------------------------------------------------------------------------------------------------


def solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:
    """x with ``A @ x = B``, for B a vector or the columns of a matrix; ``left=False``: with ``x @ A = B``."""
    if not left:
        return shaping.transpose(solve(shaping.transpose(A, -2, -1), shaping.transpose(B, -2, -1)), -2, -1)
    return record(FUNCTIONS["linalg_solve"], (A, B))


def solve_triangular(A: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Tensor:
    """x with ``A @ x = B`` for a triangular A, of which the other triangle is not read.

    ``left=False``: with ``x @ A = B``. ``unitriangular``: the diagonal counts as ones.
    """
    if min(A.ndim, B.ndim) < 2:
        message = f"solve_triangular needs matrices, got tensors of {A.ndim} and {B.ndim} dimensions"
        raise ShapeError(message, location=user_location())
    if not left:
        found = solve_triangular(_turned(A), _turned(B), upper=not upper, unitriangular=unitriangular)
        return _turned(found)
    return record(FUNCTIONS["linalg_solve_triangular"], (A, B), (bool(upper), bool(unitriangular)))


def _turned(x: Tensor) -> Tensor:
    return shaping.transpose(x, -2, -1)


def lstsq(A: Tensor, B: Tensor) -> Lstsq:
    """``.solution``: x with the least ``|A @ x - B|``."""
    return Lstsq(several("linalg_lstsq", (A, B), ())[0])


def inv_ex(A: Tensor) -> Checked:
    """The inverse, and 0; a singular matrix is an error."""
    return Checked(inv(A), _no_problem(A))


def cholesky_ex(A: Tensor, *, upper: bool = False) -> Checked:
    """The Cholesky factor, and 0; a matrix that has none is an error."""
    return Checked(cholesky(A, upper=upper), _no_problem(A))


def _no_problem(A: Tensor) -> Tensor:
    return zeros(*A.shape[:-2], dtype="int32", device=A.device)


def lu_factor(A: Tensor) -> Factored:
    """The LU decomposition as LAPACK keeps it."""
    return Factored(*several("linalg_lu_factor", (A,), ()))


def lu_solve(LU: Tensor, pivots: Tensor, B: Tensor) -> Tensor:
    """x with ``A @ x = B``, given the decomposition by ``lu_factor``."""
    return record(FUNCTIONS["linalg_lu_solve"], (LU, pivots, B))


def lu(A: Tensor) -> LU:
    """``P @ L @ U = A``."""
    return LU(*several("linalg_lu", (A,), ()))


def tensorinv(A: Tensor, ind: int = 2) -> Tensor:
    """The inverse of ``tensordot`` by the tensor."""
    return record(FUNCTIONS["linalg_tensorinv"], (A,), (int(ind),))


def tensorsolve(A: Tensor, B: Tensor, dims: Any = None) -> Tensor:
    """x with ``tensordot(A, x, x.ndim) = B``."""
    return record(FUNCTIONS["linalg_tensorsolve"], (A, B), (dims_of(dims),))


# --- eigenvalues, singular values -------------------------------------------------------------------------------------


def eigh(A: Tensor, UPLO: str = "L") -> Eigh:
    """Eigenvalues and eigenvectors of symmetric matrices."""
    return Eigh(*several("linalg_eigh", (A,), (UPLO,)))


def eigvalsh(A: Tensor, UPLO: str = "L") -> Tensor:
    """Eigenvalues of symmetric matrices."""
    return record(FUNCTIONS["linalg_eigvalsh"], (A,), (UPLO,))


def svd(A: Tensor, full_matrices: bool = True) -> SVD:
    """``U @ diag(S) @ Vh = A``."""
    return SVD(*several("linalg_svd", (A,), (bool(full_matrices),)))


def svdvals(A: Tensor) -> Tensor:
    """The singular values, the largest first."""
    return record(FUNCTIONS["linalg_svdvals"], (A,))


def cond(A: Tensor, p: Any = None) -> Tensor:
    """The condition number of matrices, in the norm p: None or 2 by singular values, "fro", "nuc", 1, inf, ..."""
    return record(FUNCTIONS["linalg_cond"], (A,), (p,))


def matrix_rank(A: Tensor, tol: Any = None, *, rtol: Any = None) -> Tensor:
    """How many singular values are above the tolerance."""
    return record(FUNCTIONS["linalg_matrix_rank"], (A,), (tol, rtol))


# --- norms ------------------------------------------------------------------------------------------------------------


def vector_norm(x: Tensor, ord: Any = 2, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The norm of all elements, or over the dimensions."""
    return methods.norm(x, ord, dim, keepdim, dtype=dtype)


def matrix_norm(
    A: Tensor, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    """The norm of matrices in the plane of two dimensions: "fro", "nuc", 1, -1, 2, -2, inf or -inf."""
    if A.ndim < 2:
        raise ShapeError(f"matrix_norm needs matrices, the tensor has shape {A.shape}", location=user_location())
    if not A.is_floating_point():
        raise TraceTypeError(f"matrix_norm needs a floating tensor, not {A.dtype}", location=user_location())
    if ord not in ("fro", "nuc", 1, -1, 2, -2, float("inf"), -float("inf")):
        raise NumberError(f"matrix_norm: there is no norm {ord!r} of matrices", location=user_location())
    rows, columns = (_axis(A, d) for d in dim)
    x = to(A, dtype) if dtype is not None else A
    found = record(FUNCTIONS["linalg_matrix_norm"], (shaping.movedim(x, (rows, columns), (-2, -1)),), (ord, False))
    for axis in sorted((rows, columns)) if keepdim else ():
        found = shaping.unsqueeze(found, axis)
    return found


def _axis(A: Tensor, dim: int) -> int:
    if not -A.ndim <= dim < A.ndim:
        message = f"dimension {dim} of a tensor of {A.ndim} dimensions"
        raise IndexRangeError(message, location=user_location())
    return int(dim) % A.ndim


def norm(A: Tensor, ord: Any = None, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """``matrix_norm`` over two dimensions, or of a matrix where ``ord`` is given; else ``vector_norm``."""
    dims = (dim,) if isinstance(dim, int) else dim if dim is None else tuple(dim)
    if dims is None and ord is not None:
        if A.ndim not in (1, 2):
            message = f"norm: ord={ord!r} without dim needs a vector or a matrix, the tensor has shape {A.shape}"
            raise ShapeError(message, location=user_location())
        dims = tuple(range(A.ndim))
    if dims is not None and len(dims) == 2:
        return matrix_norm(A, "fro" if ord is None else ord, dims, keepdim, dtype=dtype)
    if isinstance(ord, str):
        raise NumberError(f"norm: {ord!r} is a norm of matrices, not over {dims}", location=user_location())
    return vector_norm(A, 2 if ord is None else ord, dims, keepdim, dtype=dtype)


del _complete
__getattr__ = absent_names("graphc.linalg", globals())
