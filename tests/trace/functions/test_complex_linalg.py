"""Linear algebra of complex matrices, general eigenvalues, elimination: NumPy's and SciPy's values, and derivatives."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg

import graphc
from graphc.config import override
from graphc.errors import LinearAlgebraError
from graphc.testing import check_grads

rng = np.random.default_rng(3)


def numbers(*shape: int) -> np.ndarray:
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


A, B, TALL, WIDE, RIGHT = numbers(3, 3), numbers(2, 2, 2), numbers(4, 3), numbers(3, 4), numbers(3, 2)
DEFINITE = A @ A.conj().T + np.eye(3)
REAL = np.array([[1.0, 2.0, 0.3], [-2.0, 1.5, 0.2], [0.5, -0.1, 3.0]])  # two complex eigenvalues and a real one


@pytest.fixture(autouse=True)
def _interpreted():
    with override(disable_jit=True):
        yield


def number(*parts):
    """A real number that every real and imaginary part has a share in."""
    return sum(np.sum(np.sin(p.real) * (1 + p.imag) + p.real**2) for p in parts)


def without_phases(u, s, vt):
    """What does not change when a pair of vectors is turned by a phase."""
    return number((u * np.cos(s)) @ vt) + np.sum(s**3) + np.sum(np.abs(u) ** 2 * s) + np.sum(np.abs(vt[:, 0]) ** 2 * s)


PROGRAMS = {
    "solve": (lambda a, b: number(np.linalg.solve(a, b)), A, RIGHT),
    "inverse": (lambda a: number(np.linalg.inv(a)), B),
    "determinant": (lambda a: number(np.linalg.det(a), *np.linalg.slogdet(a)), B),
    "cholesky": (lambda a: number(np.linalg.cholesky(a), scipy.linalg.cholesky(a)), DEFINITE),
    "cho_solve": (
        lambda a, b: number(*(scipy.linalg.cho_solve(scipy.linalg.cho_factor(a, low), b) for low in (True, False))),
        DEFINITE, RIGHT,
    ),
    "triangular": (
        lambda a, b: number(*(scipy.linalg.solve_triangular(a, b, t, lower=t == "T") for t in ("N", "T", "C"))),
        A, RIGHT,
    ),
    "eigh": (lambda a: number(*np.linalg.eigh(a), *np.linalg.eigh(a, "U")), DEFINITE),
    "general eigh": (lambda a, b: np.sum(scipy.linalg.eigh(a, b, eigvals_only=True) ** 3), DEFINITE, A @ A.conj().T),
    "svd": (lambda a: without_phases(*np.linalg.svd(a, full_matrices=False)), TALL),
    "wide svd": (lambda a: without_phases(*np.linalg.svd(a, full_matrices=False)), WIDE),
    "hermitian svd": (lambda a: without_phases(*np.linalg.svd(a + np.conj(a.T) - 2 * np.eye(3), hermitian=True)), A),
    "singular values": (lambda a: np.sum(np.linalg.svdvals(a) ** 3) + np.linalg.cond(a) + np.linalg.norm(a, "nuc"), A),
    "qr": (lambda a: number(*np.linalg.qr(a)), TALL),
    "wide qr": (lambda a: number(*np.linalg.qr(a)), WIDE),
    "pinv": (lambda a: number(np.linalg.pinv(a), scipy.linalg.pinvh(a[:3] + np.conj(a[:3].T))), TALL),
    "lstsq": (lambda a, b: number(*np.linalg.lstsq(a, b)[:2]), TALL, numbers(4)),
    "eig": (lambda a: number(*np.linalg.eig(a)), A),
    "eig of real": (lambda a: number(np.linalg.eig(a)[0].real**2, np.linalg.eig(a)[1]), REAL),
    "eigvals": (lambda a: number(np.linalg.eigvals(a)), B),
    "pencil": (lambda a, b: number(scipy.linalg.eigvals(a, b)), A, DEFINITE),
    "roots": (lambda p: number(np.roots(p)), numbers(4)),
    "real roots": (lambda p: np.sum(np.abs(np.roots(p)) ** 3), rng.normal(size=5)),
    "lu": (lambda a: number(*scipy.linalg.lu(a)), A),
    "tall lu": (lambda a: number(*scipy.linalg.lu(a, permute_l=True)), TALL.real),
    "wide lu": (lambda a: number(*scipy.linalg.lu(a, p_indices=True)[1:]), WIDE),
    "lu_solve": (
        lambda a, b: number(*(scipy.linalg.lu_solve(scipy.linalg.lu_factor(a), b, trans=t) for t in (0, 1, 2))),
        A, RIGHT,
    ),
    "power": (lambda a: number(np.linalg.matrix_power(a, -2)), A),
    "exponential": (lambda a: number(scipy.linalg.expm(a)), A),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_values_and_derivatives(name):
    f, *arrays = PROGRAMS[name]
    np.testing.assert_allclose(graphc.value_and_grad(f)(*arrays)[0], f(*arrays), rtol=1e-11)
    check_grads(f, arrays, order=1)


VALUES = {
    "lu_factor": (scipy.linalg.lu_factor, TALL, WIDE, A.real, B),
    "p_indices": (lambda a: scipy.linalg.lu(a, p_indices=True), TALL, A.real),
    "lu": (scipy.linalg.lu, WIDE, B),
    "eig": (lambda a: tuple(x.astype(complex) for x in np.linalg.eig(a)), REAL, A, B, np.eye(2), np.zeros((0, 0))),
    "lstsq": (lambda a: [np.real(x) if k else x for k, x in enumerate(scipy.linalg.lstsq(a, a[:, 0]))], TALL),
    "rank": (lambda a: np.linalg.matrix_rank(a, hermitian=True), np.outer(RIGHT[:, 0], RIGHT[:, 0].conj()), np.eye(2)),
    "roots": (lambda p: np.roots(p).astype(complex), np.array([1.0, -6.0, 11.0, -6.0]), np.array([2.0])),
}


@pytest.mark.parametrize("name", VALUES)
def test_values(name):
    f, *arrays = VALUES[name]
    for array in arrays:
        expected = f(array)
        found = graphc.vjp(f, array)[0]
        for one, other in zip(*((x if isinstance(x, tuple | list) else (x,)) for x in (found, expected)), strict=True):
            assert np.asarray(one).dtype == np.asarray(other).dtype
            np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-13)


def test_eigenvectors_are_those_of_lapack_with_a_real_largest_component():
    _, vectors = graphc.vjp(np.linalg.eig, A)[0]
    largest = np.argmax(np.abs(vectors), axis=0)
    assert (vectors[largest, range(3)].imag == 0).all()
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=0), 1)
    tangent = graphc.jvp(np.linalg.eig, (A,), (DEFINITE,))[1][1]
    np.testing.assert_allclose(tangent[largest, range(3)].imag, 0, atol=1e-14)
    np.testing.assert_allclose(np.sum(vectors.conj() * tangent, axis=0).real, 0, atol=1e-14)


def test_what_depends_on_the_phase_of_singular_vectors_is_nan():
    assert np.isnan(graphc.grad(lambda a: np.sum(np.linalg.svd(a, full_matrices=False)[0].real))(TALL)).any()
    without = graphc.grad(lambda a: np.sum(np.abs(np.linalg.svd(a, full_matrices=False)[0][0]) ** 4))(TALL)
    assert np.isfinite(without).all()


def test_eigenvalues_of_a_defective_matrix_have_no_derivative():
    gradient = graphc.grad(lambda a: np.sum(np.linalg.eigvals(a) ** 2).real)(np.array([[1.0, 1.0], [0.0, 1.0]]))
    assert np.isnan(gradient).all()


def test_functions_of_equal_eigenvalues_have_derivatives():
    """Of a matrix that has a basis of eigenvectors: the sum of the squares is the trace of the square."""
    a = np.linalg.inv(REAL) @ np.diag([2.0, 2.0, 3.0]) @ REAL
    gradient = graphc.grad(lambda x: np.sum(np.linalg.eigvals(x) ** 2).real)(a)
    np.testing.assert_allclose(gradient, 2 * a.T, rtol=1e-9, atol=1e-9)


def test_a_polynomial_with_a_leading_zero_is_refused():
    with pytest.raises(ValueError, match="the leading coefficient"):
        graphc.grad(lambda p: np.sum(np.abs(np.roots(p))))(np.array([0.0, 1.0, 2.0]))


def test_an_indefinite_matrix_is_refused():
    with pytest.raises(LinearAlgebraError, match="not positive definite"):
        graphc.grad(lambda a: np.sum(np.abs(np.linalg.cholesky(a))))(-DEFINITE)


def test_batches():
    stack = np.stack([A, DEFINITE, A.T])
    for f in (np.linalg.eigvals, lambda a: np.linalg.eigh(a)[0], np.linalg.inv, lambda a: scipy.linalg.lu(a)[2]):
        np.testing.assert_allclose(graphc.vmap(f)(stack), [f(a) for a in stack], rtol=1e-11, atol=1e-12)
