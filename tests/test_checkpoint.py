"""``graphc.checkpoint``, and ``saved()``: what is saved, in bytes, and that derivatives are the same bit for bit."""

from __future__ import annotations

import math

import numpy as np
import pytest

import graphc
from graphc.config import override
from graphc.errors import ConfigError, UnsupportedError

RNG = np.random.default_rng(4)
X = RNG.normal(size=4)
W = RNG.normal(size=(4, 4)) * 0.5


def recurrent(x, w, n):
    u, total = x.copy(), 0.0
    for i in range(n):
        u = np.tanh(w @ u + 0.1 * i)
        total = total + np.sum(u * u) * np.sin(total)
    return total + np.sum(u)


def in_place(x, w, n):
    u, total = x.copy(), 0.0
    for i in range(n):
        u[i % 4] = np.sin(u[(i + 1) % 4] * w[0, 0]) + u[0] * 0.1
        total += u[i % 4] * w[i % 4, 1]
    return total + np.sum(u)


def until_small(x, w, n):
    u, steps = x.copy(), 0.0
    while np.sum(u * u) > 1e-4:
        u = 0.5 * np.sin(w @ u / 4)
        steps += 1
    return np.sum(u) * steps


def backwards(x, w, n):
    def step(state, row):
        state = np.tanh(w @ state + row)
        return state, np.sum(state)

    last, sums = graphc.scan(step, x, np.ones((n, 4)) * x[0], reverse=True)
    return np.sum(last) + np.sum(sums**2)


def flat(results):
    value, gradients = results
    return np.concatenate([np.ravel(value), *map(np.ravel, gradients)])


@pytest.mark.parametrize("f", [recurrent, in_place, until_small, backwards])
@pytest.mark.parametrize("n", [1, 7, 10])
def test_the_same_bit_for_bit(f, n):
    with override(disable_jit=True):
        expected = flat(graphc.value_and_grad(f, argnums=(0, 1))(X, W, n))
        for how in ({}, {"every": 5}, {"every": 1}, {"every": 50}):
            found = flat(graphc.value_and_grad(graphc.checkpoint(f, **how), argnums=(0, 1))(X, W, n))
            np.testing.assert_array_equal(found, expected)


def test_compiled():
    expected = flat(graphc.value_and_grad(recurrent, argnums=(0, 1))(X, W, 23))
    found = flat(graphc.value_and_grad(graphc.checkpoint(recurrent, every=5), argnums=(0, 1))(X, W, 23))
    np.testing.assert_array_equal(found, expected)


def test_every_transform():
    def f(x, run=recurrent):
        return run(x, W, 13)

    def g(x):
        return f(x, graphc.checkpoint(recurrent, every=4))

    batch, direction = np.stack([X, X * 1.1]), np.arange(4.0)

    def twice(h):
        return graphc.grad(lambda x: np.sum(graphc.grad(h)(x) * direction))(X)

    with override(disable_jit=True):
        np.testing.assert_allclose(graphc.jvp(g, (X,), (direction,)), graphc.jvp(f, (X,), (direction,)), rtol=1e-13)
        np.testing.assert_allclose(twice(g), twice(f), rtol=1e-12)
        np.testing.assert_allclose(graphc.vmap(graphc.grad(g))(batch), graphc.vmap(graphc.grad(f))(batch), rtol=1e-13)
        _, pull = graphc.vjp(g, X)
        np.testing.assert_allclose(pull(1.0)[0], graphc.grad(f)(X), rtol=1e-13)


# --- bytes ------------------------------------------------------------------------------------------------------------


def test_segments_bound_what_is_saved():
    n, every, number = 1000, 40, 8
    with override(disable_jit=True):
        plain = graphc.grad(recurrent).saved(X, W, n)
        segments = graphc.grad(graphc.checkpoint(recurrent, every=every)).saved(X, W, n)
    state, entry = 5 * number, plain.total / n
    assert plain.total >= n * state
    assert segments.total == n // every * state
    assert segments.in_segments <= every * entry
    assert "test_checkpoint.py" in str(plain)


def test_a_limit_is_kept_or_refused():
    limited = graphc.checkpoint(recurrent, memory_limit=8000)
    with override(disable_jit=True):
        found = graphc.grad(limited).saved(X, W, 1000)
        assert found.total + found.in_segments <= 8000
        np.testing.assert_array_equal(graphc.grad(limited)(X, W, 300), graphc.grad(recurrent)(X, W, 300))
        assert graphc.grad(limited).saved(X, W, 20).in_segments == 0  # everything fits
        with pytest.raises(UnsupportedError, match="takes at least"):
            graphc.grad(graphc.checkpoint(recurrent, memory_limit=1000))(X, W, 1000)
        with pytest.raises(UnsupportedError, match="give every="):
            graphc.grad(graphc.checkpoint(until_small, memory_limit=10**6))(X, W, 10)


def test_a_function_saves_nothing_of_its_own():
    @graphc.checkpoint
    def layer(x, w):
        y = np.tanh(w @ x)
        return np.sin(y) * np.exp(-y * y)

    def network(x, w):
        for _ in range(3):
            x = layer(x, w)
        return np.sum(x)

    x, w = RNG.normal(size=50), RNG.normal(size=(50, 50)) * 0.1
    with override(disable_jit=True):
        saved = graphc.grad(network).saved(x, w)
        gradient = graphc.grad(network)(x, w)
        plain = graphc.grad(lambda x, w: np.sum(_layers(x, w)))(x, w)
    assert saved.total == 2 * 50 * 8  # what the second and third layer begin with
    np.testing.assert_allclose(gradient, plain, rtol=1e-13)


def _layers(x, w):
    for _ in range(3):
        y = np.tanh(w @ x)
        x = np.sin(y) * np.exp(-y * y)
    return x


def test_methods():
    class Walk:
        rate = 0.3

        @graphc.checkpoint(every=3)
        def run(self, x):
            for _ in range(10):
                x = x + self.rate * np.sin(x)
            return x

    walk = Walk()
    with override(disable_jit=True):
        value, gradient = graphc.value_and_grad(walk.run)(0.5)
    assert math.isclose(value, walk.run(0.5), rel_tol=1e-14)
    assert math.isclose(gradient, (walk.run(0.5 + 1e-6) - walk.run(0.5 - 1e-6)) / 2e-6, rel_tol=1e-7)


def test_settings_are_checked():
    for how in ({"every": 0}, {"every": 2.0}, {"memory_limit": -1}, {"every": 2, "memory_limit": 10}):
        with pytest.raises(ConfigError):
            graphc.checkpoint(recurrent, **how)


# --- what loops save --------------------------------------------------------------------------------------------------


def heat(u, n):
    for _ in range(n):
        v = u.copy()
        v[1:-1] = u[1:-1] + 0.1 * (u[2:] - 2 * u[1:-1] + u[:-2])
        u = v
    return np.sum(u)


def jacobi(u, b, n):
    for _ in range(n):
        v = u.copy()
        v[1:-1, 1:-1] = 0.25 * (u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - b[1:-1, 1:-1])
        u = v
    return np.sum(u)


def gauss_seidel(u, b, n):
    u = u.copy()
    for _ in range(n):
        for i in range(1, u.shape[0] - 1):
            for j in range(1, u.shape[1] - 1):
                u[i, j] = 0.25 * (u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1] - b[i, j])
    return np.sum(u)


def weighted_sum(x, a):
    total = 0.0
    for i in range(x.shape[0]):
        total = a[i] * total + x[i]
    return total


def logistic(x, r, n):
    for _ in range(n):
        x = r * x * (1 - x)
    return x


SQUARE = RNG.normal(size=(20, 20))


@pytest.mark.parametrize(
    ("f", "arguments", "numbers", "total"),
    [
        (heat, (SQUARE[0], 30), 0, 0),
        (jacobi, (SQUARE, SQUARE, 10), (0, 1), 0),
        (gauss_seidel, (SQUARE[:6, :6], SQUARE[:6, :6], 5), (0, 1), 0),
        (weighted_sum, (SQUARE[0], SQUARE[1]), 0, 0),
        (weighted_sum, (SQUARE[0], SQUARE[1]), (0, 1), 20 * 8),
        (logistic, (0.3, 3.5, 100), (0, 1), 100 * 8),
    ],
)
def test_a_loop_saves_what_its_adjoint_reads_and_no_more(f, arguments, numbers, total):
    with override(disable_jit=True):
        assert graphc.grad(f, argnums=numbers).saved(*arguments).total == total


def test_saved_says_what_has_no_backward_part():
    with override(disable_jit=True), pytest.raises(ValueError, match="no backward part"):
        graphc.jit(heat).saved(X, 3)
