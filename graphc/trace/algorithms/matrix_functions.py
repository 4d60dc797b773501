"""``scipy.linalg``'s functions of square matrices: ``expm sqrtm logm cosm sinm tanm signm funm``, of a batch, too.

Source: N. J. Higham, Functions of Matrices: Theory and Computation (SIAM 2008), chapters 6, 10 and 11. The derivative
is that of the algorithm, whose steps are smooth; how often it scales is a constant of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.trace.values import held

# Numerator coefficients of the [13/13] Pade approximant of exp, and the norm up to which it is exact to rounding
_EXP_PADE = (
    64764752532480000.0, 32382376266240000.0, 7771770303897600.0, 1187353796428800.0, 129060195264000.0,
    10559470521600.0, 670442572800.0, 33522128640.0, 1323241920.0, 40840800.0, 960960.0, 16380.0, 182.0, 1.0,
)  # fmt: skip
_EXP_REACH = 5.371920351148152
# The [7/7] Pade approximant of log(I + X) is Gauss' rule of 7 points for the integral of X (I + t X)^-1 over [0, 1]
_NODES, _WEIGHTS = (a / 2 for a in np.polynomial.legendre.leggauss(7))
_LOG_REACH = 0.25
_ROOT_STEPS, _LOG_ROOTS = 60, 60  # at most; a matrix that has no such root, or logarithm, is found out


def expm(A: Any) -> Any:
    """``exp(A)`` by scaling, the [13/13] Pade approximant, and squaring (Higham, algorithm 10.20).

    Matrices of a batch are scaled alike, by what the largest of them needs.
    """
    A = _square(A, "expm")
    size = np.max(np.sum(np.abs(A), axis=-2), initial=0.0)
    squarings = np.ceil(np.log2(np.maximum(size / _EXP_REACH, 1.0)))
    squarings = np.where(np.isfinite(squarings), squarings, 0.0)
    A = A * np.exp2(-squarings).astype(A.dtype)
    b = _EXP_PADE
    one = np.eye(A.shape[-1], dtype=A.dtype)
    A2 = A @ A
    A4 = A2 @ A2
    A6 = A4 @ A2
    odd = A @ (A6 @ (b[13] * A6 + b[11] * A4 + b[9] * A2) + b[7] * A6 + b[5] * A4 + b[3] * A2 + b[1] * one)
    even = A6 @ (b[12] * A6 + b[10] * A4 + b[8] * A2) + b[6] * A6 + b[4] * A4 + b[2] * A2 + b[0] * one
    power = np.linalg.solve(even - odd, even + odd)
    for _ in range(int(squarings)):
        power = power @ power
    return power


def sqrtm(A: Any) -> Any:
    """The principal square root by the product form of the Denman-Beavers iteration, scaled (Higham, 6.29).

    NaN where there is no real one: for negative eigenvalues SciPy's result is complex. A singular matrix, at which the
    root has no derivative, is a ``LinAlgError``.
    """
    A = _square(A, "sqrtm")
    one = np.eye(A.shape[-1], dtype=A.dtype)
    root, product, distance, more, steps = A, A, np.inf, 2, 0
    while more > 0 and steps < _ROOT_STEPS:
        inverse = np.linalg.inv(product)
        log_size = np.linalg.slogdet(product)[1][..., np.newaxis, np.newaxis]
        scale = np.exp(log_size * np.where(distance > 0.01, -0.5 / max(A.shape[-1], 1), 0.0)).astype(A.dtype)
        root = 0.5 * np.sqrt(scale) * (root @ (one + inverse / scale))
        product = 0.5 * (one + 0.5 * (scale * product + inverse / scale))
        last, distance = distance, np.max(np.abs(product - one), initial=0.0)
        # once it shrinks no more two steps follow, in which the derivative converges as well
        more = more - int((distance < 0.01) & (distance > last / 4)) if more == 2 else more - 1
        steps += 1
    return np.where(distance < 0.01, root, np.nan)


def logm(A: Any, disp: bool = True) -> Any:
    """The principal logarithm by inverse scaling and squaring (Higham, algorithm 11.9).

    NaN where there is no real one: for negative eigenvalues SciPy's result is complex.
    """
    A = _square(A, "logm")
    one = np.eye(A.shape[-1], dtype=A.dtype)
    roots = 0
    while roots < _LOG_ROOTS and np.max(np.sum(np.abs(A - one), axis=-2), initial=0.0) > _LOG_REACH:
        A = sqrtm(A)
        roots += 1
    rest = A - one
    total = np.zeros_like(rest)
    for node, weight in zip(_NODES + 0.5, _WEIGHTS, strict=True):
        total += weight * np.linalg.solve(one + node * rest, rest)
    return total * np.exp2(1.0 * roots).astype(A.dtype)


def cosm(A: Any) -> Any:
    """``cos(A)``, the even part of ``exp(iA)``."""
    A = _square(A, "cosm")
    return 0.5 * (expm(1j * A) + expm(-1j * A)) if A.dtype.kind == "c" else expm(1j * A).real


def sinm(A: Any) -> Any:
    """``sin(A)``, the odd part of ``exp(iA)``."""
    A = _square(A, "sinm")
    return -0.5j * (expm(1j * A) - expm(-1j * A)) if A.dtype.kind == "c" else expm(1j * A).imag


def tanm(A: Any) -> Any:
    """``cos(A)^-1 sin(A)``."""
    return np.linalg.solve(cosm(A), sinm(A))


def signm(A: Any) -> Any:
    """The sign of each eigenvalue's real part, as ``A (A^2)^-1/2``; NaN where one of them is imaginary."""
    A = _square(A, "signm")
    return np.linalg.solve(sqrtm(A @ A), A)


def funm(A: Any, func: Callable[[Any], Any], disp: bool = True) -> Any:
    """The function of a matrix by its eigenvalues, which ``func`` is called with, and vectors.

    NaN where the vectors do not make up the matrix (it has too few of them), and of a real matrix where the result is
    complex; SciPy's is complex then.
    """
    A = _square(A, "funm")
    values, vectors = np.linalg.eig(A)
    inverse = np.linalg.inv(vectors)
    again = (vectors * values[..., np.newaxis, :]) @ inverse
    found = (vectors * func(values)[..., np.newaxis, :]) @ inverse
    limit = np.sqrt(np.finfo(A.dtype).eps)
    is_right = _size(again - A) <= limit * _size(A)
    if A.dtype.kind != "c":
        is_right = is_right & (_size(found.imag) <= limit * _size(found))
        found = found.real
    return np.where(is_right, found, np.nan)


def _size(A: Any) -> Any:
    return np.max(np.abs(held(A)), axis=(-2, -1), keepdims=True, initial=0.0)


def _square(A: Any, name: str) -> Any:
    """The matrices in a float dtype. Raises: ValueError: they are not square."""
    A = np.asarray(A)
    if A.ndim < 2 or A.shape[-1] != A.shape[-2]:
        raise ValueError(f"scipy.linalg.{name}: an array of shape {A.shape} is no square matrix, nor a batch of them")
    return A if A.dtype.kind in "fc" else A.astype(np.float64)


FUNCTIONS = {f"scipy.linalg.{function.__name__}": function for function in (
    expm, sqrtm, logm, cosm, sinm, tanm, signm, funm,
)}  # fmt: skip
