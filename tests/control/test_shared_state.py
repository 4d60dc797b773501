"""State that helpers change where traced values decide: variables of the function around them, lists, attributes."""

import numpy as np
import pytest

import graphc
from graphc.config import override

X = np.array([0.5, 3.0, 1.2])


def in_a_branch(x):
    r = 0.0

    def go():
        nonlocal r
        if x[0] > 0:
            r = x[0] * 2

    go()
    return r


def best_so_far(x):
    best, at = -1e9, 0.0

    def see(v, k):
        nonlocal best, at
        if v > best:
            best = v
            at = v * k

    for k in range(3):
        see(x[k], k + 1.0)
    return best + at


def first_is_none(x):
    best = None

    def see(v):
        nonlocal best
        if best is None or v > best:
            best = v

    for v in x:
        see(v)
    return best


def both_sides_nested(x):
    above, below = 0.0, np.zeros(3)

    def add(v):
        nonlocal above, below
        if v > 0.6:
            if v > 2:
                above += v * v
            else:
                above += 3 * v
        else:
            below = below + v

    for v in x:
        add(v)
    return above * below.sum()


def by_recursion(x):
    total = 0.0

    def visit(i):
        nonlocal total
        if x[i] > 1:
            total += x[i]
        if i < 2:
            visit(i + 1)

    visit(0)
    return total


def before_a_return(x):
    total, items = 0.0, [0.0]

    def add(v):
        nonlocal total
        if v < 1:
            total = total + v * 5
            items[0] += v
            return v
        if v < 2:
            total = total + v * v
            return 2 * v
        total = total * 1.5
        items[0] = items[0] * v
        return 0.0

    returned = 0.0
    for v in x:
        returned = returned + add(v)
    return total + returned + items[0]


def in_a_loop_that_returns(x):
    found, passed = 0.0, 0.0

    def add(v):
        nonlocal found, passed
        for k in range(3):
            if v * (k + 0.1) > 1:
                found += v
                return v * 2
            passed += v
        return 0.0

    returned = 0.0
    for v in x:
        returned = returned + add(v)
    return found * passed + returned


class Convergence:
    def __init__(self, last=1e9):
        self.last, self.asked = last, 0

    def reached(self, v):
        apart = abs(self.last - v)
        self.last = v
        self.asked += 1
        return apart < 1e-8

    def add(self, v):
        if v < 1:
            return 0.0
        self.last = self.last - v
        return v


def in_a_method(x):
    state, returned = Convergence(0.0), 0.0
    for v in x:
        returned = returned + state.add(v)
    return state.last * returned


def in_the_condition(x):
    state, z = Convergence(), 1.0
    while not state.reached(z):
        z = 0.5 * (z + x[1] / z)
    return z * state.asked


def in_the_condition_of_an_inner_loop(x):
    last, total = [1e9], 0.0

    def moved(v):
        apart = abs(last[0] - v)
        last[0] = v
        return apart > 1e-8

    for k in range(3):
        z = 1.0
        while moved(z):
            z = 0.5 * (z + x[k] / z)
        total = total + z
    return total


def array_in_the_condition(x):
    seen, v, k = np.zeros(50), x[0], 0

    def keep(v, k):
        seen[k] = v
        return v > 0.1

    while keep(v, k):
        v = v * 0.7
        k += 1
    return seen.sum()


FUNCTIONS = [
    in_a_branch, best_so_far, first_is_none, both_sides_nested, by_recursion, before_a_return, in_a_loop_that_returns,
    in_a_method, in_the_condition, in_the_condition_of_an_inner_loop, array_in_the_condition,
]  # fmt: skip
COMPILED = [best_so_far, before_a_return, in_the_condition]


@pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.__name__)
def test_values_and_gradients(f):
    with override(disable_jit=f not in COMPILED):
        value, gradient = graphc.value_and_grad(f)(X)
    assert value == pytest.approx(f(X), rel=1e-14)
    slopes = [(f(X + d) - f(X - d)) / 2e-6 for d in 1e-6 * np.eye(3)]
    np.testing.assert_allclose(gradient, slopes, rtol=1e-6, atol=1e-8)
