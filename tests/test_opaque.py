"""Foreign functions in compiled code, and derivatives of solutions by the implicit function theorem."""

from __future__ import annotations

import ctypes
import ctypes.util

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import j0, j1

import graphc
from graphc.config import override
from graphc.errors import GradientError, ShapeError, TraceTypeError

X = np.array([1.0, 2.0, 0.5])
bessel1 = graphc.opaque(j1)
bessel = graphc.opaque(j0, vjp=lambda g, out, x: (-g * bessel1(x),))
libm = ctypes.CDLL(ctypes.util.find_library("m"))
exp = graphc.opaque(libm.exp, prototype="double exp(double x)", jvp=lambda t, out, x: t[0] * out)


@pytest.fixture(params=["compiled", "interpreted"])
def both(request):
    with override(disable_jit=request.param == "interpreted"):
        yield


def test_a_python_function_and_its_rule(both):
    np.testing.assert_array_equal(graphc.grad(lambda x: np.sum(x * graphc.stop_gradient(bessel1(x))))(X), j1(X))

    def loop(x):
        for _ in range(2):
            x = 2.0 * bessel(x)
        return np.sum(x)

    np.testing.assert_allclose(graphc.grad(loop)(X), 4.0 * j1(2.0 * j0(X)) * j1(X), rtol=1e-14)
    rows = np.stack([X, 2 * X])
    np.testing.assert_array_equal(graphc.vmap(lambda x: bessel(x) * 2.0)(rows), 2.0 * j0(rows))


def test_a_c_function_through_its_pointer(both):
    assert exp(0.5) == np.exp(0.5)
    assert graphc.grad(lambda x: 2.0 * exp(x))(0.5) == 2.0 * np.exp(0.5)
    assert graphc.grad(graphc.grad(exp))(0.5) == np.exp(0.5)
    with override(disable_jit=False):
        doubled = graphc.jit(lambda x: x * 2.0).cfunc("int f(int n, const double x[n], double y[n])")
    through_c = graphc.opaque(doubled, prototype=doubled.prototype)
    np.testing.assert_array_equal(graphc.vmap(through_c)(np.ones((2, 3))), np.full((2, 3), 2.0))
    with pytest.raises(ShapeError, match="f: argument 0 does not fit"):
        through_c(np.ones((2, 2)))
    with pytest.raises(TraceTypeError, match="f takes 1 arguments, and 2 were given"):
        through_c(X, X)


def test_several_results_of_other_shapes(both):
    svd = graphc.opaque(lambda a: np.linalg.svd(a)[::2], result=lambda a: (a @ a.T, a.T @ a))
    a = np.arange(6.0).reshape(2, 3)
    u, v = graphc.vmap(svd)(a[None])
    np.testing.assert_array_equal(u[0], np.linalg.svd(a)[0])
    np.testing.assert_array_equal(v[0], np.linalg.svd(a)[2])


def test_errors_reach_the_caller(both):
    def fails(x):
        raise KeyError("no such thing")

    for f, error, message in (
        (graphc.opaque(fails), KeyError, "no such thing"),
        (graphc.opaque(lambda x: x[:-1]), ValueError, r"shape \(2,\), where result= says \(3,\)"),
        (bessel1, GradientError, "j1 is opaque, and has no derivative here"),
    ):
        with pytest.raises(error, match=message):
            graphc.grad(lambda x, f=f: np.sum(x * (f(x) if f is bessel1 else graphc.stop_gradient(f(x)))))(X)
    with pytest.raises(TypeError, match="or prototype="):
        graphc.opaque(12345)


def newton(x, a):
    for _ in range(20):
        x = 0.5 * (x + a / x)
    return x


def test_derivatives_of_a_root_of_every_order():
    root = graphc.implicit_root(lambda x, a: x**2 - a, newton)
    assert graphc.grad(lambda a: root(1.0, a))(9.0) == pytest.approx(1 / 6)  # compiled
    with override(disable_jit=True):
        second = graphc.grad(graphc.grad(lambda a: root(1.0, a)))
        assert second(9.0) == pytest.approx(-0.25 * 9**-1.5)
        assert graphc.grad(second)(9.0) == pytest.approx(0.375 * 9**-2.5)
        assert graphc.jvp(lambda a: root(1.0, a), (9.0,), (2.0,))[1] == pytest.approx(1 / 3)
        assert graphc.grad(lambda s: root(s, 9.0))(1.0) == 0.0
        each = graphc.vmap(graphc.grad(lambda a: np.sum(root(np.ones(2), a))))(np.arange(1.0, 7.0).reshape(3, 2))
        np.testing.assert_allclose(each, 0.5 / np.sqrt(np.arange(1.0, 7.0).reshape(3, 2)))


def test_solver_and_residual_may_loop_and_write_in_place():
    def sweeps(x, a):
        x = np.array(x)
        change = 1.0
        while change > 1e-14:
            change = 0.0
            for i in range(len(a)):
                left = x[i - 1] if i > 0 else 0.0
                new = np.cos(left) / a[i]
                change = max(change, abs(new - x[i]))
                x[i] = new
        return x

    def residual(x, a):
        r = np.zeros(len(a))
        for i in range(len(a)):
            r[i] = a[i] * x[i] - np.cos(x[i - 1] if i > 0 else 0.0)
        return r

    def direct(a):
        x, left = 0.0, 0.0
        for i in range(len(a)):
            left = np.cos(left) / a[i]
            x = x + left**2
        return x

    root = graphc.implicit_root(residual, sweeps)
    a = np.array([2.0, 3.0, 1.5, 2.5])
    with override(disable_jit=True):
        gradient = graphc.grad(lambda a: np.sum(root(np.zeros_like(a), a) ** 2))
        np.testing.assert_allclose(gradient(a), graphc.grad(direct)(a), rtol=1e-12)
        assert str(gradient.graph("final", a)).count(" = while ") == 1  # the solver runs once


def test_a_minimum_that_scipy_finds():
    def objective(x, c):
        return np.sum(np.cosh(x - c**2))

    def solve(start, c):
        return minimize(lambda x: objective(x, c), start, tol=1e-12).x

    minimum = graphc.implicit_minimum(objective, graphc.opaque(solve))
    c = np.array([1.0, 2.0])
    with override(disable_jit=True):
        np.testing.assert_allclose(graphc.jacobian(lambda c: minimum(np.zeros(2), c))(c), np.diag(2 * c), atol=1e-6)
        hessian = graphc.hessian(lambda c: np.sum(minimum(np.zeros(2), c) ** 2))(c)
        np.testing.assert_allclose(hessian, np.diag(12 * c**2), rtol=1e-6, atol=1e-6)
