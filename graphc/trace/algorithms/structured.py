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


def companion(a: Any) -> Any:
    """The matrix whose characteristic polynomial has the coefficients, the highest first."""
    (a,) = _vectors("companion", a)
    size = len(a) - 1
    below = np.eye(size, k=-1)
    return np.concatenate([(-a[1:] / a[0])[np.newaxis], below[1:]])


def leslie(f: Any, s: Any) -> Any:
    """How ages of a population follow each other: births f in the first row, survival s below the diagonal."""
    f, s = _vectors("leslie", f, s)
    return np.concatenate([f[np.newaxis], np.diag(s) @ np.eye(len(s), len(f))])


def fiedler(a: Any) -> Any:
    """The distances of all pairs of numbers."""
    (a,) = _vectors("fiedler", a)
    return np.abs(a[:, np.newaxis] - a)


def convolution_matrix(a: Any, n: Any, mode: str = "full") -> Any:
    """The matrix that convolves vectors of length n with a."""
    (a,) = _vectors("convolution_matrix", a)
    columns = np.arange(len(a) + n - 1)[:, np.newaxis] - np.arange(n)
    inside = (columns >= 0) & (columns < len(a))
    whole = np.where(inside, a[np.where(inside, columns, 0)], 0.0)
    if mode == "full":
        return whole
    if mode not in ("valid", "same"):
        raise ValueError(f"scipy.linalg.convolution_matrix: mode={mode!r} is none of 'full', 'valid' and 'same'")
    shorter, longer = min(len(a), n), max(len(a), n)
    first = shorter - 1 if mode == "valid" else (shorter - 1) // 2
    return whole[first : first + (longer - shorter + 1 if mode == "valid" else longer)]


def diagsvd(s: Any, M: Any, N: Any) -> Any:
    """Singular values on the diagonal of a matrix of M rows and N columns."""
    (s,) = _vectors("diagsvd", s)
    return np.eye(M, len(s)) @ np.diag(s) @ np.eye(len(s), N)


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


def solve_toeplitz(c_or_cr: Any, b: Any, check_finite: bool = True) -> Any:
    """``T x = b`` for a Toeplitz matrix, as a whole one: for some hundred rows."""
    return np.linalg.solve(toeplitz(*_column_and_row(c_or_cr)), np.asarray(b))


def matmul_toeplitz(c_or_cr: Any, x: Any, check_finite: bool = False, workers: Any = None) -> Any:
    """``T @ x`` for a Toeplitz matrix, by transforms of a circulant one that it is a part of."""
    c, r = _column_and_row(c_or_cr)
    c, x = np.ravel(c), np.asarray(x)
    r = np.conj(c) if r is None else np.ravel(r)
    columns = x[:, np.newaxis] if x.ndim == 1 else x
    if len(r) != columns.shape[0]:
        raise ValueError(
            f"scipy.linalg.matmul_toeplitz: {len(r)} columns of the matrix, and {columns.shape[0]} rows of x"
        )
    around = np.concatenate([c, r[1:][::-1]])
    size = len(c) + len(r) - 1
    if "c" in (around.dtype.kind, columns.dtype.kind):
        found: Any = np.fft.ifft(np.fft.fft(around)[:, np.newaxis] * np.fft.fft(columns, size, axis=0), axis=0)
    else:
        found = np.fft.irfft(np.fft.rfft(around)[:, np.newaxis] * np.fft.rfft(columns, size, axis=0), size, axis=0)
    found = found[: len(c)]
    return found[:, 0] if x.ndim == 1 else found


def _column_and_row(c_or_cr: Any) -> tuple[Any, Any]:
    return c_or_cr if isinstance(c_or_cr, tuple) else (c_or_cr, None)


def solve_circulant(c: Any, b: Any, singular: str = "raise", tol: Any = None) -> Any:
    """``circulant(c) x = b`` by transforms; along the first axis of b."""
    (c,), b = _vectors("solve_circulant", c), np.asarray(b)
    values = np.fft.fft(c)
    found = np.fft.ifft(np.fft.fft(b, axis=0) / np.reshape(values, (len(c), *(1,) * (b.ndim - 1))), axis=0)
    return found if c.dtype.kind == "c" or b.dtype.kind == "c" else found.real


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
        block_diag, toeplitz, hankel, circulant, khatri_rao, companion, leslie, fiedler, convolution_matrix, diagsvd,
        solve_toeplitz, matmul_toeplitz, solve_circulant, solve_sylvester, solve_continuous_lyapunov,
        solve_discrete_lyapunov, expm_frechet, sinhm, coshm, tanhm, fractional_matrix_power, norm,
    )
}  # fmt: skip
