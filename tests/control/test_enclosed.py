"""``break``, ``continue`` and ``return``, decided by traced values, inside of ``with``, ``try`` and ``match``."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.config import override

X = np.array([0.4, 1.1, 0.7, 0.9, 1.3, 0.6])


def in_each_iteration(x):
    s = 0.0
    for i in range(len(x)):
        with np.errstate(all="ignore"):
            if x[i] > 1.2:
                break
            t = x[i] ** 2
            if x[i] < 0.5:
                continue
            s += t
        s *= 1.1
    return s


def around_the_loop(x):
    with np.errstate(divide="ignore"):
        for i in range(len(x)):
            if x[i] > 1.0:
                return x[i] * 2
    return x[0]


def of_a_function(x):
    with np.errstate(all="ignore"), np.errstate(divide="ignore"):
        y = x[0] * 2
        if x[0] > 0.5:
            return y
        z = y * x[1]
    return z + y


def two_of_them(x):
    s = 0.0
    for v in x:
        with np.errstate(invalid="ignore"):
            with np.errstate(divide="ignore"):
                if v > 1.0:
                    continue
                s = s + v
            s = s * 2
    return s


def endless(x):
    with np.errstate(all="ignore"):
        while True:
            x = x * 1.2
            if x[0] > 1.0:
                return np.sum(x**2)


def in_a_branch(x):
    if x[0] > 0:
        with np.errstate(all="ignore"):
            u = x * 2
            if x[1] > 1.05:
                return u[0]
        w = u + 1
        return np.sum(w * u)
    return x[2]


def with_all_clauses(x):
    try:
        s = 0.0
        for i in range(len(x)):
            if x[i] > 1.2:
                return s * 2
            s += x[i]
    except ValueError:
        return x[0]
    else:
        s = s * 3
        if s > 5:
            return s
    finally:
        x = None
    return s + 1


def with_an_end(x):
    for _ in range(5):
        try:
            x = x * 1.1
            if x[0] > 0.55:
                break
        finally:
            x = x + 0.1
    return np.sum(x**2)


def in_a_handler(x):
    try:
        raise KeyError("k")
    except KeyError:
        if x[0] > 0.5:
            return x[1] ** 2
        y = x[0]
    return y


def of_patterns(x):
    s = 0.0
    for i in range(len(x)):
        match (2.0, 3.0):
            case (a, 1.0):
                return a
            case (a, b) if a < b:
                if x[i] > 1.2:
                    return s * a
                s += b * x[i]
            case _:
                break
        s *= 1.1
    return s


PROGRAMS = [
    in_each_iteration, around_the_loop, of_a_function, two_of_them, endless, in_a_branch, with_all_clauses, with_an_end,
    in_a_handler, of_patterns,
]  # fmt: skip


def slopes(function, x):
    steps = 1e-6 * np.eye(len(x))
    return np.array([(function(x + d) - function(x - d)) / 2e-6 for d in steps])


@pytest.mark.parametrize("program", PROGRAMS)
def test_value_and_gradient(program):
    f = graphc.value_and_grad(program)
    with override(disable_jit=True):
        for x in (X, X[::-1].copy() * 0.8, X * 0.7):
            value, gradient = f(x)
            np.testing.assert_allclose(value, program(x), rtol=1e-13)
            np.testing.assert_allclose(gradient, slopes(program, x), rtol=1e-6, atol=1e-7)
    assert f.cache_info()["programs"] == 1
