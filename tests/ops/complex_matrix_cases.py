"""Cases of complex matrices: systems, decompositions, general eigenvalues, and the factorisations on pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg

from tests.ops.case import Case, normal
from tests.ops.fourier_cases import complex_normal
from tests.ops.matrix_cases import MATRIX_CASES, completed, lu_by_columns, projected, regular


def adjoint(a: np.ndarray) -> np.ndarray:
    return np.conj(np.swapaxes(a, -1, -2))


def far_from_singular(*shape: int) -> np.ndarray:
    return complex_normal(*shape) + 3 * np.eye(shape[-1])


def hermitian(n: int, batch: tuple[int, ...] = ()) -> np.ndarray:
    """Positive definite matrices with eigenvalues well apart; what stands above the diagonal is not read."""
    random = np.random.default_rng(n)
    q, _ = np.linalg.qr(random.normal(size=(*batch, n, n)) + 1j * random.normal(size=(*batch, n, n)))
    return (q * np.linspace(1.0, 4.0, n)) @ adjoint(q)


def spread(m: int, n: int) -> np.ndarray:
    u, _, vt = np.linalg.svd(complex_normal(m, n), full_matrices=False)
    return (u * np.linspace(1.0, 3.0, min(m, n))) @ vt


def eliminated(a: np.ndarray) -> tuple[np.ndarray, ...]:
    """By SciPy's permutation matrix, and exchanges found again from the order."""
    p, left, right = scipy.linalg.lu(a)
    order = np.argmax(p, axis=-2)
    exchanges = scipy.linalg.lu_factor(a)[1] if a.ndim == 2 else np.stack([scipy.linalg.lu_factor(x)[1] for x in a])
    return left, right, order, np.argsort(order, axis=-1), exchanges.astype(np.int64)


def general(a: np.ndarray) -> tuple[np.ndarray, ...]:
    values, vectors = np.linalg.eig(a)
    return values.astype(complex), vectors.astype(complex)


def as_pairs(z: np.ndarray) -> np.ndarray:
    return np.stack([z.real, z.imag], -1)


def on_pairs(array: np.ndarray, function: Any, attrs: dict[str, Any] | None = None) -> Case:
    """A case of a factorisation of the complex array, given and found as pairs."""

    def expected(*_: np.ndarray) -> tuple[np.ndarray, ...]:
        found = function(array)
        return tuple(as_pairs(f) if np.asarray(f).dtype.kind == "c" else f for f in found)

    return Case((as_pairs(array),), expected, attrs or {}, orders=0)


def eigen_rows(a: np.ndarray) -> tuple[np.ndarray, ...]:
    values, vectors = general(a)
    return values, vectors.T, np.int64(0)


SQUARE, ROWS = far_from_singular(2, 2), complex_normal(3, 2)
TRIANGLE = {"lower": True, "transposed": True, "unit": False}
REAL = regular(3, 3) + np.array([[0, 2.0, 0], [-2.0, 0, 0], [0, 0, 3.0]])  # with a pair of complex eigenvalues

COMPLEX_MATRIX_CASES: dict[str, list[Case]] = {
    "triangular_solve": [
        Case((SQUARE, complex_normal(2, 1)), lambda t, b: np.linalg.inv(np.tril(t)).T @ b, TRIANGLE),
    ],
    "solve": [Case((SQUARE, complex_normal(2, 1)), lambda a, b: np.linalg.inv(a).T @ b, {"transposed": True})],
    "inverse": [Case((SQUARE,), lambda a: np.linalg.solve(a, np.eye(2) + 0 * a))],
    "det": [Case((far_from_singular(3, 3),), lambda a: np.complex128(np.prod(np.linalg.eigvals(a))))],
    "slogdet": [Case((SQUARE,), lambda a: (np.linalg.det(a) / abs(np.linalg.det(a)), np.log(abs(np.linalg.det(a)))))],
    "cofactors": [Case((SQUARE,), lambda a: np.linalg.det(a) * np.linalg.inv(a).T)],
    "cholesky": [Case((hermitian(3),), np.linalg.cholesky)],
    "eigh": [Case((hermitian(2),), np.linalg.eigh),
             Case((hermitian(2),), lambda a: np.linalg.eigh(adjoint(a), "U"), {"upper": True})],
    "completion": [Case((ROWS,), completed)],
    "qr": [Case((ROWS,), np.linalg.qr)],
    "least_squares": [Case((spread(2, 3), ROWS.T[:2], np.float64(1e-10)), projected, {"adjoint": False})],
    "pinv": [Case((spread(2, 3), np.float64(1e-10)), lambda a, c: adjoint(a) @ np.linalg.inv(a @ adjoint(a)))],
    "eig": [Case((a,), general) for a in (REAL, SQUARE, np.stack([np.array([[1.0, 0.5], [0.25, 3.0]]), REAL[1:, 1:]]))],
    "elimination": [Case((a,), eliminated) for a in (normal(3, 2), normal(2, 3), normal(2, 2, 2), SQUARE)],
    "exchanged": [Case((np.array([[2, 2, 2], [0, 1, 2]]),),
                       lambda e: (np.array([[2, 0, 1], [0, 1, 2]]), np.array([[1, 2, 0], [0, 1, 2]])), orders=0)],
    "lu": [Case((SQUARE,), lu_by_columns, orders=0)],
    "eigen": [Case((a,), eigen_rows, orders=0) for a in (REAL, SQUARE)],
    "eigen_pairs": [on_pairs(SQUARE, eigen_rows)],
    "eigen_of_real": [
        Case((REAL,), lambda a: tuple(as_pairs(f) if np.ndim(f) else f for f in eigen_rows(a)), orders=0)],
    "lu_pairs": [on_pairs(complex_normal(2, 3), lu_by_columns)],
    "cholesky_factor_pairs": [on_pairs(hermitian(2), lambda a: (np.linalg.cholesky(a), np.int64(0)))],
    "triangular_solve_pairs": [
        Case((as_pairs(SQUARE), as_pairs(ROWS[:2])),
             lambda t, b: as_pairs(np.linalg.inv(np.tril(SQUARE)).T @ ROWS[:2]), TRIANGLE, orders=0)],
    "symmetric_eigen_pairs": [
        on_pairs(hermitian(3), lambda a: (np.linalg.eigh(a)[0], np.linalg.eigh(a)[1].T, np.int64(0))),
        on_pairs(hermitian(3), lambda a: (*(f.T for f in np.linalg.eigh(a, "U")), np.int64(0)), {"upper": True}),
    ],
    "singular_pairs": [
        on_pairs(a, lambda a: (*(f.T for f in np.linalg.svd(a, full_matrices=False)), np.int64(0)))
        for a in (ROWS, complex_normal(2, 3))
    ],
    "orthogonal_pairs": [on_pairs(ROWS, lambda a: (*np.linalg.qr(a), np.int64(0)))],
}  # fmt: skip

ALL_MATRIX_CASES = {
    name: MATRIX_CASES.get(name, []) + COMPLEX_MATRIX_CASES.get(name, [])
    for name in [*MATRIX_CASES, *(name for name in COMPLEX_MATRIX_CASES if name not in MATRIX_CASES)]
}
