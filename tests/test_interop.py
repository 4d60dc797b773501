"""Gradients where SciPy's solvers, PyTorch and JAX ask for them."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
from scipy.integrate import odeint, solve_ivp

import graphc
from graphc import interop, pytree
from graphc.config import override
from graphc.errors import TraceTypeError


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def test_minimize_with_gradient_and_hessian_products():
    f, start = graphc.value_and_grad(rosenbrock), np.zeros(4)
    for extra in (
        {"method": "BFGS"},
        {"method": "trust-ncg", "hessp": graphc.hvp(rosenbrock)},
        {"method": "trust-exact", "hess": graphc.hessian(rosenbrock)},
    ):
        found = scipy.optimize.minimize(f, start, jac=True, **extra)
        np.testing.assert_allclose(found.x, 1.0, atol=1e-4)


def test_least_squares_with_dense_and_sparse_jacobians():
    def residuals(x):
        return np.concatenate([10.0 * (x[1:] - x[:-1] ** 2), 1.0 - x[:-1]])

    for jacobian in (graphc.jacobian(residuals), graphc.sparse_jacobian(residuals)):
        found = scipy.optimize.least_squares(residuals, np.zeros(5), jac=jacobian)
        np.testing.assert_allclose(found.x, 1.0, atol=1e-6)


def test_root_and_differential_equations():
    def residual(x):
        return np.stack([x[0] + 0.5 * (x[0] - x[1]) ** 3 - 1.0, 0.5 * (x[1] - x[0]) ** 3 + x[1]])

    found = scipy.optimize.root(residual, np.zeros(2), jac=graphc.jacobian(residual))
    assert found.success
    np.testing.assert_allclose(residual(found.x), 0.0, atol=1e-9)

    def stiff(t, y):
        return np.stack([-100.0 * y[0] + y[1], -y[1] + 0.0 * t])

    by_y = graphc.jacobian(stiff, argnums=1)
    solved = solve_ivp(stiff, (0.0, 1.0), [1.0, 1.0], method="Radau", jac=by_y, rtol=1e-8)
    assert solved.success
    np.testing.assert_allclose(solved.y[1, -1], np.exp(-1.0), rtol=1e-6)
    path = odeint(stiff, np.ones(2), np.array([0.0, 1.0]), Dfun=by_y, tfirst=True)
    np.testing.assert_allclose(path[-1, 1], np.exp(-1.0), rtol=1e-5)


def test_nested_parameters_as_one_vector():
    def loss(params, n, scale):
        w, b = params["w"], params["b"]
        return np.sum((w.astype(np.float64) - 1.0) ** 2) * n + (b - 2.0) ** 2 * scale[0]

    arguments = ({"w": np.zeros((2, 2), np.float32), "b": 0.5}, 3, (1.0,))
    flat, x0, unflatten = graphc.flatten_args(loss, *arguments)
    assert x0.shape == (6,)
    assert x0.dtype == np.float64
    params, n, _ = unflatten(x0)
    assert (params["w"].dtype, params["w"].shape, params["b"], n) == (np.float32, (2, 2), 0.5, 3)
    with override(disable_jit=True):
        assert graphc.value_and_grad(flat)(x0)[0] == loss(*arguments)
        whole = graphc.grad(loss)(*arguments)  # float32 rounds: no place for an optimizer
        mine = unflatten(graphc.grad(flat)(x0))[0]
    np.testing.assert_array_equal(mine["w"], whole["w"])
    assert mine["b"] == whole["b"]
    with pytest.raises(TraceTypeError, match="none of the arguments holds a floating"):
        graphc.flatten_args(loss, 3)


def test_compiled_functions_of_nested_parameters_go_to_scipy_as_they_are():
    @graphc.value_and_grad(argnums=(0, 1))
    def loss(params, centre, fixed):
        return np.sum((params["w"] - centre) ** 2) + params["b"] ** 2 + (centre - 1.0) ** 2 + np.sum(fixed["s"] ** 2)

    arguments = ({"w": np.zeros(3), "b": 5.0}, 0.0, graphc.frozen({"s": np.ones(2)}))
    flat, x0, unflatten = graphc.optim.flatten(loss, *arguments)
    assert graphc.optim.flatten is graphc.flatten_args
    assert x0.tolist() == [0.0, 0.0, 0.0, 5.0, 0.0]
    with override(disable_jit=True):
        found = scipy.optimize.minimize(flat, x0, jac=True)
        value, gradient = flat(x0)
    params, centre, fixed = unflatten(found.x)
    np.testing.assert_allclose([*params["w"], params["b"], centre], [1.0, 1.0, 1.0, 0.0, 1.0], atol=1e-6)
    assert (found.fun, value) == (pytest.approx(2.0), 28.0)
    assert fixed["s"].tolist() == [1.0, 1.0]
    np.testing.assert_array_equal(gradient, [0.0, 0.0, 0.0, 10.0, -2.0])


def model(w, x, n=2):
    return np.tanh(x @ w) * n, np.sum(w**2)


def test_inside_a_pytorch_model():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    f = graphc.to_torch(model)
    w = torch.linspace(-1.0, 1.0, 6, dtype=torch.float64).reshape(3, 2).requires_grad_()
    x = torch.ones(4, 3, dtype=torch.float64)

    def loss(w, f):
        out, penalty = f(w, 2.0 * x)
        return (out**2).sum() + penalty

    loss(w, f).backward()
    mine, w.grad = w.grad, None
    loss(w, lambda w, x: (torch.tanh(x @ w) * 2, (w**2).sum())).backward()
    torch.testing.assert_close(mine, w.grad)
    assert torch.autograd.gradcheck(f, (w, x.requires_grad_()))
    integers = graphc.to_torch(lambda x, i: x[i])
    integers(x, torch.tensor([1, 1])).sum().backward()
    assert x.grad[1].tolist() == [2.0, 2.0, 2.0]
    with pytest.raises(TraceTypeError, match="a tensor is on meta: pass"):
        f(w.to("meta"), x)


def test_pytorch_asks_only_for_the_gradients_that_it_needs(monkeypatch):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    frozen = []
    pullback = interop._BothWays.pullback

    def seen(self, args, cotangent):
        frozen.append([isinstance(a, pytree.Frozen) for a in args])
        return pullback(self, args, cotangent)

    monkeypatch.setattr(interop._BothWays, "pullback", seen)
    f = graphc.to_torch(lambda x, s: np.sum(x * s))
    x, s = (torch.arange(1.0, 4.0, dtype=torch.float64, requires_grad=True) for _ in range(2))
    with override(disable_jit=True):
        f(x, s.detach()).backward()
        f(x, graphc.frozen(s)).backward()
        assert (x.grad.tolist(), s.grad) == ([2.0, 4.0, 6.0], None)
        f(x, s).backward()
    assert s.grad.tolist() == [1.0, 2.0, 3.0]
    assert frozen == [[False, True], [False, True], [False, False]]


def test_inside_a_jax_model():
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    jnp = jax.numpy
    f = graphc.to_jax(model)
    w, x = jnp.linspace(-1.0, 1.0, 6).reshape(3, 2), jnp.ones((4, 3))

    def loss(w, x, f):
        out, penalty = f(w, 2.0 * x)
        return jnp.sum(out**2) + penalty

    def pure(w, x):
        return jnp.tanh(x @ w) * 2, jnp.sum(w**2)

    mine = jax.jit(jax.value_and_grad(lambda w, x: loss(w, x, f), argnums=(0, 1)))(w, x)
    theirs = jax.value_and_grad(lambda w, x: loss(w, x, pure), argnums=(0, 1))(w, x)
    for a, b in zip(jax.tree.leaves(mine), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)
    rows = jax.vmap(lambda row: f(w, row)[0])(x)
    np.testing.assert_allclose(rows, pure(w, x)[0], rtol=1e-5)
    picked = graphc.to_jax(lambda x, i: x[i])
    by_x = jax.grad(lambda x: jnp.sum(picked(x, jnp.array([1, 1]))))(jnp.arange(3.0))
    assert by_x.tolist() == [0.0, 2.0, 0.0]
