"""Loops whose first iteration differs from the others: it is taken out of the loop."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.config import override
from graphc.errors import TraceTypeError

X = np.array([0.43, 1.12, 0.71, 0.93, 1.31, 0.62])


def largest(x):
    best = None
    for i in range(6):
        if best is None or x[i] > best:
            best = x[i]
    return best


def with_the_one_before(x):
    s = 0.0
    for i in range(6):
        if i > 0:
            s = s + x[i] * y  # noqa: F821
        y = x[i]
    return s * y


def becomes_float(x):
    s = np.float32(0)
    for i in range(6):
        s = s + x[i]
    return s


def roughness(x):
    prev = None
    s = 0.0
    for v in x:
        if prev is not None:
            s += (v - prev) ** 2
        prev = v
    return s


def index_zero(x):
    s = 0
    for i, v in enumerate(x):
        s = v if i == 0 else s * v
        if s > 0.6:
            break
    return s


def nested_none(x):
    h = None
    for v in x:
        for w in x[:3]:
            h = v * w if h is None else 0.5 * h + v * w
    return h


def row_from_none(x):
    out = np.zeros(6)
    row = None
    for i in range(6):
        if row is None:
            row = x * 2
        row = row * 0.9
        out[i] = row[i]
    return out.sum() * row[0]


def largest_and_where(x):
    best, k = None, None
    for i in range(x.shape[0]):
        v = x[i] ** 2
        if best is None or v > best:
            best, k = v, i
    return best * (k + 1)


COUNTS = np.array([3, 1, 4, 1, 5, 9])


def whole_from_the_second_on(x):
    weight, total = 0.5, 0.0
    for k, v in enumerate(x):
        total += weight * v
        weight = COUNTS[k]
    return total * weight


def python_numbers_of_two_kinds(x):
    weight, total = 0.5, 0.0
    for v in x:
        total += weight * v
        weight = 2 if v > 0.8 else 0.25
    return total * weight


@pytest.mark.parametrize(
    "program",
    [
        whole_from_the_second_on,
        python_numbers_of_two_kinds,
        largest,
        with_the_one_before,
        becomes_float,
        roughness,
        index_zero,
        nested_none,
        row_from_none,
        largest_and_where,
    ],
)
def test_value_and_gradient(program):
    with override(disable_jit=True):
        value, gradient = graphc.value_and_grad(program)(X)
    np.testing.assert_allclose(value, program(X), rtol=1e-13)
    slopes = [(program(X + step) - program(X - step)) / 2e-6 for step in 1e-6 * np.eye(6)]
    np.testing.assert_allclose(gradient, slopes, rtol=1e-6, atol=1e-8)


def test_the_rest_is_a_loop():
    f = graphc.jit(largest)
    assert str(f.graph("traced", X)).count(" = for ") == 1


def test_a_fraction_is_no_integer_of_a_later_iteration():
    def ends_by_value(x):
        weight, total, k = 0.5, 0.0, 0
        while x[k] > 0.5:
            total += weight * x[k]
            weight = 2
            k += 1
        return total

    with pytest.raises(TraceTypeError, match="'weight' changes its dtype in the loop"):
        graphc.jit(ends_by_value)(X + 1)

    def chosen(x):
        scale = COUNTS[0] if x[0] > 10 else 0.1
        return np.sum(x) * scale

    with override(disable_jit=True):
        np.testing.assert_allclose(graphc.grad(chosen)(X), np.full(6, 0.1))
        np.testing.assert_allclose(graphc.grad(chosen)(X + 10), np.full(6, 3.0))


def test_what_changes_in_every_iteration_is_an_error():
    def shrinks(x):
        y = x
        for _ in range(100):
            y = y[1:]
        return y.sum()

    with pytest.raises(TraceTypeError, match=r"'y' changes its shape in the loop: it begins as .* \(6,\) and is"):
        graphc.jit(shrinks)(X)


def test_a_short_loop_that_changes_a_shape_is_written_out():
    def reflected(x):
        """Durbin and Levinson's recursion: the coefficients grow by one."""
        phi = np.zeros(0)
        for k in range(len(x)):
            phi = np.append(phi - x[k] * phi[::-1], x[k])
        return np.sum(phi**2)

    f = graphc.value_and_grad(reflected)
    with override(disable_jit=True):
        for x in (X, X[1:]):
            value, gradient = f(x)
            np.testing.assert_allclose(value, reflected(x), rtol=1e-13)
            ends = [[reflected(x + sign * step) for step in 1e-6 * np.eye(len(x))] for sign in (1, -1)]
            np.testing.assert_allclose(gradient, np.subtract(*ends) / 2e-6, rtol=1e-6, atol=1e-8)
        assert "a loop is written out, iteration by iteration: 'phi' changes its shape" in str(f.explain())
