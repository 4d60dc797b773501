"""Exceptions that traced values decide: raised by the compiled program, of the user's class, wherever it is run."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.config import override
from graphc.errors import IndexRangeError, UnsupportedError

X = np.array([0.4, 1.1, 0.7, 0.9, 1.3, 0.6])
BAD = np.array([0.4, 1.1, 0.7, -2.0, 1.3, 0.6])


class RangeProblem(RuntimeError):
    def __init__(self, what, code):
        super().__init__(what)
        self.code = code


def of_all(x):
    if np.any(x < 0):
        raise ValueError("negative")
    return np.sum(np.sqrt(x))


def in_a_loop(x):
    s = 0.0
    for i in range(len(x)):
        if x[i] < 0:
            raise ValueError("negative")
        s += np.sqrt(x[i]) * x[i]
    return s


def asserted(x):
    if not np.all(x > 0):
        raise AssertionError("must be positive")
    return np.sum(np.sqrt(x))


def one_of_three(x):
    if x[3] > 5:
        y = x[0]
    elif x[3] > 0:
        y = x[1] ** 2
    else:
        raise RangeProblem("no branch", 7)
    return y * x[2]


def _root(v):
    if v < 0:
        raise ArithmeticError("a helper's")
    return np.sqrt(v)


def in_a_helper(x):
    s = 0.0
    for v in x:
        s += _root(v)
    return s


def not_converging(x):
    steps, y = 0, x[3]
    while abs(y * y - 2) > 1e-12:
        y = y - (y * y - 2) / (2 * y) if x[3] > 0 else y
        steps += 1
        if steps > 50:
            raise RuntimeError("no convergence")
    return y * x[0]


def search(x):
    k = 0
    while True:
        if k >= len(x):
            raise LookupError("none found")
        if x[k] > 1.2 and x[3] > 0:
            return x[k] ** 2
        k += 1


def after_a_return(x):
    if x[3] > 0:
        return np.sum(x**2)
    raise ValueError("fell through")


def by_a_function_that_always_raises(x):
    def refuse(v):
        if v < -1:
            raise KeyError("low")
        raise KeyError("high")

    return x[0] ** 2 if x[3] > 0 else refuse(x[3])


def after_writing(x):
    u = x.copy()
    if x[3] < 0:
        u[0] = 5.0
        raise ValueError
    u[1] *= 2
    return np.sum(u)


def not_of_the_result(x):
    for i in range(len(x)):
        if x[i] < 0:
            raise ValueError("unused")
    return 3.0 * x[0]


PROGRAMS = [
    of_all, in_a_loop, asserted, one_of_three, in_a_helper, not_converging, search, after_a_return,
    by_a_function_that_always_raises, after_writing, not_of_the_result,
]  # fmt: skip


def slopes(function, x):
    steps = 1e-6 * np.eye(len(x))
    return np.array([(function(x + d) - function(x - d)) / 2e-6 for d in steps])


def assert_raises_as(plain, call):
    with pytest.raises(Exception) as expected:
        plain(BAD)
    with pytest.raises(type(expected.value)) as found:
        call(BAD)
    assert (type(found.value), found.value.args) == (type(expected.value), expected.value.args)
    assert vars(found.value).get("code") == vars(expected.value).get("code")
    return found.value


@pytest.mark.parametrize("program", PROGRAMS)
def test_interpreted(program):
    f = graphc.value_and_grad(program)
    with override(disable_jit=True):
        for _ in range(2):
            value, gradient = f(X)
            np.testing.assert_allclose(value, program(X), rtol=1e-13)
            np.testing.assert_allclose(gradient, slopes(program, X), rtol=1e-6, atol=1e-8)
            assert_raises_as(program, f)
        assert_raises_as(program, graphc.grad(program))


@pytest.mark.parametrize("program", [in_a_loop, not_converging, not_of_the_result])
def test_compiled(program):
    f = graphc.grad(program)
    for _ in range(2):
        np.testing.assert_allclose(f(X), slopes(program, X), rtol=1e-6, atol=1e-8)
        error = assert_raises_as(program, f)
        assert "test_raising.py" in error.__notes__[0]


@pytest.mark.parametrize(
    "transform",
    [
        graphc.jit,
        graphc.hessian,
        lambda f: lambda x: graphc.jvp(f, (x,), (np.ones(6),)),
        lambda f: lambda x: graphc.vjp(f, x)[1](1.0),
        lambda f: lambda x: graphc.vmap(graphc.grad(f))(np.stack([X, x])),
        lambda f: graphc.grad(lambda x: np.sum(graphc.grad(f)(x) ** 2)),
        lambda f: graphc.grad(graphc.checkpoint(f)),
        lambda f: graphc.grad(graphc.checkpoint(f, every=2)),
    ],
)
def test_every_transform_raises(transform):
    with override(disable_jit=True):
        transform(in_a_loop)(X)
        assert_raises_as(in_a_loop, transform(in_a_loop))


def test_a_message_is_text_made_while_tracing():
    def tells(x):
        for i in range(len(x)):
            if x[i] < 0:
                raise ValueError(f"entry {i} of {len(x)}")
        return np.sum(x)

    with override(disable_jit=True), pytest.raises(ValueError, match="entry <traced int64"):
        graphc.grad(tells)(BAD)


# --- what cannot be ---------------------------------------------------------------------------------------------------


def caught(x):
    try:
        if x[0] > 0:
            raise ValueError("caught")
    except ValueError:
        return x[1]
    return x[0]


def caught_outside(x):
    try:
        return _root(x[3])
    except ArithmeticError:
        return x[0]


def explicit(x):
    def refuse():
        raise ValueError("in a function")

    return graphc.cond(x[0] > 0, lambda: x[0], refuse)


def on_every_way(x):
    if x[0] > 0:
        raise ValueError("one")
    raise ValueError("other")


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (caught, "inside of a `try` that may catch it"),
        (caught_outside, "inside of a `try` that may catch it"),
        (explicit, "that graphc.cond or a loop in its explicit form runs"),
        (on_every_way, "every way through the function raises"),
    ],
)
def test_errors_name_the_line(program, message):
    with pytest.raises(UnsupportedError, match=message) as caught:
        graphc.jit(program)(X)
    assert caught.value.location is not None
    assert caught.value.location.file == __file__


# --- positions, which stop a program in the same way ------------------------------------------------------------------


def picked(x, index):
    s = 0.0
    for k in range(len(index)):
        s += x[index[k]] * 2.0
    return s


def picked_in_a_branch(x, index):
    return x[index[-1]] ** 2 if x[0] > 0 else x[0]


def picked_again(x, index):
    return graphc.checkpoint(lambda x: x[index[-1]] ** 2)(x)


@pytest.mark.parametrize("program", [picked, picked_in_a_branch, picked_again])
def test_a_gradient_checks_positions_of_which_it_needs_no_value(program):
    """The way forward is not run where the gradient is all that is asked for: the way back makes its checks."""
    f = graphc.grad(program)
    f(X, np.array([1, 2, 3, 4, 5]))
    with pytest.raises(IndexRangeError, match="out of bounds for axis 0 with size 6"):
        f(X, np.array([1, 2, 3, 4, 6]))
