"""Loops of unknown length inside others, and masks in loops: value, gradient, both modes, second order."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.config import override
from tests.control.test_extents import check

P = np.array([0.5, 1.2, 2.0])
X = np.array([0.8, -1.3, 0.4, 1.7, -0.2, 0.6])
ROWS = np.random.default_rng(2).normal(size=(5, 5))


def for_in_while(x):
    y = x[0]
    while y < 30.0:
        for i in range(x.shape[0]):
            y = y * 1.1 + x[i] * 0.5
    return y * y


def while_in_while(x):
    total, start = x[0], x[1]
    while total < 40.0:
        u = start
        while u < 5.0:
            u = u * 1.3 + x[2] * 0.1
        total = total + u * x[0]
        start = start * 0.9
    return total + start


def newton_in_for(x):
    total = 0.0
    for i in range(6):
        y = 1.0
        while abs(y * y - x[i] ** 2 - 1) > 1e-10:
            y = 0.5 * (y + (x[i] ** 2 + 1) / y)
        total += y * (i + 1)
    return total


def while_between(x):
    total = 0.0
    for i in range(5):
        t = x[0] * (i + 1)
        while t < 9.0:
            for j in range(i, 6):
                t = t + 0.1 * x[j % 3] * np.cos(total)
            t = t * 1.2 + 0.5
        total = total + np.sin(t)
    return total


def slices_in_while(x):
    k, total, u = 1, 0.0, x.copy()
    while k < 6:
        u[:k] *= np.cos(u[k])
        total += np.sum(u[k:] ** 2)
        k += 2
    return total + np.sum(u)


def scaled_where_large(x):
    u = x.copy()
    for i in range(5):
        u[u > 0.2] *= 0.7
        u[u < -0.5] += 0.4 * u[i]
        u[np.abs(u) < 0.1] = x[i]
    return np.sum(u**2)


def assigned_along_mask(x):
    u = x.copy()
    for i in range(6):
        larger = u > x[i]
        u[larger] = np.sin(u[larger]) * x[i]
    return np.sum(u)


def escape(c):
    z, steps = np.zeros(6), np.zeros(6)
    for _ in range(7):
        inside = np.abs(z) < 2
        z[inside] = z[inside] ** 2 + c[inside]
        steps[inside] += 1
    return np.sum(z * z) + np.sum(steps)


def read_along_mask(x):
    total = 0.0
    for i in range(5):
        chosen = x[x <= x[i]]
        total += np.mean(chosen**2) + np.max(chosen) * x[i]
    return total


def roots_of_positive(x):
    total = 0.0
    for i in range(6):
        over = x - x[i]
        total += np.sum(np.sqrt(over[over > 0]))
    return total


def rows_by_mask(a):
    u = a.copy()
    for i in range(5):
        positive = u[:, i] > 0
        u[positive, i] = u[positive, i] * 0.5 + u[positive, 0]
        u[positive] *= 0.9
    return np.sum(u**2)


PROGRAMS = {
    f.__name__: (f, argument)
    for f, argument in (
        (for_in_while, P), (while_in_while, P), (newton_in_for, X), (while_between, X), (slices_in_while, X),
        (scaled_where_large, X), (assigned_along_mask, X), (escape, X), (read_along_mask, X), (roots_of_positive, X),
        (rows_by_mask, ROWS),
    )
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_value_and_gradient(name):
    f, x = PROGRAMS[name]
    with override(disable_jit=True):
        (gradient,) = check(f, [x])
        _, pushed = graphc.jvp(f, (x,), (np.cos(x),))
        _, pull = graphc.vjp(f, x)
        np.testing.assert_allclose(pushed, np.sum(gradient * np.cos(x)), rtol=1e-9)
        np.testing.assert_allclose(pull(1.0)[0], gradient, rtol=1e-12)


@pytest.mark.parametrize("name", ["while_in_while", "rows_by_mask"])
def test_compiled(name):
    check(PROGRAMS[name][0], [PROGRAMS[name][1]])


@pytest.mark.parametrize("name", ["while_in_while", "escape", "read_along_mask"])
def test_second_order(name):
    f, x = PROGRAMS[name]
    direction = np.cos(np.arange(x.size))
    with override(disable_jit=True):
        along = graphc.grad(lambda y: np.sum(graphc.grad(f)(y) * direction))(x)
        sides = [graphc.grad(f)(x + s * 1e-5 * direction) for s in (1, -1)]
    np.testing.assert_allclose(along, (sides[0] - sides[1]) / 2e-5, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["scaled_where_large", "assigned_along_mask", "escape"])
def test_elementwise_writes_along_a_mask_have_batches(name):
    f, x = PROGRAMS[name]
    batch = np.stack([x, -x, x[::-1]])
    with override(disable_jit=True):
        np.testing.assert_allclose(graphc.vmap(f)(batch), [f(row) for row in batch], rtol=1e-12)


def test_what_a_long_loop_saves_grows_until_there_is_no_memory():
    def sines(x, count):
        for _ in range(count):
            x = x + 1e-6 * x * x
        return x

    f = graphc.value_and_grad(sines)
    value, gradient = f(1.0, np.array(100_000))
    np.testing.assert_allclose([value, gradient], [1 / (1 - 0.1), 1 / (1 - 0.1) ** 2], rtol=1e-6)
    with pytest.raises(MemoryError):
        f(1.0, np.array(10**15))
