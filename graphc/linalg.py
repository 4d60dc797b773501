"""Linear algebra of tensors, under PyTorch's names: ``graphc.linalg.solve``, ``inv``, ``svd``, ...

Matrices are the last two dimensions. LAPACK does the work; a singular matrix is a ``LinearAlgebraError``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from graphc.tensors import methods
from graphc.tensors.core import Tensor, record
from graphc.tensors.declaring import Dims, dims_of, several
from graphc.tensors.functions.table import FUNCTIONS
from graphc.tensors.library import cross, diagonal
from graphc.tensors.tensor import Tensor as _complete  # the methods of tensors

__all__ = [
    "cholesky",
    "cross",
    "det",
    "diagonal",
    "eigh",
    "eigvalsh",
    "inv",
    "lstsq",
    "matmul",
    "matrix_norm",
    "matrix_power",
    "multi_dot",
    "norm",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_triangular",
    "svd",
    "svdvals",
    "vector_norm",
]


class Slogdet(NamedTuple):
    """The sign of a determinant, and the logarithm of its absolute value."""

    sign: Tensor
    logabsdet: Tensor


class Eigh(NamedTuple):
    """Eigenvalues in order, and eigenvectors as columns."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class QR(NamedTuple):
    """Orthonormal columns, and an upper triangle."""

    Q: Tensor
    R: Tensor


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


def inv(A: Tensor) -> Tensor:
    """The inverse of square matrices.

    >>> graphc.linalg.inv(graphc.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    return record(FUNCTIONS["linalg_inv"], (A,))


def pinv(A: Tensor) -> Tensor:
    """The pseudo-inverse."""
    return record(FUNCTIONS["linalg_pinv"], (A,))


def solve(A: Tensor, B: Tensor) -> Tensor:
    """x with ``A @ x = B``, for B a vector or the columns of a matrix."""
    return record(FUNCTIONS["linalg_solve"], (A, B))


def solve_triangular(A: Tensor, B: Tensor, *, upper: bool) -> Tensor:
    """x with ``A @ x = B`` for a triangular A, of which the other triangle is not read."""
    return record(FUNCTIONS["linalg_solve_triangular"], (A, B), (bool(upper),))


def lstsq(A: Tensor, B: Tensor) -> Lstsq:
    """``.solution``: x with the least ``|A @ x - B|``."""
    return Lstsq(several("linalg_lstsq", (A, B), ())[0])


def det(A: Tensor) -> Tensor:
    """The determinant."""
    return record(FUNCTIONS["linalg_det"], (A,))


def slogdet(A: Tensor) -> Slogdet:
    """The sign and the logarithm of the determinant."""
    return Slogdet(*several("linalg_slogdet", (A,), ()))


def cholesky(A: Tensor, *, upper: bool = False) -> Tensor:
    """The lower triangle L with ``L @ L.T = A``, or its transpose."""
    lower = record(FUNCTIONS["linalg_cholesky"], (A,))
    return lower.transpose(-2, -1) if upper else lower


def eigh(A: Tensor, UPLO: str = "L") -> Eigh:
    """Eigenvalues and eigenvectors of symmetric matrices."""
    return Eigh(*several("linalg_eigh", (A,), (UPLO,)))


def eigvalsh(A: Tensor, UPLO: str = "L") -> Tensor:
    """Eigenvalues of symmetric matrices."""
    return record(FUNCTIONS["linalg_eigvalsh"], (A,), (UPLO,))


def qr(A: Tensor, mode: str = "reduced") -> QR:
    """``Q @ R = A``."""
    return QR(*several("linalg_qr", (A,), (mode,)))


def svd(A: Tensor, full_matrices: bool = True) -> SVD:
    """``U @ diag(S) @ Vh = A``."""
    return SVD(*several("linalg_svd", (A,), (bool(full_matrices),)))


def svdvals(A: Tensor) -> Tensor:
    """The singular values, the largest first."""
    return record(FUNCTIONS["linalg_svdvals"], (A,))


def matrix_power(A: Tensor, n: int) -> Tensor:
    """``A @ A @ ...``, n times; the inverse's power where n is negative."""
    return record(FUNCTIONS["linalg_matrix_power"], (A,), (int(n),))


def vector_norm(x: Tensor, ord: float = 2, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """The norm of all elements, or over the dimensions."""
    return methods.norm(x, ord, dim, keepdim)


def matrix_norm(A: Tensor, ord: Any = "fro", keepdim: bool = False) -> Tensor:
    """The norm of matrices: "fro", "nuc", 1, -1, 2, -2, inf or -inf."""
    return record(FUNCTIONS["linalg_matrix_norm"], (A,), (ord, keepdim))


def norm(A: Tensor, ord: Any = None, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """``vector_norm`` of all elements or over one dimension, ``matrix_norm`` where ``ord`` is given for a matrix."""
    dims = dims_of(dim)
    is_matrix = ord is not None and (isinstance(ord, str) or (dims is None and A.ndim == 2) or isinstance(dims, tuple))
    if is_matrix and (dims is None or dims in ((-2, -1), (A.ndim - 2, A.ndim - 1))):
        return matrix_norm(A, ord, keepdim)
    return vector_norm(A, 2 if ord is None else ord, dim, keepdim)


del _complete
