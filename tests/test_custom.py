"""``custom_vjp`` and ``custom_jvp``: rules that the user writes, in every mode, in loops and batches."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.config import override
from graphc.errors import GradientError
from graphc.ir.text import parse, print_graph
from graphc.ops.table import OPS

X = np.array([0.3, -1.2, 2.0])


@pytest.fixture(autouse=True)
def interpreted(request):
    """Values are the graph's: compiling adds nothing, but where a test is marked so."""
    with override(disable_jit="compiled" not in request.keywords and "compiled" not in request.node.name):
        yield


@graphc.custom_vjp
def scaled_sine(x, factor):
    return np.sin(x) * factor


def scaled_sine_forward(x, factor):
    return scaled_sine(x, factor), (x, np.sin(x), factor)


def scaled_sine_backward(residuals, g):
    x, sine, factor = residuals
    return 2.0 * g * np.cos(x) * factor, np.sum(g * sine)  # twice the derivative, to tell it from the true one


scaled_sine.defvjp(scaled_sine_forward, scaled_sine_backward)


@graphc.custom_jvp
def softplus(x):
    return np.log1p(np.exp(x))


@softplus.defjvp
def softplus_rule(primals, tangents):
    (x,), (t,) = primals, tangents
    y = softplus(x)
    return y, t * (1.0 - np.exp(-y))


def total(x):
    return np.sum(x)


def logistic(x):
    return 1.0 / (1.0 + np.exp(-x))


def test_outside_of_a_trace_the_function_itself_runs():
    np.testing.assert_array_equal(scaled_sine(X, 2.0), np.sin(X) * 2.0)
    np.testing.assert_array_equal(graphc.jit(scaled_sine)(X, 2.0), np.sin(X) * 2.0)


def test_the_rule_is_the_gradient():
    by_x, by_factor = graphc.grad(lambda x, s: np.sum(scaled_sine(x, factor=s)), argnums=(0, 1))(X, 3.0)
    np.testing.assert_allclose(by_x, 6.0 * np.cos(X))
    np.testing.assert_allclose(by_factor, np.sum(np.sin(X)))


def test_compiled_in_a_loop_and_a_branch():
    def f(x):
        for _ in range(3):
            x = scaled_sine(x, 2.0) if np.sum(x) > 0.5 else softplus(x)
        return np.sum(x)

    gradient = graphc.grad(f)(X)
    with override(disable_jit=True):
        np.testing.assert_allclose(gradient, graphc.grad(f)(X), rtol=1e-13)
    assert np.all(np.isfinite(gradient))


def test_a_forward_rule_serves_both_modes_to_any_order():
    big = np.array([0.5, 800.0])  # where the plain derivative of log1p(exp(x)) is inf / inf
    np.testing.assert_allclose(graphc.grad(lambda x: np.sum(softplus(x)))(big), [logistic(0.5), 1.0])
    value, tangent = graphc.jvp(softplus, (X,), (np.ones(3),))
    np.testing.assert_allclose(value, np.log1p(np.exp(X)))
    np.testing.assert_allclose(tangent, logistic(X))
    s = logistic(X)
    np.testing.assert_allclose(graphc.hessian(lambda x: np.sum(softplus(x)))(X), np.diag(s * (1 - s)), atol=1e-15)
    third = graphc.grad(graphc.grad(graphc.grad(softplus)))(0.3)
    s = logistic(0.3)
    np.testing.assert_allclose(third, s * (1 - s) * (1 - 2 * s))


def test_second_derivatives_go_through_the_rule():
    hessian = graphc.hessian(lambda x: np.sum(scaled_sine(x, 3.0)))(X)
    np.testing.assert_allclose(hessian, np.diag(-6.0 * np.sin(X)), atol=1e-15)


def test_batches_around_and_inside():
    rows = np.arange(6.0).reshape(2, 3) / 5
    each = graphc.vmap(graphc.grad(lambda x: np.sum(scaled_sine(x, 3.0))))(rows)
    np.testing.assert_allclose(each, 6.0 * np.cos(rows))
    batched = graphc.vmap(scaled_sine, in_axes=(0, None))
    by_x, by_factor = graphc.grad(lambda x, s: np.sum(batched(x, s)), argnums=(0, 1))(rows, 3.0)
    np.testing.assert_allclose(by_x, 6.0 * np.cos(rows))
    np.testing.assert_allclose(by_factor, np.sum(np.sin(rows)))
    np.testing.assert_allclose(graphc.jvp(graphc.vmap(softplus), (rows,), (np.ones((2, 3)),))[1], logistic(rows))
    jacobian = graphc.jacobian(softplus)(X)
    np.testing.assert_allclose(jacobian, np.diag(logistic(X)))


def test_structures_and_arguments_that_are_not_differentiated():
    @graphc.custom_vjp
    def f(p, n, labels):
        return {"y": p["a"] * n, "z": (p["b"], labels)}

    f.defvjp(
        lambda p, n, labels: (f(p, n, labels), None),
        lambda _, g: ({"a": 10.0 * g["y"], "b": None}, None, None),
    )

    def loss(p):
        out = f(p, 3, np.array([1, 2]))
        return np.sum(out["y"]) + np.sum(out["z"][0]) + np.sum(out["z"][1])

    gradient = graphc.grad(loss)({"a": X, "b": np.ones(2)})
    np.testing.assert_array_equal(gradient["a"], [10.0] * 3)
    np.testing.assert_array_equal(gradient["b"], np.zeros(2))

    power = graphc.custom_jvp(lambda x, n: x**n, nondiff_argnums=(1,))
    power.defjvp(lambda n, primals, tangents: (primals[0] ** n, n * primals[0] ** (n - 1) * tangents[0]))
    assert graphc.grad(lambda x: power(x, 3))(2.0) == 12.0


def test_defjvps_has_a_rule_for_each_argument():
    product = graphc.custom_jvp(lambda a, b: a * b)
    product.defjvps(lambda t, out, a, b: t * b, None)
    assert graphc.grad(product, argnums=(0, 1))(2.0, 5.0) == (5.0, 0.0)


def test_a_rule_of_the_wrong_shape_or_count_names_the_function():
    def wrong(backward):
        f = graphc.custom_vjp(scaled_sine.function)
        f.defvjp(scaled_sine_forward, backward)
        return graphc.grad(lambda x: np.sum(f(x, 2.0)))

    with pytest.raises(GradientError, match=r"test_custom.py:\d+: the backward rule of scaled_sine returns 1 of them"):
        wrong(lambda r, g: (g,))(X)
    with pytest.raises(
        GradientError, match=r"backward rule of scaled_sine returns an array alone: it returns a tuple of 2"
    ):
        wrong(lambda r, g: g)(X)
    with pytest.raises(GradientError, match=r"cotangent of argument 0 of shape \(\), where \(3,\) is due"):
        wrong(lambda r, g: (np.sum(g), None))(X)
    with pytest.raises(GradientError, match="another structure than argument 0"):
        wrong(lambda r, g: ((g, g), None))(X)
    bad = graphc.custom_jvp(total)
    bad.defjvp(lambda p, t: (np.sum(p[0]), t[0]))
    with pytest.raises(GradientError, match=r"forward rule of total returns a tangent of the result of shape \(3,\)"):
        graphc.grad(bad)(X)
    with pytest.raises(GradientError, match="a custom_vjp without a rule: call defvjp"):
        graphc.grad(graphc.custom_vjp(total))(X)
    alone = graphc.custom_vjp(total)
    alone.defvjp(total, total)
    with pytest.raises(GradientError, match=r"forward rule of total returns an array alone: it returns \(out, "):
        graphc.grad(alone)(X)


def test_what_a_rule_does_not_cover_is_an_error():
    with pytest.raises(GradientError, match="scaled_sine has a rule for reverse mode alone"):
        graphc.jvp(lambda x: scaled_sine(x, 2.0), (X,), (np.ones(3),))

    def closes_over(x):
        f = graphc.custom_jvp(lambda y: x * y)
        f.defjvp(lambda p, t: (x * p[0], x * t[0]))
        return np.sum(f(2.0 * x))

    with pytest.raises(GradientError, match="reads a value from outside that is differentiated"):
        graphc.grad(closes_over)(X)


def test_the_text_of_a_rule_reads_back():
    f = graphc.grad(lambda x: np.sum(softplus(x)))
    text = str(f.graph("traced", X))
    assert "custom_rule" in text
    assert "backward:" in text
    assert print_graph(parse(text, OPS)) == text
