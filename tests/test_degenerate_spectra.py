"""Equal eigenvalues and singular values in every transform: right derivatives where they are found, else NaN and a
warning, and never NaN in silence. Gradients alone are in ``trace/functions/test_equal_values``.

What is expected is the formula of Daleckii and Krein: f(A) moves along E by ``Q (D o Q'EQ) Q'``, with the divided
differences D of f at the eigenvalues (here of exp, in 40 digits).
"""

from __future__ import annotations

import ctypes
import warnings

import mpmath
import numpy as np
import pytest

import graphc
from graphc.config import override, settings
from tests.nightly import NIGHTLY, part

RANDOM = np.random.default_rng(3)
G, E = RANDOM.normal(size=(2, 4, 4))
Q = np.linalg.qr(RANDOM.normal(size=(4, 4)))[0]
VALUES = [2.0, 2.0, 2.0, 3.0]
compiled = pytest.mark.skipif(settings.disable_jit, reason="GRAPHC_DISABLE_JIT: nothing is compiled")


def sym(a):
    return (a + np.swapaxes(a, -1, -2)) / 2


def of_values(values):
    return sym((Q * np.array(values)) @ Q.T)


def along(values, e):
    """The derivative of exp at the matrix of these values along e, which is its own transpose."""
    with mpmath.workdps(40):
        w = [mpmath.mpf(x) for x in values]
        table = [[mpmath.exp(x) if x == y else (mpmath.exp(x) - mpmath.exp(y)) / (x - y) for y in w] for x in w]
    return Q @ (np.array(table, float) * (Q.T @ sym(e) @ Q)) @ Q.T


def exponential(a):
    w, v = np.linalg.eigh(sym(a))
    return (v * np.exp(w)) @ np.swapaxes(v, -1, -2)


def loss(a):
    return np.sum(exponential(a) * G)


def trace(a):
    return np.sum(np.exp(np.linalg.eigvalsh(sym(a))))


def one_vector(a):
    return np.sum(np.linalg.eigh(sym(a))[1][:, 0] * G[0])


def left_vector(a):
    return np.sum(np.abs(np.linalg.svd(a)[0][:, 0]) ** 2 * G[0])


def component(a):
    return np.sum(np.abs(np.linalg.eig(a)[1][0]) ** 4)


def in_a_loop(a):
    x = a
    for _ in range(a.shape[0]):
        x = x + 0.01 * exponential(x)
    return np.sum(x * G)


def noting(call, *args):
    """The result, interpreted, and whether it came with the warning."""
    with override(disable_jit=True), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = call(*args)
    return found, any(issubclass(w.category, graphc.DerivativeWarning) for w in caught)


def by_trace(f):
    return lambda a: np.sum(graphc.grad(f)(a) * E)


TRANSFORMS = {
    "vjp": (lambda a: graphc.vjp(exponential, a)[1](E)[0], "matrix"),
    "jvp": (lambda a: graphc.jvp(exponential, (a,), (E,))[1], "matrix"),
    "jacobian, forward": (lambda a: np.tensordot(graphc.jacobian(exponential, mode="fwd")(a), E), "matrix"),
    "linearize": (lambda a: graphc.linearize(exponential, a)[1](E), "matrix"),
    "jacobian, reverse": (lambda a: np.tensordot(graphc.jacobian(exponential, mode="rev")(a), E), "matrix"),
    "jvp of a number": (lambda a: graphc.jvp(loss, (a,), (E,))[1], "number"),
    "hessian": (lambda a: np.tensordot(graphc.hessian(trace)(a), E), "matrix"),
    "grad in jit": (lambda a: np.sum(graphc.jit(graphc.grad(loss))(a) * E), "number"),
    "grad in vmap": (lambda a: np.sum(graphc.vmap(graphc.grad(loss))(np.stack([a, a]))[1] * E), "number"),
    "jvp in jit": (graphc.jit(lambda a: graphc.jvp(exponential, (a,), (E,))[1]), "matrix"),
    "grad of grad": (graphc.grad(by_trace(trace)), "matrix"),
    "hvp": (lambda a: graphc.hvp(trace)(a, E), "matrix"),
}


@pytest.mark.parametrize("name", part(TRANSFORMS, 2, 4))
def test_functions_of_the_matrix_have_their_derivatives(name):
    """Where two values are close, some are equal, or all, and where all differ."""
    call, kind = TRANSFORMS[name]
    for values in part([[1.5] * 4, [1.0, 1.0 + 1e-12, 2.0, 3.0], [1.0, 2.0, 3.0, 4.0], VALUES], 1, 2):
        found, warned = noting(call, of_values(values))
        exact = along(values, E)
        exact = np.sum(exact * G) if kind == "number" else exact
        np.testing.assert_allclose(found, exact, rtol=0, atol=1e-9 * np.abs(along(values, E)).max())
        assert not warned


def test_tangents_of_singular_and_general_matrices_are_the_transpose_of_gradients():
    """``u * s @ vt`` is the matrix, whatever its singular values; ``v exp(w) / v`` is exp."""
    again = noting(lambda: graphc.jvp(_again, (np.diag([2.0, 2.0, 0.0, 0.0]),), (E,)))
    np.testing.assert_allclose(again[0][1], E, atol=1e-13)
    assert not again[1]
    found, warned = noting(lambda: graphc.jvp(_by_inverse, (2 * np.eye(4),), (E,)))
    np.testing.assert_allclose(found[1], np.exp(2) * E, rtol=1e-12)
    assert not warned


def _again(a):
    u, s, vt = np.linalg.svd(a)
    return (u * s) @ vt


def _by_inverse(a):
    w, v = np.linalg.eig(a)
    return ((v * np.exp(w)) @ np.linalg.inv(v)).real


HIDDEN = {
    "vjp": lambda f: lambda a: graphc.vjp(f, a)[1](1.0)[0],
    "jvp": lambda f: lambda a: graphc.jvp(f, (a,), (E,))[1],
    "linearize": lambda f: lambda a: graphc.linearize(f, a)[1](E),
    "jacobian": lambda f: graphc.jacobian(f, mode="fwd"),
    "grad in jit": lambda f: graphc.jit(graphc.grad(f)),
    "hvp": lambda f: lambda a: graphc.hvp(f)(a, E),
    "grad of grad": lambda f: graphc.grad(by_trace(f)),
}


@pytest.mark.parametrize("name", part(HIDDEN, 0, 3))
def test_what_has_no_derivative_is_nan_with_a_warning(name):
    for f in (one_vector, left_vector, component)[: 3 if name == "vjp" or NIGHTLY else 1]:
        found, warned = noting(HIDDEN[name](f), np.eye(4))
        assert np.isnan(found).any()
        assert warned


@pytest.mark.parametrize(
    "call",
    [graphc.grad(in_a_loop), lambda a: graphc.jvp(in_a_loop, (a,), (E,))[1], lambda a: graphc.hvp(loss)(a, E)],
    ids=["grad of a loop", "jvp of a loop", "second derivative through vectors"],
)
def test_what_is_not_found_is_nan_with_a_warning(call):
    found, warned = noting(call, of_values(VALUES))
    assert np.isnan(found).any()
    assert warned
    found, warned = noting(call, of_values([1.0, 2.0, 3.0, 4.0]))
    assert np.isfinite(found).all()
    assert not warned


def test_a_cotangent_of_zeros_that_moves_is_not_left_out():
    """The gradient by a is zero at c = 0, and its derivative by c is not."""
    f = graphc.jacobian(lambda c: graphc.grad(lambda a: c * loss(a))(of_values(VALUES)))
    found, warned = noting(f, 0.0)
    assert np.isnan(found).any()
    assert warned


def test_a_kink_of_the_values_is_shared_with_a_warning():
    found, warned = noting(lambda: graphc.jvp(lambda a: np.linalg.eigvalsh(sym(a))[-1], (np.eye(4),), (E,)))
    np.testing.assert_allclose(found[1], np.trace(E) / 4, rtol=1e-14)
    assert warned


# --- tensors ----------------------------------------------------------------------------------------------------------


def tensor_exponential(a):
    w, v = graphc.linalg.eigh((a + a.T) / 2)
    return (v * w.exp()) @ v.T


def tensor_gradient(values, f):
    t = graphc.tensor(of_values(values), requires_grad=True)
    f(t).backward()
    return t.grad.numpy()


def test_backward_of_tensors():
    for values in ([1.0, 2.0, 3.0, 4.0], VALUES):
        found, warned = noting(tensor_gradient, values, lambda t: (tensor_exponential(t) * graphc.tensor(E)).sum())
        np.testing.assert_allclose(found, along(values, E), rtol=0, atol=1e-12)
        assert not warned
    found, warned = noting(tensor_gradient, VALUES, lambda t: graphc.linalg.eigh((t + t.T) / 2)[1][0, 0])
    assert np.isnan(found).any()
    assert warned


def test_a_gradient_of_a_gradient_of_tensors():
    def again(t):
        trace = graphc.linalg.eigvalsh((t + t.T) / 2).exp().sum()
        (g,) = graphc.autograd.grad(trace, (t,), create_graph=True)
        return (g * graphc.tensor(E)).sum()

    found, warned = noting(tensor_gradient, VALUES, again)
    np.testing.assert_allclose(found, along(VALUES, E), rtol=0, atol=1e-12)
    assert not warned


@compiled
@pytest.mark.skipif(not NIGHTLY, reason="compiling takes seconds")
def test_devices():
    """Results that a call waits for are right; where nothing waits they are NaN, and a later call warns."""
    equal, plain = of_values(VALUES), of_values([1.0, 2.0, 3.0, 4.0])
    with override(cuda_emulator=True):
        found = graphc.grad(loss, target="cuda")(equal)
        np.testing.assert_allclose(found, along(VALUES, G), rtol=0, atol=1e-12)
        gradient = graphc.grad(lambda a: tensor_exponential(a).sum())
        there = [graphc.tensor(a, device="cuda") for a in (equal, plain)]
        assert np.isnan(gradient(there[0]).cpu().numpy()).all()
        with pytest.warns(graphc.DerivativeWarning, match="eigh: some"):
            found = gradient(there[1]).cpu().numpy()
        np.testing.assert_allclose(found, along([1.0, 2.0, 3.0, 4.0], np.ones((4, 4))), rtol=0, atol=1e-12)


@compiled
@pytest.mark.skipif(not NIGHTLY, reason="compiling takes seconds")
def test_compiled_callers():
    """The program that stops hands on to one that computes limits, without Python, and that one after a warning."""
    call = called(loss)
    for values in ([1.0, 2.0, 3.0, 4.0], VALUES):
        np.testing.assert_allclose(call(of_values(values)), along(values, G), rtol=0, atol=1e-12)
    with pytest.warns(graphc.DerivativeWarning, match="eigh: some"):
        assert np.isnan(called(one_vector)(of_values(VALUES))).all()


def called(f):
    c = graphc.grad(f).cfunc("int64_t f(uint64_t n, const double a[n][n], double gradient[n][n], void *data)")

    def call(a):
        found = np.zeros_like(a)
        assert c.ctypes(len(a), *(x.ctypes.data_as(ctypes.POINTER(ctypes.c_double)) for x in (a, found)), None) == 0
        return found

    return call


@compiled
@pytest.mark.skipif(not NIGHTLY, reason="compiling takes seconds")
def test_a_compiled_program_that_stops_hands_the_call_on():
    plain, equal = of_values([1.0, 2.0, 3.0, 4.0]), of_values(VALUES)
    looped = graphc.grad(in_a_loop)
    assert np.isfinite(looped(plain)).all()
    line = exponential.__code__.co_firstlineno + 1
    for _ in range(2):
        with pytest.warns(graphc.DerivativeWarning, match=f"{__file__}:{line}: eigh: some"):
            assert np.isnan(looped(equal)).any()
    assert np.isfinite(looped(plain)).all()
    assert looped.cache_info()["programs"] == 1


@compiled
@pytest.mark.skipif(not NIGHTLY, reason="compiling takes seconds")
def test_compiled_tangents():
    f = graphc.jit(lambda a, e: graphc.jvp(exponential, (a,), (e,))[1])
    for values in ([1.0, 2.0, 3.0, 4.0], VALUES, [1.0, 2.0, 3.0, 4.0]):
        np.testing.assert_allclose(f(of_values(values), E), along(values, E), rtol=1e-11)
    assert f.cache_info()["programs"] == 2
    with pytest.warns(graphc.DerivativeWarning, match="eigh: some"):
        assert np.isnan(graphc.vjp(one_vector, of_values(VALUES))[1](1.0)[0]).all()


def test_vectors_counted_by_their_values():
    """Two singular values are zero, and a mask of the values chooses the vectors: its count binds a size."""
    a, e = np.outer([1.0, 2.0, 3.0], [3.0, 1.0, 1.0]), E[:3, :3]

    def leading(a, chosen):
        u, s, _ = np.linalg.svd(a, full_matrices=False)
        u = u[:, chosen(s)]
        return np.sum((u @ u.T) ** 3)

    def counted(a):
        return leading(a, lambda s: s > 1e-9)

    first, h = (lambda s: slice(0, 1)), 1e-5
    wanted = (leading(a + h * e, first) - leading(a - h * e, first)) / (2 * h)
    _, tangent = graphc.jvp(counted, (a,), (e,))  # compiled: the interpreter does not ask where a size is bound
    np.testing.assert_allclose(tangent, wanted, rtol=1e-8)
