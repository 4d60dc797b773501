"""``jacobian hessian hvp elementwise_grad vmap``: against plain loops, against each other, nested in each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import graphc
from graphc.config import override
from graphc.errors import GradientError, ShapeError, TraceTypeError, UnsupportedError
from tests.higher_support import CLOSE, RNG, V, W, X, columns, curve, loss

# --- jacobian ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["auto", "fwd", "rev"])
def test_jacobian_is_the_matrix_of_differences(mode):
    np.testing.assert_allclose(graphc.jacobian(curve, mode=mode)(W), columns(curve, W), rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("mode", ["fwd", "rev"])
def test_jacobian_of_matrices(mode):
    def f(a):
        return np.outer(a[0], np.exp(a[1])) @ a.T

    a = RNG.normal(size=(2, 3))
    found = graphc.jacobian(f, mode=mode)(a)
    assert found.shape == (3, 2, 2, 3)
    np.testing.assert_allclose(found, columns(f, a), rtol=1e-6, atol=1e-7)


@dataclass
class Point:
    place: Any
    name: str


@pytest.mark.parametrize("mode", ["fwd", "rev"])
def test_jacobian_of_containers(mode):
    def f(p, s):
        return {"y": s * p["a"] * p["point"].place, "z": (np.sum(p["a"]) ** 2, 1.5, len(p["a"]))}

    p = {"a": W, "point": Point(2.0, "here"), "n": 3}
    found = graphc.jacobian(f, argnums=(0, 1), mode=mode)(p, 3.0)
    np.testing.assert_allclose(found["y"][0]["a"], 6.0 * np.eye(3))
    np.testing.assert_allclose(found["y"][0]["point"].place, 3.0 * W)
    np.testing.assert_allclose(found["y"][1], 2.0 * W)
    assert found["y"][0]["n"] is None
    assert found["y"][0]["point"].name is None
    np.testing.assert_allclose(found["z"][0][0]["a"], np.full(3, 2 * W.sum()))
    np.testing.assert_allclose(found["z"][0][0]["point"].place, 0.0)
    np.testing.assert_allclose(found["z"][1][0]["a"], np.zeros(3))
    assert found["z"][2] is None


def test_jacobian_has_aux_argnames_and_methods():
    def f(w, scale):
        return scale * w, {"sum": np.sum(w)}

    found, aux = graphc.jacobian(f, argnames="scale", has_aux=True)(W, scale=2.0)
    np.testing.assert_allclose(found, W)
    np.testing.assert_allclose(aux["sum"], W.sum())

    class Model:
        power = 3.0

        @graphc.jacobian
        def cubes(self, w):
            return w**self.power

        @graphc.hessian
        def energy(self, w):
            return np.sum(w**self.power)

    np.testing.assert_allclose(Model().cubes(W), np.diag(3 * W**2), **CLOSE)
    np.testing.assert_allclose(Model().energy(W), np.diag(6 * W), **CLOSE)


def test_auto_takes_the_fewer_directions():
    tall = graphc.jacobian(lambda w: np.sin(X @ w))
    wide = graphc.jacobian(lambda y: np.cos(X.T @ y))
    tall(W), wide(np.ones(5))
    assert "cos" in str(tall.graph("traced"))
    np.testing.assert_allclose(tall(W), np.cos(X @ W)[:, None] * X, **CLOSE)
    np.testing.assert_allclose(wide(np.ones(5)), -np.sin(X.T @ np.ones(5))[:, None] * X.T, **CLOSE)


def test_float32_stays_float32():
    w = W.astype(np.float32)
    for transform in (graphc.jacobian, graphc.hessian):
        found = transform(lambda w: np.sum(np.exp(w)))(w)
        assert found.dtype == np.float32
    assert graphc.vmap(graphc.grad(lambda w: np.sum(np.exp(w))))(np.ones((2, 3), np.float32)).dtype == np.float32


def test_fortran_order_and_empty():
    a = np.asfortranarray(RNG.normal(size=(2, 3)))
    found = graphc.jacobian(lambda a: a**2)(a)
    np.testing.assert_allclose(found, columns(lambda a: a**2, a), rtol=1e-8)
    assert graphc.jacobian(np.sin)(np.zeros(0)).shape == (0, 0)
    assert graphc.jacobian(lambda w: np.sum(w, keepdims=True))(np.ones(1)).shape == (1, 1)


# --- hessian, hvp, elementwise_grad -----------------------------------------------------------------------------------


def test_hessian_is_the_jacobian_of_the_gradient():
    expected = columns(graphc.grad(loss), W)
    np.testing.assert_allclose(graphc.hessian(loss)(W), expected, rtol=1e-6, atol=1e-8)
    for outer in ("fwd", "rev"):
        nested = graphc.jacobian(graphc.grad(loss), mode=outer)(W)
        np.testing.assert_allclose(nested, graphc.hessian(loss)(W), **CLOSE)
    products = [graphc.hvp(loss)(W, unit) for unit in np.eye(3)]
    np.testing.assert_allclose(np.stack(products), graphc.hessian(loss)(W), **CLOSE)


def test_a_hessian_takes_no_more_passes_than_by_hand():
    """``X.T @ (d * X)``: one pass over the matrix that also finds d, and one product."""

    def logistic(w, x, signs):
        return np.mean(np.log1p(np.exp(-signs * (x @ w))))

    h = graphc.hessian(logistic)
    slope = 1 / (1 + np.exp(X @ W))
    np.testing.assert_allclose(h(W, X, np.ones(5)), X.T @ ((slope * (1 - slope) / 5)[:, None] * X), **CLOSE)
    assert len(h.kernels()) == 1
    matrices = [node.op.name for node in h.graph().nodes if [d for d in node.output.dims if d != 1][1:]]
    assert sorted(matrices) == ["guarded_mul", "matmul", "transpose"]
    products = [node for node in h.graph().nodes if node.op.name == "matmul"]
    assert len(products) == 2  # one of them with a vector, in the kernel


def test_a_jacobian_multiplies_with_no_identity():
    f = graphc.jacobian(lambda w: np.tanh(X @ np.sin(w)), mode="fwd")
    np.testing.assert_allclose(f(W), (1 - np.tanh(X @ np.sin(W)) ** 2)[:, None] * X * np.cos(W), **CLOSE)
    assert [v.dims[1] for n in f.graph().nodes if n.op.name == "matmul" for v in n.outputs] == [1]
    diagonal = graphc.jacobian(lambda w: np.exp(np.sin(w) * 2), mode="rev")
    diagonal(W)
    ranks = [n.output.rank for n in diagonal.graph().nodes if n.op.name in ("exp", "cos", "mul", "guarded_mul")]
    assert set(ranks) <= {0, 1}


def test_hessian_has_aux_and_several_arguments():
    def f(a, b):
        return np.sum(a**2) * b, {"twice": 2 * b}

    (by_a, by_b), aux = graphc.hessian(f, argnums=(0, 1), has_aux=True)(W, 3.0)
    np.testing.assert_allclose(by_a[0], 6 * np.eye(3))
    np.testing.assert_allclose(by_a[1], 2 * W)
    np.testing.assert_allclose(by_b[0], 2 * W)
    assert (by_b[1], aux["twice"]) == (0.0, 6.0)


def test_hessian_of_containers_and_vectors():
    def f(p):
        return np.sum(p["a"] ** 2) * p["b"]

    found = graphc.hessian(f)({"a": W, "b": 2.0})
    np.testing.assert_allclose(found["a"]["a"], 4 * np.eye(3))
    np.testing.assert_allclose(found["a"]["b"], 2 * W)
    np.testing.assert_allclose(found["b"]["a"], 2 * W)
    np.testing.assert_allclose(found["b"]["b"], 0.0)
    vector = graphc.hessian(lambda w: w**3)(W)
    assert vector.shape == (3, 3, 3)
    np.testing.assert_allclose(np.einsum("iii->i", vector), 6 * W)


def test_hvp_takes_the_vector_behind_its_argument():
    def f(x, w, scale):
        return scale * np.sum(np.exp(x @ w))

    expected = 2.0 * X.T @ (np.exp(X @ W) * (X @ V))
    np.testing.assert_allclose(graphc.hvp(f, argnums=1)(X, W, V, 2.0), expected, **CLOSE)
    np.testing.assert_allclose(graphc.hvp(f, argnums=1)(X, W, V, scale=2.0), expected, **CLOSE)
    with pytest.raises(GradientError, match="a direction like it"):
        graphc.hvp(f)(X)
    with pytest.raises(TypeError, match="one argument"):
        graphc.hvp(f, argnums=(0, 1))


def test_elementwise_grad():
    x = RNG.normal(size=(2, 3))
    np.testing.assert_allclose(graphc.elementwise_grad(np.tanh)(x), 1 - np.tanh(x) ** 2, **CLOSE)
    second = graphc.elementwise_grad(graphc.elementwise_grad(lambda x: x**3))
    np.testing.assert_allclose(second(x), 6 * x, **CLOSE)
    both = graphc.elementwise_grad(lambda a, b: a * b, argnums=(0, 1))(x, 2 * x)
    np.testing.assert_allclose(both[1], x)
    with pytest.raises(GradientError, match="returns an array"):
        graphc.elementwise_grad(lambda x: (x, x))(x)


# --- linearize --------------------------------------------------------------------------------------------------------


def test_linearize_is_jvp_with_the_value_done_before():
    def f(p, scale):
        return {"y": np.tanh(p["a"] @ p["w"]) * scale, "n": len(p["w"]), "z": np.exp(scale)}

    p = {"a": np.asfortranarray(X), "w": W}
    moves = {"a": RNG.normal(size=(5, 3)), "w": V}
    out, linear_map = graphc.linearize(f, p, 2.0)
    for tangents in ((moves, 0.5), ({"a": None, "w": V}, None)):
        value, moved = graphc.jvp(f, (p, 2.0), tangents)
        found = linear_map(*tangents)
        np.testing.assert_allclose(found["y"], moved["y"], **CLOSE)
        np.testing.assert_allclose(found["z"], moved["z"], **CLOSE)
        assert found["n"] is None
    np.testing.assert_allclose(out["y"], value["y"])
    with pytest.raises(GradientError, match="structure of the primals"):
        linear_map(moves)
    with pytest.raises(GradientError, match=r"shape \(5, 3\), like its argument; it has shape \(2, 2\)"):
        linear_map({"a": np.ones((2, 2)), "w": V}, 0.5)
    _, double = graphc.linearize(lambda w: 2 * w, W)
    with pytest.raises(GradientError, match="like its argument"):
        double(np.ones(4))


def test_linearize_of_loops_and_branches():
    def decays(w):
        s = 0.0
        for i in range(len(w)):
            s = s * 0.5 + (np.sin(w[i]) if w[i] > 0 else w[i] ** 2)
        return s * w

    out, linear_map = graphc.linearize(decays, W)
    _, moved = graphc.jvp(decays, (W,), (V,))
    np.testing.assert_allclose(out, decays(W), **CLOSE)
    np.testing.assert_allclose(linear_map(V), moved, **CLOSE)
    np.testing.assert_allclose(linear_map(2 * V), 2 * moved, **CLOSE)


def test_linearize_inside():
    rows = graphc.jit(lambda w: graphc.vmap(graphc.linearize(curve, w)[1])(np.eye(3)).T)
    np.testing.assert_allclose(rows(W), graphc.jacobian(curve)(W), **CLOSE)
    along = graphc.grad(lambda w: np.sum(graphc.linearize(lambda v: v**3, w)[1](w)))
    np.testing.assert_allclose(along(W), 9 * W**2, **CLOSE)
    with graphc.config.override(disable_jit=True):
        np.testing.assert_allclose(graphc.linearize(curve, W)[1](V), graphc.jacobian(curve)(W) @ V, **CLOSE)


# --- vmap -------------------------------------------------------------------------------------------------------------


def test_vmap_is_a_loop_and_a_stack():
    batch = RNG.normal(size=(4, 3))
    for f in (loss, curve, graphc.grad(loss), graphc.hessian(loss), np.argmax, lambda w: w[::-1]):
        np.testing.assert_allclose(graphc.vmap(f)(batch), np.stack([f(w) for w in batch]), **CLOSE)


def test_axes_as_in_jax():
    def f(x, p, k=None):
        return {"y": x @ p[0], "s": np.sum(p[1]), "c": 2.0}

    x, a, b = RNG.normal(size=(3, 4, 2)), RNG.normal(size=(2, 5, 3)), RNG.normal(size=3)
    mapped = graphc.vmap(f, in_axes=(0, (-1, None)), out_axes={"y": 1, "s": None, "c": 0})
    found = mapped(x, (a, b))
    np.testing.assert_allclose(found["y"], np.stack([x[k] @ a[:, :, k] for k in range(3)], axis=1), **CLOSE)
    np.testing.assert_allclose(found["s"], b.sum())
    np.testing.assert_allclose(found["c"], [2.0, 2.0, 2.0])
    last = graphc.vmap(lambda w: np.outer(w, w), out_axes=-1)(x[:, 0])
    np.testing.assert_allclose(last, np.stack([np.outer(w, w) for w in x[:, 0]], axis=-1))
    by_name = graphc.vmap(lambda w, k: w * k)(b, k=2 * b)
    np.testing.assert_allclose(by_name, 2 * b * b)


def test_what_does_not_vary_is_shared():
    def f(w):
        return np.exp(X) @ w

    batch = RNG.normal(size=(4, 3))
    g = graphc.vmap(f)
    np.testing.assert_allclose(g(batch), batch @ np.exp(X).T, **CLOSE)
    nodes = [node for node in g.graph().nodes if node.op.name in ("matmul", "exp")]
    assert [v.rank for node in nodes for v in node.inputs] == [2, 2, 2]


def test_vmap_composes():
    batch, other = RNG.normal(size=(4, 3)), RNG.normal(size=(2, 3))
    total = graphc.grad(lambda ws: np.sum(graphc.vmap(loss)(ws)))(batch)
    np.testing.assert_allclose(total, graphc.vmap(graphc.grad(loss))(batch), **CLOSE)
    pairs = graphc.vmap(lambda w: graphc.vmap(lambda v: np.dot(w, v) ** 2)(other))(batch)
    np.testing.assert_allclose(pairs, (batch @ other.T) ** 2, **CLOSE)
    value, tangent = graphc.jvp(graphc.vmap(loss), (batch,), (np.ones((4, 3)),))
    np.testing.assert_allclose(tangent, graphc.vmap(graphc.grad(loss))(batch).sum(1), **CLOSE)
    out, pullback = graphc.vjp(graphc.vmap(loss), batch)
    np.testing.assert_allclose(pullback(np.ones(4))[0], total, **CLOSE)
    np.testing.assert_allclose(value, out)
    moved = graphc.vmap(lambda w, v: graphc.jvp(loss, (w,), (v,))[1])(batch, batch)
    np.testing.assert_allclose(moved, np.sum(total * batch, axis=1), **CLOSE)
    rows = graphc.vmap(lambda g: graphc.vjp(curve, W)[1](g)[0])(np.eye(7))
    np.testing.assert_allclose(rows, graphc.jacobian(curve)(W), **CLOSE)
    hessians = graphc.jacobian(graphc.vmap(graphc.grad(loss)))(batch)
    np.testing.assert_allclose(np.einsum("bibj->bij", hessians), graphc.vmap(graphc.hessian(loss))(batch), **CLOSE)
    np.testing.assert_allclose(graphc.jit(lambda ws: graphc.vmap(loss)(ws) + 1)(batch), out + 1)


def test_methods_and_decorators():
    class Model:
        shift = 2.0

        @graphc.vmap
        def moved(self, w):
            return np.sum(w) + self.shift

    np.testing.assert_allclose(Model().moved(X), X.sum(1) + 2)

    @graphc.vmap(in_axes=(0, None))
    def scaled(w, s):
        return w * s

    np.testing.assert_allclose(scaled(X, 3.0), 3 * X)


def test_sizes_compile_once():
    g = graphc.vmap(graphc.grad(loss))
    for size in (2, 7, 30):
        g(RNG.normal(size=(size, 3)))
    assert g.cache_info() == {"calls_traced": 1, "programs": 1}
    assert g(RNG.normal(size=(1, 3))).shape == (1, 3)


# --- errors, and without a compiler -----------------------------------------------------------------------------------

WRONG = [
    (lambda: graphc.vmap(np.dot)(X, np.ones((4, 3))), ShapeError, "has 5, .* has 4"),
    (lambda: graphc.vmap(np.sin, in_axes=2)(X), ShapeError, "axis 2 of argument"),
    (lambda: graphc.vmap(np.sin, in_axes=None)(X), ShapeError, "one axis at least"),
    (lambda: graphc.vmap(np.multiply)(X, 2.0), ShapeError, "its axis is None"),
    (lambda: graphc.vmap(lambda x, how: x)(X, "so"), TraceTypeError, "in_axes=None"),
    (lambda: graphc.vmap(np.multiply, in_axes=(0,))(X, X), ShapeError, "structure"),
    (lambda: graphc.vmap(np.sin, in_axes=1.0)(X), TraceTypeError, "ints and None"),
    (lambda: graphc.vmap(np.sin, out_axes=None)(X), ShapeError, "differs from element to element"),
    (lambda: graphc.vmap(np.sin, out_axes=3)(X), ShapeError, "axis 3"),
    (lambda: graphc.vmap(lambda w: w[w > 0])(X), UnsupportedError, "np.where"),
    (lambda: graphc.jacobian(np.argmax)(X), GradientError, "floating"),
    (lambda: graphc.jacobian(np.sin)(np.arange(3)), TraceTypeError, "differentiated"),
    (lambda: graphc.jacobian(np.sin, mode="both"), ValueError, "mode='both'"),
    (lambda: graphc.jacobian(np.sin, argnums=1)(X), GradientError, "argnums=1"),
]


@pytest.mark.parametrize("k", range(len(WRONG)))
def test_errors(k):
    call, error, message = WRONG[k]
    with pytest.raises(error, match=message):
        call()


def test_interpreted():
    with graphc.config.override(disable_jit=True):
        np.testing.assert_allclose(graphc.hessian(loss)(W), columns(graphc.grad(loss), W), rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(graphc.vmap(loss)(X), [loss(w) for w in X])


# --- frozen arguments -------------------------------------------------------------------------------------------------


def scaled(p):
    return np.sum(p["a"] ** 2 * p["b"])


PARTS, DIRECTION = {"a": np.array([1.0, 3.0]), "b": np.array([2.0, 5.0])}, {"a": np.array([1.0, 1.0]), "b": np.ones(2)}
HALF = {"a": PARTS["a"], "b": graphc.frozen(PARTS["b"])}


def plain(tree):
    """Lists in place of arrays, to compare structures and None."""
    if isinstance(tree, dict):
        return {key: plain(part) for key, part in tree.items()}
    return tree if tree is None else np.asarray(tree).tolist()


def test_what_is_frozen_has_no_derivative_in_any_transform():
    with override(disable_jit=True):
        assert plain(graphc.jacobian(scaled)(HALF)) == {"a": [4.0, 30.0], "b": None}
        rows = {"a": {"a": [[4.0, 0.0], [0.0, 10.0]], "b": None}, "b": None}
        assert plain(graphc.hessian(scaled)(HALF)) == rows
        assert graphc.hessian(scaled)(graphc.frozen(PARTS)) == {"a": None, "b": None}
        assert plain(graphc.hvp(scaled)(HALF, DIRECTION)) == {"a": [4.0, 10.0], "b": None}
        assert plain(graphc.hvp(scaled)(HALF, {"a": np.ones(2), "b": None})) == {"a": [4.0, 10.0], "b": None}
        assert graphc.jvp(scaled, (HALF,), (DIRECTION,))[1] == 34.0
        assert graphc.linearize(scaled, HALF)[1](DIRECTION) == 34.0
        assert plain(graphc.vmap(graphc.grad(scaled))(HALF)) == {"a": [4.0, 30.0], "b": None}
        assert plain(graphc.jit(graphc.grad(scaled))(HALF)) == {"a": [4.0, 30.0], "b": None}


def test_what_is_frozen_inside_has_no_gradient_either():
    gradient = graphc.grad(lambda p, s: np.sum(p["a"] * p["b"] ** 2) * s, argnums=(0, 1))

    def call(a, b):
        return gradient({"a": a, "b": graphc.frozen(b)}, graphc.frozen(2.0))

    with graphc.config.override(disable_jit=True):
        found, by_s = graphc.vmap(call)(X, 2.0 * X)
        assert (found["b"], by_s) == (None, None)
        np.testing.assert_allclose(found["a"], 8.0 * X**2)
        assert (graphc.vjp(call, X, X)[0][0]["b"], graphc.vjp(call, X, X)[0][1]) == (None, None)
        by_b = graphc.grad(lambda b: np.sum(call(np.ones(3), b)[0]["a"] + graphc.frozen(b) * b))(np.ones(3))
        np.testing.assert_allclose(by_b, 1.0)  # no derivative flows through what is frozen


def test_a_plain_function_sees_what_is_frozen_bare():
    with override(disable_jit=True):
        assert graphc.jit(scaled)(HALF) == scaled(PARTS)
        np.testing.assert_array_equal(graphc.vmap(scaled)(HALF), [2.0, 45.0])

        @dataclass
        class Line:
            slope: Any
            offset: float

        line = Line(graphc.frozen(X), 1.0)
        np.testing.assert_array_equal(graphc.jit(lambda line: line.slope + line.offset)(line), X + 1.0)
