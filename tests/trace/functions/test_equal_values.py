"""Gradients at matrices with equal eigenvalues or singular values: limits where there are such, else a warning.

A function f of a symmetric matrix has the derivative V (D o (V' E V)) V' with the divided differences D of f (Daleckii
and Krein), which is written here with mpmath's digits; other results are compared with finite differences of the whole
function, which do not care where its eigenvalues are.
"""

from __future__ import annotations

import warnings

import mpmath
import numpy as np
import pytest

import graphc
from graphc.config import override
from tests.nightly import part

RANDOM = np.random.default_rng(3)
G = RANDOM.normal(size=(5, 5))
Q = np.linalg.qr(RANDOM.normal(size=(5, 5)))[0]
FRAMES = [np.linalg.qr(RANDOM.normal(size=(5, 5)) + 1j * RANDOM.normal(size=(5, 5)))[0] for _ in range(2)]


def sym(a):
    return (a + np.swapaxes(a, -1, -2)) / 2


def of_values(values):
    return sym((Q * np.array(values, float)) @ Q.T)


def gradient(f, *args):
    """The interpreted gradient, and whether it came with a warning."""
    with override(disable_jit=True), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = graphc.grad(f)(*args)
    return found, any(issubclass(w.category, graphc.DerivativeWarning) for w in caught)


def differences(f, a, step=1e-5):
    """By central differences; of complex numbers with JAX's sign."""
    found = np.zeros_like(a)
    for place in np.ndindex(a.shape):
        for unit in (1.0, 1j) if np.iscomplexobj(a) else (1.0,):
            e = np.zeros_like(a)
            e[place] = step * unit
            found[place] += np.conj(unit) * (f(a + e) - f(a - e)) / (2 * step)
    return found


def function_of(f):
    """``sum(f(a) * G)`` by eigenvalues."""

    def loss(a):
        w, v = np.linalg.eigh(sym(a))
        return np.sum(((v * f(w)) @ v.T) * G)

    return loss


def divided(values, f, slope):
    """The derivative of ``sum(f(a) * G)`` in 40 digits."""
    with mpmath.workdps(40):
        w = [mpmath.mpf(x) for x in values]
        table = [[slope(x) if x == y else (f(x) - f(y)) / (x - y) for y in w] for x in w]
    return Q @ (np.array(table, float) * (Q.T @ sym(G) @ Q)) @ Q.T


def test_a_function_of_the_matrix_keeps_its_digits_as_values_meet():
    slope = graphc.grad(function_of(np.exp))
    for gap in (0.0, 1e-15, 1e-13, 1e-10, 1e-8, 1e-7, 1e-3):
        values = [1.0, 1.0 + gap, 2.0, 2.0 + 3 * gap, 3.0]
        with override(disable_jit=True), warnings.catch_warnings():
            warnings.simplefilter("error")
            found = slope(of_values(values))
        exact = divided(values, mpmath.exp, mpmath.exp)
        np.testing.assert_allclose(found, exact, rtol=0, atol=(2e-8 if gap == 1e-8 else 1e-9) * np.abs(exact).max())


def test_values_that_are_close_and_far_apart_beside_their_size():
    """Inverse roots of eigenvalues from 1 down to 1e-8: small ones are close, measured by the largest."""
    values = [1.0, 1.0, 1e-6, 3e-8, 1e-8]
    found, warned = gradient(function_of(lambda w: 1 / np.sqrt(w)), of_values(values))
    exact = divided(values, lambda x: 1 / mpmath.sqrt(x), lambda x: -1 / (2 * x * mpmath.sqrt(x)))
    np.testing.assert_allclose(found, exact, rtol=1e-6, atol=1e-6 * np.abs(exact).max())
    assert not warned


def nonlinear(a):
    w, v = np.linalg.eigh(sym(a))
    root = (v * np.sqrt(w)[..., None, :]) @ np.swapaxes(v, -1, -2)
    return np.sum(np.sin(root @ G)) + np.sum(np.log(w))


def projection(a):
    w, v = np.linalg.eigh(sym(a))
    return np.sum(np.sin(v[:, :2] @ v[:, :2].T) * G) + w[0] + w[1] + (G[0] @ v[:, 4]) ** 2


def by_inverse(a):
    w, v = np.linalg.eig(a)
    return np.sum((v @ np.diag(np.exp(w)) @ np.linalg.inv(v)).real * G) + np.sum(w**3).real


SHEARED = np.linalg.inv(G) @ np.diag([1.0, 1.0, 2.0, 2.0, 3.0]) @ G
EXISTING = {
    "some equal": (nonlinear, of_values([2, 2, 2, 3, 3])),
    "identity": (nonlinear, np.eye(5)),
    "identity up to rounding": (nonlinear, of_values([1, 1, 1, 1, 1])),
    "batch": (nonlinear, np.stack([of_values([1, 1, 2, 2, 3]), of_values([1, 2, 3, 4, 5]), np.eye(5)])),
    "projection": (projection, of_values([1, 1, 2, 2, 3])),
    "general": (by_inverse, SHEARED),
    "transposed": (nonlinear, np.asfortranarray(of_values([2, 2, 2, 3, 3]))),
}  # fmt: skip


@pytest.mark.parametrize("name", EXISTING)
def test_derivatives_that_exist(name):
    f, a = EXISTING[name]
    found, warned = gradient(f, a)
    np.testing.assert_allclose(found, differences(f, a), atol=2e-7)
    assert not warned


def test_a_general_matrix_with_one_eigenvalue():
    """No difference of such matrices has a basis of eigenvectors; exp(I) G is exact."""
    found, warned = gradient(lambda a: by_inverse(a) - np.sum(np.linalg.eigvals(a) ** 3).real, np.eye(5))
    np.testing.assert_allclose(found, np.e * G, rtol=1e-12)
    assert not warned


# --- singular values --------------------------------------------------------------------------------------------------


def factors(a):
    return np.linalg.svd(a, full_matrices=False)


def smooth(a):
    """What has a derivative at every matrix: odd functions between both vectors, even ones between the left."""
    u, s, vt = factors(a)
    odd, even = np.sin((u * s**3) @ vt) + (u * s) @ vt, (u * s**2) @ np.conj(u.T)
    parts = odd.real * G[: a.shape[0], : a.shape[1]]
    return np.sum(parts) + np.sum(even.real * G[: a.shape[0], : a.shape[0]]) + np.sum(np.log1p(s**2))


def polar(a):
    u, _, vt = factors(a)
    return np.sum((u @ vt).real * G[: a.shape[0], : a.shape[1]])


def rectangle(shape, values, is_complex):
    """A matrix with these singular values."""
    left, right = (np.linalg.qr((q if is_complex else q.real)[:rows])[0] for q, rows in zip(FRAMES, shape, strict=True))
    return (left[:, : len(values)] * np.array(values)) @ np.conj(right[:, : len(values)].T)


RECTANGLES = [
    ((4, 4), [3.0, 2.0, 2.0, 1.0]), ((4, 4), [2.0, 2.0, 0.0, 0.0]), ((5, 3), [2.0, 2.0, 1.0]), ((3, 3), [1.0] * 3),
    ((5, 3), [2.0, 0.0, 0.0]), ((3, 5), [2.0, 2.0, 0.0]), ((3, 2), [0.0, 0.0]),
]  # fmt: skip


KINDS = [(*rectangle, is_complex) for rectangle in RECTANGLES for is_complex in (False, True)]


@pytest.mark.parametrize(("shape", "values", "is_complex"), part(KINDS, 2, 6))
def test_equal_and_zero_singular_values(shape, values, is_complex):
    a = rectangle(shape, values, is_complex)
    found, warned = gradient(smooth, a)
    np.testing.assert_allclose(found, differences(smooth, a), atol=2e-7)
    assert not warned


@pytest.mark.parametrize("k", part(range(len(RECTANGLES)), 1, 3))
def test_orthogonal_factors_need_a_regular_matrix(k):
    shape, values = RECTANGLES[k]
    a = rectangle(shape, values, False)
    found, warned = gradient(polar, a)
    assert warned == (0.0 in values)
    if warned:
        assert np.isnan(found).all()
    else:
        np.testing.assert_allclose(found, differences(polar, a), atol=2e-7)


# --- where there is none ----------------------------------------------------------------------------------------------


def one_vector(a):
    return np.sum(np.linalg.eigh(sym(a))[1][:, 0] * G[0])


def hidden(a):
    """At the identity LAPACK's vectors are the axes, where this has a cotangent of zeros."""
    return np.linalg.eigh(sym(a))[1][0, 1] ** 4


def partly(a):
    w, v = np.linalg.eigh(sym(a))
    return np.sum(((v * np.exp(w)) @ v.T) * G) + w[-1]


def of_part(a):
    v = np.linalg.eigh(sym(a))[1]
    return np.sum(v[:, :1] @ v[:, :1].T * G)


def left_vector(a):
    return np.sum(np.abs(factors(a)[0][:, 0]) ** 2 * G[0])


def component(a):
    return np.sum(np.abs(np.linalg.eig(a)[1][0]) ** 4)


@pytest.mark.parametrize("f", [one_vector, hidden, partly, of_part, left_vector, component])
def test_what_has_no_derivative_is_nan_with_a_warning(f):
    found, warned = gradient(f, np.eye(5))
    assert np.isnan(found).all()
    assert warned


def test_a_kink_of_the_values_is_shared_with_a_warning():
    values, vectors = [1.0, 2.0, 3.0, 3.0, 3.0], Q[:, 2:]
    found, warned = gradient(lambda a: np.linalg.eigvalsh(sym(a))[-1], of_values(values))
    np.testing.assert_allclose(found, vectors @ vectors.T / 3, atol=1e-14)
    assert warned
    found, warned = gradient(lambda a: np.linalg.norm(a, "nuc"), of_values([0.0, 0.0, 0.0, 1.0, 2.0]))
    np.testing.assert_allclose(found, Q[:, 3:] @ Q[:, 3:].T, atol=1e-14)
    assert warned
    found, warned = gradient(lambda a: np.sum(np.linalg.eigvalsh(sym(a)) ** 2), of_values(values))
    np.testing.assert_allclose(found, 2 * of_values(values), atol=1e-13)
    assert not warned


def test_single_precision_and_larger_groups():
    """Groups of 5 among 20 values, against the divided differences of the exact matrix."""
    frame, weight = np.linalg.qr(RANDOM.normal(size=(20, 20)))[0], RANDOM.normal(size=(20, 20))
    values = np.repeat([1.0, 2.0, 3.0, 7.0], 5)
    gaps = values[:, None] - values
    slopes = np.where(
        gaps == 0, 1 / (2 * np.sqrt(values)), np.subtract.outer(*[np.sqrt(values)] * 2) / (gaps + (gaps == 0))
    )
    exact = frame @ (slopes * (frame.T @ sym(weight) @ frame)) @ frame.T

    def loss(a):
        w, v = np.linalg.eigh(sym(a))
        return np.sum(((v * np.sqrt(w)) @ v.T) * weight.astype(a.dtype))

    for dtype, tolerance in ((np.float32, 3e-6), (np.float64, 1e-14)):
        found, warned = gradient(loss, ((frame * values) @ frame.T).astype(dtype))
        assert found.dtype == dtype
        np.testing.assert_allclose(found, exact, rtol=0, atol=tolerance * np.abs(exact).max())
        assert not warned


def test_values_that_differ_have_no_need_of_it():
    """A vector whose value is close to another's turns quickly: its derivative exists, and is large."""
    found, warned = gradient(one_vector, of_values([1.0, 1.0 + 1e-9, 2.0, 3.0, 4.0]))
    exact = Q.T @ np.outer(G[0] @ Q[:, 1] * Q[:, 1], Q[:, 0]) @ Q
    assert abs((Q.T @ found @ Q)[0, 1] * -2e-9 / exact[1, 0]) == pytest.approx(1.0, rel=1e-5)
    assert not warned


def test_compiled():
    """The program that stops hands the call on to the one that computes limits, and that to one with NaN after a
    warning; the first serves all others as before."""
    function = function_of(np.sqrt)

    def loss(a, share):
        return function(a) + share * one_vector(a)

    value_and_gradient = graphc.value_and_grad(loss)
    plain, equal = of_values([1, 2, 3, 4, 5]), of_values([2, 2, 2, 3, 3])
    for a in (plain, equal, plain, np.eye(5)):
        value, found = value_and_gradient(a, 0.0)
        assert value == pytest.approx(loss(a, 0.0), rel=1e-12)
        np.testing.assert_allclose(found, differences(function, a), atol=2e-7)
        assert value_and_gradient.__call__ is value_and_gradient._entry  # the next call takes the native way again
    for _ in range(2):
        with pytest.warns(graphc.DerivativeWarning, match="eigh: some"):
            value, found = value_and_gradient(equal, 1.0)
        assert value == pytest.approx(loss(equal, 1.0), rel=1e-12)
        assert np.isnan(found).all()
    assert value_and_gradient.cache_info() == {"calls_traced": 2, "programs": 2}


def test_the_warning_names_the_line():
    line = one_vector.__code__.co_firstlineno + 1
    with (
        override(disable_jit=True),
        pytest.warns(graphc.DerivativeWarning, match=f"{__file__}:{line}: eigh: some") as caught,
    ):
        graphc.grad(one_vector)(np.eye(5))
    assert (caught[0].filename, caught[0].lineno) == (__file__, line)
