"""``while`` loops that Python's own numbers decide: one program for all sizes, whose code does not grow with them."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.config import override

X = np.array([0.4, 1.1, 0.7, 0.9, 1.3, 0.6])
LONGER = np.concatenate([X, X[::-1] + 0.05])


def upwards(x):
    n, k, s = len(x), 0, 0.0
    while k < n:
        s += x[k] ** 2 * k
        k += 1
    return s * k


def downwards(x):
    k, s = len(x) - 1, 0.0
    while k >= 0:
        s = s * 0.5 + x[k]
        k -= 1
    return s - k


def from_both_ends(x):
    low, high, s = 0, len(x) - 1, 0.0
    while low < high:
        s += x[low] * x[high] * high
        low += 1
        high -= 1
    return s


def triangle(x):
    i, s = 0, 0.0
    while i < len(x):
        j = i + 1
        while j < len(x):
            s += x[i] * x[j] * (j - i)
            j += 2
        i += 1
    return s


def substitution(x):
    a, y, i = np.outer(x, x) + 5.0, np.zeros(len(x)), 0
    while i < len(x):
        y[i] = (x[i] - a[i, :i] @ y[:i]) / a[i, i]
        i += 1
    return np.sum(y**2)


def blocks(x):
    k, width, s = 0, 2, 0.0
    while k <= len(x) - width:
        s += np.sum(x[k : k + width]) ** 2
        k += width
    return s


def doubling(x):
    k, s = 1, 0.0
    while k < len(x):
        s = s * 0.5 + x[k]
        k *= 2
    return s


def leaves(x):
    k = 0
    while k < len(x):
        if x[k] > 1.0:
            break
        k += 1
    else:
        k = 0
    return x[k] ** 2 * k


def returns(x):
    k, s = 0, 0.0
    while True:
        if k >= len(x):
            break
        if s > 2.0:
            return s * k
        s += x[k]
        k += 1
    return -s


def skips(x):
    x, k = x.copy(), 0
    while k < len(x):
        k += 1
        if x[k - 1] > 1.0:
            continue
        x[k - 1] *= 2.0
    return np.sum(x**2) * k


def skips_the_step(x):
    k, m, s = 0, 0, 0.0
    while k < len(x):
        k += 1
        if k % 3 == 1:
            continue
        m += 1
        s += x[k - 1] * m
    return s * m


def only_the_first(x):
    k, best = 0, None
    while k < len(x):
        best = x[k] if best is None else np.maximum(best, x[k])
        k += 1
    return best


def in_steps_of_time(x):
    t, y = 0.0, x[0]
    while t < 1.0:
        y += 0.01 * (x[1] - y)
        t += 0.01
    return y


def first_assigned_inside(x):
    k = 0
    while k < len(x):
        last = x[k] * 2.0
        k += 1
    return last * k


def by_attribute(x):
    class State:
        pass

    state = State()
    state.k, state.sum = 0, 0.0
    while state.k < len(x):
        state.sum += x[state.k] ** 2
        state.k += 1
    return state.sum


ONE_PROGRAM = [
    upwards, downwards, from_both_ends, triangle, substitution, blocks, doubling, leaves, returns, skips,
    skips_the_step, only_the_first, in_steps_of_time, first_assigned_inside, by_attribute,
]  # fmt: skip


def slopes(function, x):
    steps = 1e-6 * np.eye(len(x))
    return np.array([(function(x + d) - function(x - d)) / 2e-6 for d in steps])


def assert_right(f, program, x):
    value, gradient = f(x)
    np.testing.assert_allclose(value, program(x), rtol=1e-13)
    np.testing.assert_allclose(gradient, slopes(program, x), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("program", ONE_PROGRAM)
def test_one_program_for_all_sizes(program):
    f = graphc.value_and_grad(program)
    with override(disable_jit=True):
        for x in (X, LONGER, X[:3].copy()):
            assert_right(f, program, x)
    assert f.cache_info()["programs"] == 1


def power(x, n):
    k, y = 0, x
    while k < n:
        y = y * x
        k += 1
    return np.sum(y)


def test_code_does_not_grow_with_the_number_of_iterations():
    f = graphc.grad(power)
    with override(disable_jit=True):
        assert len(str(f.graph("traced", X, 1000)).splitlines()) < 20
        for n in (0, 1, 7):
            np.testing.assert_allclose(f(X, n), (n + 1) * X**n, rtol=1e-13)
    assert f.cache_info()["programs"] == 1


def test_a_loop_that_counts_is_a_for_with_a_known_number_of_iterations():
    with override(disable_jit=True):
        text = str(graphc.grad(upwards).graph("traced", X))
    assert " for " in text
    assert " while " not in text


def test_short_loops_are_written_out():
    def thrice(x):
        k = 0
        while k < 3:
            x = np.sin(x)
            k += 1
        return np.sum(x)

    with override(disable_jit=True):
        assert " for " not in str(graphc.grad(thrice).graph("traced", X))


# --- loops that Python runs -------------------------------------------------------------------------------------------


def halved(x):
    n = len(x)
    while n > 1:
        n //= 2
        x = x[:n] + x[n : 2 * n]
    return np.sum(x**2)


def of_a_list(x):
    table, k, s = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 0, 0.0
    while k < len(table):
        s += table[k] * x[k] ** 2
        k += 1
    return s


def into_a_list(x):
    k, parts = 0, []
    while k < len(x):
        parts.append(x[k] * k)
        k += 1
    return sum(parts)


def shrinking(x):
    while x.shape[0] > 2:
        x = x[:-2] * x[2:]
    return np.sum(x)


def by_axis(x):
    a, k = np.ones((2, 3, 2, 2, 2)) * x[0], 0
    while k < 5:
        a = np.flip(a, k) * x[k]
        k += 1
    return np.sum(a)


def by_name(x):
    weights, k, s = {f"w{k}": float(k) for k in range(5)}, 0, 0.0
    while k < 5:
        s += weights[f"w{k}"] * x[k]
        k += 1
    return s


@pytest.mark.parametrize("program", [halved, of_a_list, into_a_list, shrinking, by_axis, by_name])
def test_loops_that_need_the_numbers_themselves_are_written_out(program):
    f = graphc.value_and_grad(program)
    with override(disable_jit=True):
        assert_right(f, program, X)


def test_explain_says_why_a_loop_is_written_out():
    with override(disable_jit=True):
        f = graphc.grad(halved)
        f(X)
        assert "test_counting.py" in f.explain()
        assert "a while loop is written out" in f.explain()
