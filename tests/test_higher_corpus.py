"""A corpus of functions, and loops and branches, by every transform: against each other, loops, and differences."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from tests.higher_support import CLOSE, POINT, RNG, V, X, columns
from tests.nightly import part

# --- loops and branches ---------------------------------------------------------------------------------------------


def writes(w):
    y = np.zeros(4)
    y[0] = w[0]
    y[1:] += w * 2
    y[1:3] *= y[0]
    return y


def writes_where_the_largest_is(w):
    y = w.copy()
    i = np.argmax(w)
    y[i] = y[i] ** 2
    y[i - 1] += 1.0
    return y


def decays(w):
    s = 0.0
    for i in range(len(w)):
        s = s * 0.5 + np.sin(w[i])
    return s * w


def decides(w):
    if w[0] > 0:
        return np.sin(w)
    return w * w[1]


def shrinks(w):
    while np.sum(w * w) > 0.5:
        w = w * 0.7
    return w


def newton(w):
    """What one iteration leaves for the condition, and for the result, and no other iteration reads."""
    x, step, a = w, w, w * w + 0.3
    while np.sum(step * step) > 1e-20:
        step = (x * x - a) / (2 * x)
        x = x - step
    return x + np.cos(w) * step


LOOPS = {
    "newton": newton,
    "writes": writes,
    "writes at an index": writes_where_the_largest_is,
    "a Python loop": decays,
    "a Python branch": decides,
    "a Python while": shrinks,
    "cond": lambda w: graphc.cond(w[0] > 0, np.sin, np.square, w),
    "fori": lambda w: graphc.fori_loop(0, 4, lambda i, s: np.sin(s) * w + i * s, w),
    "scan": lambda w: graphc.scan(lambda s, e: (np.tanh(s + e), s * e), 0.5, w)[1],
    "while": lambda w: graphc.while_loop(lambda s: np.sum(s * s) > 0.5, lambda s: s * 0.7, w),
    "branch in a loop": lambda w: graphc.fori_loop(
        0, 3, lambda i, s: graphc.cond(s[0] > 0.3, lambda s: s * w, np.cos, s), w
    ),
    "batch in a loop": lambda w: graphc.fori_loop(
        0, 3, lambda i, s: graphc.vmap(lambda e: np.sin(e) * np.sum(w))(s), w
    ),
}


def compiled(names, name, first):
    """Compiles a part of the corpus; the rest is interpreted, which is quicker, and the same derivatives."""
    return graphc.config.override(disable_jit=name not in part(names, first, 3))


@pytest.mark.parametrize("name", LOOPS)
def test_batches_of_loops(name):
    f = graphc.jit(LOOPS[name])
    forward, reverse = graphc.jacobian(f, mode="fwd"), graphc.jacobian(f, mode="rev")
    each = graphc.grad(lambda w: np.sum(f(w) ** 2))
    with compiled(LOOPS, name, 0):
        values, by_w = graphc.vmap(lambda w: (f(w), forward(w)))(X)
        slopes = graphc.vmap(each)(X)
        second = graphc.hessian(lambda w: np.sum(f(w) ** 2))(POINT)
    with graphc.config.override(disable_jit=True):
        np.testing.assert_allclose(values, np.stack([f(w) for w in X]), **CLOSE)
        np.testing.assert_allclose(by_w, np.stack([forward(w) for w in X]), **CLOSE)
        np.testing.assert_allclose(by_w, np.stack([columns(f, w) for w in X]), rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(graphc.vmap(reverse)(X), by_w, **CLOSE)
        np.testing.assert_allclose(slopes, np.stack([each(w) for w in X]), **CLOSE)
        np.testing.assert_allclose(graphc.grad(lambda ws: np.sum(graphc.vmap(f)(ws) ** 2))(X), slopes, **CLOSE)
        np.testing.assert_allclose(second, columns(each, POINT), rtol=1e-6, atol=1e-6)


# --- a corpus, by every way ------------------------------------------------------------------------------------------


def softmax(w):
    e = np.exp(w - np.max(w))
    return e / np.sum(e)


SQUARE = RNG.normal(size=(3, 3))
CORPUS = {
    "elementwise": lambda w: np.sin(w) * np.exp(-w) + w**3 / (1 + w**2),
    "softmax": softmax,
    "layers": lambda w: np.tanh(SQUARE @ np.tanh(SQUARE @ w)),
    "quadratic": lambda w: np.stack([w @ SQUARE @ w, np.sum(w)]),
    "outer": lambda w: np.outer(w, np.cos(w)),
    "norms": lambda w: np.stack([np.linalg.norm(w), np.sqrt(np.sum(w**2) + 1), np.linalg.norm(w - 1)]),
    "running": lambda w: np.cumsum(w**2) * np.cumprod(1 + w**2),
    "parts": lambda w: np.concatenate([w[1:] * w[:-1], w[::-2], np.roll(w, 1), np.pad(w, 1)]),
    "extremes": lambda w: np.stack([np.max(w) * w[0], np.min(w) * w[1], np.prod(w)]),
    "choices": lambda w: np.where(w > 0, np.sqrt(np.abs(w)), w**2) + np.maximum(w, 0.1) + np.clip(w, -0.5, 0.5),
    "taken": lambda w: w[np.array([2, 0, 0])] * w + np.take(w, [1, 1]).sum(),
    "variance": lambda w: np.stack([np.var(w), np.mean(w) ** 2, np.sum(np.log1p(np.exp(w)))]),
    "batched product": lambda w: (np.ones((2, 4, 3)) * w) @ SQUARE,
    "einsum": lambda w: np.einsum("i,jk,k->ij", w, SQUARE, w),
    "pairs": lambda w: np.sum((w[:, None] - w[None, :]) ** 2 * SQUARE, axis=1),
}


@pytest.mark.parametrize("name", CORPUS)
def test_jacobians_agree(name):
    f = CORPUS[name]
    with compiled(CORPUS, name, 0):
        forward, reverse = graphc.jacobian(f, mode="fwd")(POINT), graphc.jacobian(f, mode="rev")(POINT)
    np.testing.assert_allclose(forward, columns(f, POINT), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(reverse, forward, **CLOSE)


@pytest.mark.parametrize("name", CORPUS)
def test_hessians_agree(name):
    """Forward over reverse, reverse over reverse, reverse over forward, products, and differences of the gradient."""
    f = CORPUS[name]

    def total(w):
        return np.sum(np.sin(f(w)))

    with compiled(CORPUS, name, 1):
        found = graphc.hessian(total)(POINT)
    with graphc.config.override(disable_jit=True):
        expected = columns(graphc.grad(total), POINT)
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(graphc.jacobian(graphc.grad(total), mode="rev")(POINT), found, **CLOSE)
        over = graphc.jacobian(lambda w: graphc.jvp(total, (w,), (V,))[1], mode="rev")
        np.testing.assert_allclose(over(POINT), found @ V, **CLOSE)
        np.testing.assert_allclose(graphc.hvp(total)(POINT, V), found @ V, **CLOSE)


@pytest.mark.parametrize("name", CORPUS)
def test_batches_agree(name):
    f = CORPUS[name]
    batch = POINT + 0.1 * RNG.normal(size=(4, 3))
    each = graphc.jacobian(f)
    with compiled(CORPUS, name, 2):
        found = graphc.vmap(lambda w: (f(w), each(w)))(batch)
    np.testing.assert_allclose(found[0], np.stack([f(w) for w in batch]), **CLOSE)
    with graphc.config.override(disable_jit=True):
        np.testing.assert_allclose(found[1], np.stack([each(w) for w in batch]), **CLOSE)
        by_all = graphc.jacobian(lambda ws: np.sum(graphc.vmap(f)(ws) ** 2))(batch)
        one = graphc.grad(lambda w: np.sum(f(w) ** 2))
        np.testing.assert_allclose(by_all, np.stack([one(w) for w in batch]), **CLOSE)
