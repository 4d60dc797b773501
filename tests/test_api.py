"""What users call: the transformations, their arguments and what they return."""

from __future__ import annotations

import functools
from collections import OrderedDict, namedtuple
from dataclasses import dataclass

import numpy as np
import pytest

import graphc
from graphc.config import settings

compiled_only = pytest.mark.skipif(settings.disable_jit, reason="GRAPHC_DISABLE_JIT: jit is the plain function")
X = np.arange(1.0, 5.0)
Layer = namedtuple("Layer", "w b")


@dataclass
class Parameters:
    w: np.ndarray
    scale: float
    name: str = "p"
    steps: int = 2


# --- which arguments --------------------------------------------------------------------------------------------------


def weighted(x, y=2.0, *, z=1.0):
    return (x * x * y * z).sum()


def test_an_int_gives_the_gradient_itself_and_a_tuple_a_tuple():
    np.testing.assert_allclose(graphc.grad(weighted)(X, 3.0), 6 * X)
    both = graphc.grad(weighted, argnums=(0, 1))(X, 3.0)
    assert isinstance(both, tuple)
    np.testing.assert_allclose(both[0], 6 * X)
    np.testing.assert_allclose(both[1], (X * X).sum())
    (one,) = graphc.grad(weighted, argnums=(1,))(X, 3.0)
    assert type(one) is np.float64
    np.testing.assert_allclose(graphc.grad(weighted, argnums=-1)(X, 3.0), 30.0)


def test_argnames_and_keyword_arguments():
    np.testing.assert_allclose(graphc.grad(weighted, argnames="z")(X, 3.0, z=0.5), 90.0)
    np.testing.assert_allclose(graphc.grad(weighted, argnames="x")(X, 3.0), 6 * X)
    both = graphc.grad(weighted, argnums=0, argnames=("z",))
    assert len(graphc.grad(weighted, argnums=(0,), argnames=("z",))(X, z=2.0)) == 2
    np.testing.assert_allclose(both(X, z=2.0)[0], 60.0)
    np.testing.assert_allclose(graphc.grad(weighted)(x=X, y=3.0), 6 * X)
    np.testing.assert_allclose(graphc.grad(weighted)(X), 4 * X)


def test_variable_arguments():
    @graphc.grad
    def f(x, *rest, **named):
        return (x * sum(rest) * named["scale"]).sum()

    np.testing.assert_allclose(f(X, 1.0, 2.0, scale=3.0), np.full(4, 9.0))
    np.testing.assert_allclose(f(X, 1.0, scale=3.0), np.full(4, 3.0))


def test_decorators_with_and_without_arguments():
    @graphc.value_and_grad
    def plain(x):
        """What it does."""
        return (x**2).sum()

    @graphc.value_and_grad(argnums=1)
    def second(x, y):
        return (x * y).sum()

    assert plain.__name__ == "plain"
    assert plain.__doc__ == "What it does."
    assert plain.__wrapped__(X) == 30.0
    assert "plain" in repr(plain)
    value, gradient = plain(X)
    assert type(value) is np.float64
    assert value == 30.0
    np.testing.assert_array_equal(gradient, 2 * X)
    np.testing.assert_array_equal(second(X, 2 * X)[1], X)


def test_partial_lambda_and_callable_objects():
    class Model:
        def __init__(self, w):
            self.w = w

        def __call__(self, x):
            return (x * self.w).sum()

        def loss(self, x, k):
            return (x * self.w).sum() * k

    model = Model(np.array([1.0, 2.0, 3.0, 4.0]))
    for f in (model, functools.partial(lambda w, x: (x * w).sum(), model.w), lambda x: (x * model.w).sum()):
        np.testing.assert_array_equal(graphc.grad(f)(X), model.w)
    g = graphc.grad(model)
    bound = graphc.grad(model.loss, argnums=1)
    np.testing.assert_array_equal(g(X), model.w)
    assert bound(X, 1.0) == (X * model.w).sum()
    model.w = model.w * 2
    np.testing.assert_array_equal(g(X), model.w)
    assert bound(X, 1.0) == (X * model.w).sum()
    assert g.cache_info()["programs"] == bound.cache_info()["programs"] == 1
    partial = graphc.grad(functools.partial(weighted, y=5.0))
    np.testing.assert_array_equal(partial(X), 10 * X)


class Regression:
    def __init__(self, w, rate):
        self.w, self.rate = w, rate

    @graphc.grad
    def slope(self, x):
        return self._loss(x) * self.rate

    @graphc.value_and_grad(argnums=(0, 1))
    def both(self, x, y):
        return (self.w * x * y).sum()

    def _loss(self, x):
        return (self.w * x**2).sum()

    @staticmethod
    @graphc.grad
    def free(x):
        return (x**3).sum()


def test_methods():
    a, b = Regression(X, 2.0), Regression(X + 1, 3.0)
    np.testing.assert_allclose(a.slope(X), 4 * X * X)
    np.testing.assert_allclose(b.slope(X), 6 * X * (X + 1))
    a.rate, a.w = 1.0, -X
    np.testing.assert_allclose(a.slope(X), -2 * X * X)
    assert Regression.slope.cache_info()["programs"] == 1
    value, (dx, dy) = a.both(X, 2 * X)
    np.testing.assert_allclose(dx, -2 * X * X)
    np.testing.assert_allclose(dy, -X * X)
    np.testing.assert_allclose(value, -(2 * X**3).sum())
    np.testing.assert_allclose(Regression.free(X), 3 * X**2)
    np.testing.assert_allclose(Regression.slope(b, X), 6 * X * (X + 1))


# --- nested arguments -------------------------------------------------------------------------------------------------


def test_gradients_have_the_structure_of_the_argument():
    def f(p):
        first = (p["layers"][0].w * 2 + p["layers"][0].b).sum()
        return first + (p["pair"][0] * p["pair"][1]).sum() + p["more"]["c"] ** 2

    p = {
        "pair": (X, X + 1),
        "layers": [Layer(X, 1.0)],
        "more": OrderedDict(c=3.0, d=np.arange(2), e="text", f=None, g=True),
    }
    for _ in range(2):
        g = graphc.grad(f)(p)
        assert list(g) == ["pair", "layers", "more"]
        np.testing.assert_array_equal(g["pair"][0], X + 1)
        np.testing.assert_array_equal(g["pair"][1], X)
        assert type(g["layers"]) is list
        assert type(g["layers"][0]) is Layer
        np.testing.assert_array_equal(g["layers"][0].w, np.full(4, 2.0))
        assert g["layers"][0].b == 4.0
        assert type(g["more"]) is OrderedDict
        assert g["more"] == {"c": 6.0, "d": None, "e": None, "f": None, "g": None}


def test_dataclasses():
    def f(p, x):
        return (p.w * x).sum() * p.scale**p.steps if p.name == "p" else x.sum()

    g = graphc.value_and_grad(f)
    value, gradient = g(Parameters(X, 3.0), X)
    assert value == 270.0
    assert type(gradient) is Parameters
    np.testing.assert_array_equal(gradient.w, 9 * X)
    assert gradient.scale == 180.0
    assert gradient.name is None
    assert gradient.steps is None
    assert g(Parameters(X, 3.0, "q"), X)[0] == 10.0
    assert g(Parameters(X, 3.0, steps=3), X)[0] == 810.0


def test_frozen():
    def f(p, x):
        return (p["a"] * p["b"] * x).sum()

    g = graphc.grad(f)
    result = g({"a": graphc.frozen(X), "b": X + 1}, X)
    assert result["a"] is None
    np.testing.assert_array_equal(result["b"], X * X)
    assert g(graphc.frozen({"a": X, "b": X}), X) == {"a": None, "b": None}
    assert "p_a is not differentiated" in g.explain({"a": graphc.frozen(X), "b": X + 1}, X)
    full = graphc.grad(f)
    full({"a": X, "b": X}, X)
    g({"a": graphc.frozen(X), "b": X + 1}, X)
    assert len(g.graph("final").nodes) < len(full.graph("final").nodes)


def test_stop_gradient():
    np.testing.assert_array_equal(graphc.grad(lambda x: (graphc.stop_gradient(x) * x).sum())(X), X)
    np.testing.assert_array_equal(graphc.grad(lambda x: (graphc.frozen({"a": x})["a"] * x).sum())(X), X)
    assert graphc.stop_gradient({"x": X})["x"] is X


# --- results ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtypes_follow_numpy(dtype):
    x = X.astype(dtype)
    value, gradient = graphc.value_and_grad(lambda x, k, m: (np.sin(x) * k * 2.0 * m).sum() / x.shape[0])(
        x, 3.0, np.array([True, False, True, True])
    )
    assert value.dtype == dtype
    assert gradient.dtype == dtype
    assert graphc.jit(lambda x: x * np.float64(2))(x).dtype == np.float64
    assert graphc.jit(lambda x, y: x + y)(x, np.arange(4)).dtype == np.float64
    assert graphc.jit(lambda x, k: x * (k / 3 + k * k))(x, 2.0).dtype == dtype
    assert graphc.jit(lambda x, k: x * np.sqrt(k))(x, 2.0).dtype == np.result_type(x, np.float64)
    assert graphc.jit(lambda x, n: x * n + n / 2)(x, 3).dtype == dtype


def test_scalars():
    g = graphc.grad(lambda x: x**3)
    assert type(g(2.0)) is np.float64
    assert g(2.0) == 12.0
    assert type(g(np.float32(2.0))) is np.float32
    assert g(np.array(2.0)) == 12.0
    assert g.cache_info()["programs"] == 3


def test_has_aux():
    def f(x):
        return (x * x).sum(), {"twice": x * 2, "n": x.shape[0], "k": 7, "s": "text", "none": None}

    (value, aux), gradient = graphc.value_and_grad(f, has_aux=True)(X)
    again, aux2 = graphc.grad(f, has_aux=True)(X)
    assert value == 30.0
    np.testing.assert_array_equal(gradient, again)
    for a in (aux, aux2):
        np.testing.assert_array_equal(a["twice"], 2 * X)
        assert a["n"] == 4
        assert type(a["n"]) is int
        assert (a["k"], a["s"], a["none"]) == (7, "text", None)


@compiled_only
def test_jit_returns_what_the_function_does():
    f = graphc.jit(lambda x, n: ([x, x], (x.sum(), None), {"a": n, "b": 2.5}, Layer(x + n, "w")))
    pair, (total, none), named, layer = f(X, 3)
    assert pair[0] is not X
    assert not np.shares_memory(pair[0], X)
    assert not np.shares_memory(pair[0], pair[1])
    assert total == 10.0
    assert none is None
    assert named == {"a": 3, "b": 2.5}
    assert type(layer) is Layer
    np.testing.assert_array_equal(layer.w, X + 3)
    assert f(X, 4)[2]["a"] == 4


def test_arguments_are_not_modified():
    p = {"w": X.copy()}

    def f(p):
        p["w"] = p["w"] * 2
        return p["w"].sum()

    np.testing.assert_array_equal(graphc.grad(f)(p)["w"], np.full(4, 2.0))
    np.testing.assert_array_equal(p["w"], X)


# --- one program for many calls ---------------------------------------------------------------------------------------


def test_one_program_for_all_shapes():
    g = graphc.value_and_grad(lambda w, x: np.tanh(x @ w).mean())
    for n, m in ((3, 4), (7, 2), (100, 30), (2, 2)):
        rng = np.random.default_rng(n)
        w, x = rng.normal(size=m), rng.normal(size=(n, m))
        value, gradient = g(w, x)
        np.testing.assert_allclose(value, np.tanh(x @ w).mean())
        np.testing.assert_allclose(gradient, x.T @ (1 - np.tanh(x @ w) ** 2) / n)
    assert g.cache_info()["programs"] == 1
    g(np.ones(1), np.ones((3, 1)))
    assert g.cache_info()["programs"] == 2


@compiled_only
def test_int_arguments_are_symbols():
    g = graphc.jit(lambda x, n: x * n + x.shape[0] // n)
    for n in (1, 2, -3, 40):
        np.testing.assert_array_equal(g(X, n), X * n + 4 // n)
    assert g.cache_info()["programs"] <= 2
    loop = graphc.jit(lambda x, n: sum(x * k for k in range(n)))  # a loop of the program
    np.testing.assert_array_equal(loop(X, 3), 3 * X)
    np.testing.assert_array_equal(loop(X, 4), 6 * X)
    assert loop.cache_info()["programs"] == 1
    loop = graphc.jit(lambda x, n: sum(x * k for k in graphc.unroll(range(n))))
    np.testing.assert_array_equal(loop(X, 3), 3 * X)
    np.testing.assert_array_equal(loop(X, 4), 6 * X)
    assert loop.cache_info()["programs"] == 2
    assert "specialised to n == 4" in loop.explain()


def test_static_arguments():
    g = graphc.jit(lambda x, mode, flag, f: f(x) if mode == "a" and flag else x)
    np.testing.assert_array_equal(g(X, "a", True, np.exp), np.exp(X))
    np.testing.assert_array_equal(g(X, "b", True, np.exp), X)
    np.testing.assert_array_equal(g(X, "a", False, np.exp), X)
    np.testing.assert_array_equal(g(X, "a", True, np.sin), np.sin(X))
    np.testing.assert_array_equal(g(X, "a", True, lambda t: t * 2), X * 2)


def test_new_python_floats_compile_nothing():
    g = graphc.value_and_grad(lambda x, k: (x * k).sum())
    for k in (0.5, 1.5, -2.0):
        assert g(X, k)[0] == 10.0 * k
    assert g.cache_info() == {"calls_traced": 1, "programs": 1}


# --- gradients of gradients -------------------------------------------------------------------------------------------


def test_levels_are_not_confused():
    assert graphc.grad(lambda x: x * graphc.grad(lambda y: x + y)(1.0))(2.0) == 1.0
    inner = graphc.grad(lambda x, y: x * y * y, argnums=1)
    assert graphc.grad(lambda x: inner(x, x))(3.0) == 12.0
    assert graphc.grad(lambda x: graphc.grad(lambda y: x * y * y)(x))(3.0) == 12.0
    np.testing.assert_allclose(graphc.grad(lambda x: graphc.jit(np.sin)(x * x))(0.5), np.cos(0.25))


def test_higher_derivatives():
    f = lambda x: np.exp(2 * x)  # noqa: E731
    g = f
    for order in range(1, 5):
        g = graphc.grad(g)
        np.testing.assert_allclose(g(0.3), 2**order * np.exp(0.6))
    hessian_vector = graphc.grad(lambda x, v: (graphc.grad(lambda z: (z**3).sum())(x) * v).sum())
    np.testing.assert_allclose(hessian_vector(X, np.ones(4)), 6 * X)
    value, gradient = graphc.value_and_grad(lambda x: graphc.value_and_grad(lambda y: (y**3).sum())(x)[0] ** 2)(X)
    np.testing.assert_allclose(value, (X**3).sum() ** 2)
    np.testing.assert_allclose(gradient, 2 * (X**3).sum() * 3 * X**2)


def test_nested_structures_aux_and_keywords():
    def inner(p, *, k):
        return (p["a"] ** 2 * k).sum(), {"n": p["a"].shape[0], "double": p["a"] * 2}

    def outer(a, k):
        (value, aux), gradient = graphc.value_and_grad(inner, has_aux=True)({"a": a, "n": 3}, k=k)
        assert gradient["n"] is None
        assert aux["n"] == 4
        return (gradient["a"] * aux["double"]).sum() + value

    a = X
    np.testing.assert_allclose(graphc.grad(outer)(a, 2.0), 2 * a * 2 * 2 * 2 + 2 * a * 2)


# --- vjp and jvp ------------------------------------------------------------------------------------------------------


def test_vjp():
    def f(x, p, n):
        return x @ p["w"], (x * n).sum()

    x, w = np.arange(6.0).reshape(2, 3), np.ones((3, 2))
    (product, total), pullback = graphc.vjp(f, x, {"w": w}, 3)
    np.testing.assert_array_equal(product, x @ w)
    assert total == 45.0
    for scale in (1.0, 2.0):
        dx, dp, dn = pullback((np.full((2, 2), scale), 1.0))
        np.testing.assert_array_equal(dx, np.full((2, 3), 2 * scale + 3))
        np.testing.assert_array_equal(dp["w"], scale * np.repeat(x.sum(0)[:, None], 2, 1))
        assert dn is None
    dx, _, _ = pullback((None, 1.0))
    np.testing.assert_array_equal(dx, np.full((2, 3), 3.0))
    with pytest.raises(graphc.GradientError, match=r"shape \(2, 2\)"):
        pullback((np.ones(3), 1.0))
    with pytest.raises(graphc.GradientError, match="structure"):
        pullback(np.ones((2, 2)))


@pytest.mark.parametrize("f", [lambda x: x, np.exp, lambda x: x * 2.0])
def test_a_pullback_does_not_see_later_writes(f):
    x = X.copy()
    out, pullback = graphc.vjp(f, x)
    expected = pullback(np.ones(4))[0].copy()
    out[...] = 100.0
    x[...] = 100.0
    np.testing.assert_array_equal(pullback(np.ones(4))[0], expected)


def test_vjp_has_aux_and_is_compiled_once():
    def f(x):
        return x**2, {"sum": x.sum()}

    for scale in (1.0, 2.0, 3.0):
        out, pullback, aux = graphc.vjp(f, X * scale, has_aux=True)
        np.testing.assert_allclose(pullback(np.ones(4))[0], 2 * X * scale)
        np.testing.assert_allclose(out, (X * scale) ** 2)
        assert aux["sum"] == 10.0 * scale


def test_jvp():
    out, tangent = graphc.jvp(lambda x, y: (np.sin(x) * y, x.shape[0]), (X, 2.0), (np.ones(4), 0.5))
    np.testing.assert_allclose(out[0], np.sin(X) * 2)
    np.testing.assert_allclose(tangent[0], np.cos(X) * 2 + np.sin(X) * 0.5)
    assert out[1] == 4
    assert tangent[1] is None
    with pytest.raises(graphc.GradientError, match="structure"):
        graphc.jvp(np.sin, (X,), (X, X))
    with pytest.raises(graphc.GradientError, match="shape"):
        graphc.jvp(np.sin, (X,), (np.ones(3),))


def test_forward_over_reverse_and_reverse_over_forward():
    f = lambda x: (np.exp(x) * x).sum()  # noqa: E731
    second = np.exp(X) * (2 + X)
    _, by_forward = graphc.jvp(graphc.grad(f), (X,), (np.ones(4),))
    by_reverse = graphc.grad(lambda x: graphc.jvp(f, (x,), (np.ones(4),))[1])(X)
    by_vjp = graphc.grad(lambda x: (graphc.vjp(lambda y: np.exp(y) * y, x)[1](np.ones(4))[0]).sum())(X)
    for result in (by_forward, by_reverse, by_vjp):
        np.testing.assert_allclose(result, second)


# --- inspection -------------------------------------------------------------------------------------------------------

RATE = 0.5


def test_explain_says_what_was_pruned_and_read():
    @graphc.grad
    def f(w, x):
        return (np.tanh(x * w) * RATE + graphc.stop_gradient(x * w)).sum()

    with pytest.raises(ValueError, match="has not been called yet"):
        f.explain()
    text = f.explain(X, X)
    assert "w: f64[w.shape[0]], differentiated" in text
    assert "RATE: weak f64[], an input" in text
    assert "input x is not differentiated" in text
    assert "cut by stop_gradient" in text
    assert "pruned at the sizes of the traced call" in text
    assert "kept for the backward part" in text
    assert ("interpreted" if settings.disable_jit else "kernel: test_api.py:") in text
    assert "w.shape[0] >= 2" in text
    traced, marked, final = (f.graph(stage) for stage in ("traced", "marked", "final"))
    assert not any(p.grad for p in traced.params)
    assert [p.grad for p in marked.params] == [True, False, False]
    assert len(final.outputs) == 1
    with pytest.raises(ValueError, match="traced, marked, joint, final"):
        f.graph("fused")


def test_a_lambda_in_a_loop_is_compiled_once():
    from graphc.api import MAX_REMEMBERED, _remembered_functions

    _remembered_functions.clear()  # it may be full of what other tests left
    for scale in (1.0, 2.0, 3.0):
        _, pullback = graphc.vjp(lambda x, s: np.tan(x) * s, X, scale)
        np.testing.assert_allclose(pullback(np.ones(4))[0], scale / np.cos(X) ** 2)
        _, tangent = graphc.jvp(lambda x: np.tan(x) * scale, (X,), (np.ones(4),))  # noqa: B023
        np.testing.assert_allclose(tangent, scale / np.cos(X) ** 2)
    assert len(_remembered_functions) == 2
    for k in range(MAX_REMEMBERED + 10):
        graphc.api._remembered(lambda x, k=(k,): x, "jvp")
    assert len(_remembered_functions) == MAX_REMEMBERED


@compiled_only
def test_explain_speaks_of_self_and_of_plain_comparisons():
    class Model:
        def __init__(self):
            self.w = np.ones(3)

        def loss(self, x):
            return ((x * 2.0 if x.shape[0] <= 3 else x) * self.w).sum()

    f = graphc.grad(Model.loss, argnums=1)
    text = f.explain(Model(), np.ones(3))
    assert "  self.w: f64[" in text
    assert "  x.shape[0] <= 3" in text or "  x.shape[0] == 3" in text
    assert "argument 0" not in text
