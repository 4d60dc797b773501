"""``scipy.linalg``'s matrices of a given structure, and equations that are linear in a matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.trace.algorithms.matrix_functions import expm, logm


def block_diag(*arrs: Any) -> Any:
    """The matrices along the diagonal of a larger one, zeros elsewhere."""
    blocks = [np.atleast_2d(a) for a in arrs]
    for block in blocks:
        if block.ndim > 2:
            raise ValueError(f"scipy.linalg.block_diag: an array of shape {block.shape} is no matrix")
    rows = sum(block.shape[0] for block in blocks)
    columns = sum(block.shape[1] for block in blocks)
    joined = np.zeros((rows, columns), np.result_type(*[block.dtype for block in blocks]))
    row = column = 0
    for block in blocks:
        joined[row : row + block.shape[0], column : column + block.shape[1]] = block
        row, column = row + block.shape[0], column + block.shape[1]
    return joined


def toeplitz(c: Any, r: Any = None) -> Any:
    """The matrix with constant diagonals, of its first column and row (``r[0]`` is not read)."""
    c, r = _vectors("toeplitz", c, c if r is None else r)
    values = np.concatenate([c[::-1], r[1:]])
    return values[len(c) - 1 - np.arange(len(c))[:, np.newaxis] + np.arange(len(r))]


def hankel(c: Any, r: Any = None) -> Any:
    """The matrix with constant anti-diagonals, of its first column and last row (``r[0]`` is not read)."""
    c, r = _vectors("hankel", c, np.zeros_like(np.asarray(c)) if r is None else r)
    values = np.concatenate([c, r[1:]])
    return values[np.arange(len(c))[:, np.newaxis] + np.arange(len(r))]


def circulant(c: Any) -> Any:
    """The matrix whose columns are the vector, each rolled by one more."""
    (c,) = _vectors("circulant", c)
    return c[(np.arange(len(c))[:, np.newaxis] - np.arange(len(c))) % len(c)]


def khatri_rao(a: Any, b: Any) -> Any:
    """Kronecker products of the columns."""
    a, b = np.asarray(a), np.asarray(b)
    return np.reshape(a[:, np.newaxis, :] * b[np.newaxis, :, :], (a.shape[0] * b.shape[0], a.shape[1]))


def _vectors(name: str, *arrays: Any) -> list[Any]:
    found = [np.asarray(a) for a in arrays]
    for a in found:
        if a.ndim != 1:
            raise ValueError(f"scipy.linalg.{name}: an array of shape {a.shape} is no vector")
    return found


# --- equations --------------------------------------------------------------------------------------------------------


def solve_sylvester(a: Any, b: Any, q: Any) -> Any:
    """X with ``a @ X + X @ b == q``, as one linear system of all its elements: for matrices of some dozen rows."""
    a, b, q = np.asarray(a), np.asarray(b), np.asarray(q)
    rows, columns = a.shape[0], b.shape[0]
    system = np.kron(a, np.eye(columns)) + np.kron(np.eye(rows), b.T)
    return np.reshape(np.linalg.solve(system, np.reshape(q, rows * columns)), (rows, columns))


def solve_continuous_lyapunov(a: Any, q: Any) -> Any:
    """X with ``a @ X + X @ a.T == q``."""
    return solve_sylvester(a, np.asarray(a).T, q)


def solve_discrete_lyapunov(a: Any, q: Any, method: Any = None) -> Any:
    """X with ``a @ X @ a.T - X + q == 0``, as one linear system of all its elements."""
    a, q = np.asarray(a), np.asarray(q)
    size = a.shape[0]
    system = np.eye(size * size) - np.kron(a, a)
    return np.reshape(np.linalg.solve(system, np.reshape(q, size * size)), (size, size))


# --- by the exponential -----------------------------------------------------------------------------------------------


def expm_frechet(A: Any, E: Any, method: Any = None, compute_expm: bool = True, check_finite: bool = True) -> Any:
    """``exp(A)`` and its derivative in direction E: a block of the exponential of ``[[A, E], [0, A]]``."""
    A, E = np.asarray(A), np.asarray(E)
    size = A.shape[0]
    both = expm(np.block([[A, E], [np.zeros_like(A), A]]))
    return (both[:size, :size], both[:size, size:]) if compute_expm else both[:size, size:]


def sinhm(A: Any) -> Any:
    return (expm(A) - expm(-np.asarray(A))) / 2


def coshm(A: Any) -> Any:
    return (expm(A) + expm(-np.asarray(A))) / 2


def tanhm(A: Any) -> Any:
    return np.linalg.solve(coshm(A), sinhm(A))


def fractional_matrix_power(A: Any, t: Any) -> Any:
    """``exp(t log A)``; NaN where A has eigenvalues that are not positive."""
    return expm(t * logm(A))


def norm(a: Any, ord: Any = None, axis: Any = None, keepdims: bool = False, check_finite: bool = True) -> Any:
    return np.linalg.norm(a, ord, axis, keepdims)


FUNCTIONS = {
    f"scipy.linalg.{function.__name__}": function
    for function in (
        block_diag, toeplitz, hankel, circulant, khatri_rao, solve_sylvester, solve_continuous_lyapunov,
        solve_discrete_lyapunov, expm_frechet, sinhm, coshm, tanhm, fractional_matrix_power, norm,
    )
}  # fmt: skip
