"""Odd uses of transforms together: each against differences, a loop, or another way to the same numbers."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.config import override
from tests.higher_support import CLOSE

RNG = np.random.default_rng(7)
ROWS = RNG.normal(size=(5, 3))


@pytest.fixture(autouse=True)
def interpreted():
    with override(disable_jit=True):
        yield


def wave(x):
    return np.sum(np.sin(x) * x**2)


def differences(f, x, step=1e-6):
    units = step * np.eye(x.size).reshape(x.size, *x.shape)
    return np.stack([(f(x + unit) - f(x - unit)) / (2.0 * step) for unit in units], -1)


@graphc.custom_vjp
def square(x):
    return x * x


square.defvjp(lambda x: (square(x), x), lambda x, g: (3.0 * g * x,))  # not 2, to tell it from the true rule


def test_a_gradient_of_a_batch_of_hessians():
    def total(rows):
        return np.sum(graphc.vmap(graphc.hessian(wave))(rows) ** 2)

    found = graphc.grad(total)(ROWS)
    np.testing.assert_allclose(found.ravel(), differences(total, ROWS), rtol=1e-4, atol=1e-6)


def test_batches_of_batches_of_gradients():
    gradient = graphc.grad(lambda x, y: np.sum(np.tanh(np.outer(x, y))))
    others = RNG.normal(size=(4, 2))
    found = graphc.vmap(graphc.vmap(gradient, in_axes=(None, 0)), in_axes=(0, None))(ROWS, others)
    np.testing.assert_allclose(found, np.stack([[gradient(x, y) for y in others] for x in ROWS]), **CLOSE)


def test_a_rule_inside_a_loop_inside_a_batch():
    def f(x):
        for _ in range(3):
            x = square(x) * 0.5 + x
        return np.sum(x)

    def by_hand(x):
        path = [x]
        for _ in range(3):
            path.append(path[-1] ** 2 * 0.5 + path[-1])
        return np.prod([1.5 * x + 1.0 for x in path[:3]], axis=0)

    expected = np.stack([by_hand(0.3 * x) for x in ROWS])
    np.testing.assert_allclose(graphc.vmap(graphc.grad(f))(0.3 * ROWS), expected, **CLOSE)
    np.testing.assert_allclose(graphc.grad(lambda xs: np.sum(graphc.vmap(f)(xs)))(0.3 * ROWS), expected, **CLOSE)


def test_a_batch_of_loops_of_different_lengths_from_both_sides():
    def shrinks(x):
        while np.sum(x * x) > 0.1:
            x = x * 0.5
        return np.sum(x)

    rows = ROWS * np.arange(5.0)[:, None]
    each = np.stack([graphc.grad(shrinks)(x) for x in rows])
    np.testing.assert_allclose(graphc.vmap(graphc.grad(shrinks))(rows), each, **CLOSE)
    np.testing.assert_allclose(graphc.grad(lambda xs: np.sum(graphc.vmap(shrinks)(xs)))(rows), each, **CLOSE)


def test_the_side_of_a_branch_that_is_not_taken_does_no_harm():
    def f(x):
        return np.sqrt(x[0]) * x[1] if x[0] > 0 else x[1] ** 2

    rows = np.array([[1.0, 2.0], [-1.0, 3.0], [0.0, 1.0], [4.0, 5.0]])
    expected = np.stack([graphc.grad(f)(x) for x in rows])
    np.testing.assert_allclose(graphc.vmap(graphc.grad(f))(rows), expected, **CLOSE)


def test_solutions_in_a_batch():
    def newton(x, a):
        for _ in range(30):
            x = x - (x**3 - a) / (3.0 * x**2)
        return x

    root = graphc.implicit_root(lambda x, a: x**3 - a, newton)
    a = np.array([1.0, 8.0, 27.0])
    found = graphc.vmap(graphc.grad(lambda a: root(1.0, a)))(a)
    np.testing.assert_allclose(found, a ** (-2 / 3) / 3.0, rtol=1e-12)


def test_sparse_and_linear_forms_of_batches():
    def f(x):
        return graphc.vmap(lambda row: np.sum(row**2) * row[0])(x.reshape(5, 3))

    x = ROWS.ravel()
    sparse = graphc.sparse_jacobian(f)
    np.testing.assert_allclose(sparse(x).toarray(), graphc.jacobian(f)(x), **CLOSE)
    assert sparse.pattern(x).sweeps == 1  # a row has columns of its own
    along = np.ones_like(x)
    np.testing.assert_allclose(graphc.linearize(f, x)[1](along), sparse(x) @ along, **CLOSE)


def test_rows_that_pick_their_own_elements():
    gradient = graphc.grad(lambda x, i: np.sum(x[i] ** 2 * x[0]))
    picked = RNG.integers(0, 3, size=(5, 4))
    expected = np.stack([gradient(x, i) for x, i in zip(ROWS, picked, strict=True)])
    np.testing.assert_allclose(graphc.vmap(gradient)(ROWS, picked), expected, **CLOSE)
