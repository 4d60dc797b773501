"""Matrices under PyTorch's names: what ``graphc.linalg`` and the methods of tensors share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from graphc.errors import ShapeError
from graphc.tensors import library, methods, shaping
from graphc.tensors.core import Tensor, record
from graphc.tensors.creation import eye, zeros
from graphc.tensors.declaring import need_rank, several
from graphc.tensors.functions.table import FUNCTIONS
from graphc.trace.location import user_location


class Slogdet(NamedTuple):
    """The sign of a determinant, and the logarithm of its absolute value."""

    sign: Tensor
    logabsdet: Tensor


class QR(NamedTuple):
    """Orthonormal columns, and an upper triangle."""

    Q: Tensor
    R: Tensor


class Factored(NamedTuple):
    """``U @ diag(S) @ V.T``."""

    U: Tensor
    S: Tensor
    V: Tensor


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


def det(A: Tensor) -> Tensor:
    """The determinant."""
    return record(FUNCTIONS["linalg_det"], (A,))


def slogdet(A: Tensor) -> Slogdet:
    """The sign and the logarithm of the determinant."""
    return Slogdet(*several("linalg_slogdet", (A,), ()))


def logdet(A: Tensor) -> Tensor:
    """The logarithm of the determinant; NaN where that is negative."""
    sign, logarithm = slogdet(A)
    return methods.where(methods.BOTH["lt"](sign, 0), float("nan"), logarithm)


def matrix_power(A: Tensor, n: int) -> Tensor:
    """``A @ A @ ...``, n times; the inverse's power where n is negative."""
    return record(FUNCTIONS["linalg_matrix_power"], (A,), (int(n),))


def matrix_exp(A: Tensor) -> Tensor:
    """The exponential of square matrices, by its series for ``A / 2**16`` and squaring."""
    return record(FUNCTIONS["matrix_exp"], (A,))


def cholesky(A: Tensor, *, upper: bool = False) -> Tensor:
    """The lower triangle L with ``L @ L.T = A``, or its transpose."""
    lower = record(FUNCTIONS["linalg_cholesky"], (A,))
    return lower.transpose(-2, -1) if upper else lower


def cholesky_solve(B: Tensor, L: Tensor, upper: bool = False) -> Tensor:
    """x with ``A @ x = B``, given the Cholesky factor of A."""
    return record(FUNCTIONS["cholesky_solve"], (B, L), (bool(upper),))


def cholesky_inverse(L: Tensor, upper: bool = False) -> Tensor:
    """The inverse of A, given its Cholesky factor."""
    return cholesky_solve(eye(L.shape[-1], dtype=L.dtype, device=L.device), L, upper)


def qr(A: Tensor, mode: str = "reduced") -> QR:
    """``Q @ R = A``; ``mode``: "reduced", "complete", or "r" for R alone."""
    if mode == "r":
        reduced = qr(A, "reduced")
        return QR(shaping.narrow(reduced.Q, 0, 0, 0), reduced.R)
    return QR(*several("linalg_qr", (A,), (mode,)))


def svd(input: Tensor, some: bool = True, compute_uv: bool = True) -> Factored:
    """``U @ diag(S) @ V.T = A``: ``graphc.linalg.svd`` gives the transpose of V. ``compute_uv=False``: U, V are 0."""
    found = several("linalg_svd", (input,), (not some,))
    if not compute_uv:
        blank = [zeros(*input.shape[:-2], n, n, dtype=input.dtype, device=input.device) for n in input.shape[-2:]]
        return Factored(blank[0], found[1], blank[1])
    return Factored(found[0], found[1], shaping.transpose(found[2], -2, -1))


def adjoint(input: Tensor) -> Tensor:
    """A view with the last two dimensions exchanged; what has no dimensions by itself."""
    if not input.ndim:
        return input
    need_rank("adjoint", input, 2)
    return shaping.transpose(input, -2, -1)


def addr(input: Any, vec1: Tensor, vec2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """``beta * input + alpha * outer(vec1, vec2)``."""
    return _added(library.outer(vec1, vec2), input, beta, alpha)


def addbmm(input: Any, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """``beta * input + alpha * sum of batch1[i] @ batch2[i]``."""
    return _added(methods.sum(methods.BOTH["bmm"](batch1, batch2), 0), input, beta, alpha)


def _added(product: Tensor, input: Any, beta: float, alpha: float) -> Tensor:
    scaled = product if alpha == 1 else methods.BOTH["mul"](product, alpha)
    return scaled if beta == 0 else methods.add(scaled, input if beta == 1 else methods.BOTH["mul"](input, beta))


def cov(
    input: Tensor, *, correction: int = 1, fweights: Tensor | None = None, aweights: Tensor | None = None
) -> Tensor:
    """The covariances of variables, one in each row."""
    _at_most_two("cov", input)
    return record(FUNCTIONS["cov"], (input, fweights, aweights), (int(correction),))


def corrcoef(input: Tensor) -> Tensor:
    """The correlations of variables, one in each row."""
    _at_most_two("corrcoef", input)
    return record(FUNCTIONS["corrcoef"], (input,))


def _at_most_two(name: str, input: Tensor) -> None:
    if input.ndim > 2:
        message = f"{name}: the tensor has {input.ndim} dimensions, expected two at most"
        raise ShapeError(message, location=user_location())


BOTH: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (
        det, slogdet, logdet, matrix_power, matrix_exp, cholesky, cholesky_solve, cholesky_inverse, qr, svd, adjoint,
        addr, addbmm, cov, corrcoef,
    )
} | {"inverse": inv, "pinverse": pinv}  # fmt: skip
IN_PLACE = ("addr", "addbmm")
