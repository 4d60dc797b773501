"""``break``, ``continue``, ``return`` and ``else`` of loops, and variables that are assigned first inside of one."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.config import override
from graphc.errors import UnsupportedError

X = np.array([0.4, 1.1, 0.7, 0.9, 1.3, 0.6])


def leaves_a_loop(x):
    s = 0.0
    for i in range(6):
        if x[i] > 1.2:
            break
        s = s + x[i] ** 2
    return s


def break_index(x):
    s = 0.0
    for i in range(x.shape[0]):
        s = s + x[i] ** 2
        if s > 2.0:
            break
    return s * i


def while_true(x):
    r = x[0]
    while True:
        new = 0.5 * (r + x[1] / r)
        if abs(new - r) < 1e-12:
            break
        r = new
    return new


def while_counter(x):
    r = x[0]
    k = 0
    while k < 50:
        new = 0.5 * (r + x[1] / r)
        if abs(new - r) < 1e-12:
            break
        r = new
        k += 1
    return new + k * x[2]


def returns_in_loop(x):
    s = 0.0
    for i in range(6):
        s = s + x[i] ** 2
        if s > 2.0:
            return s * x[0]
    return s


def returns_in_nested(x):
    s = x[0]
    for i in range(6):
        for j in range(5):
            s = s + x[i] * x[j] * 0.1
            if s > 2.0:
                return s * x[2]
        s = s * 1.01
    return s


def inner_break(x):
    s = x[0]
    for i in range(6):
        for j in range(6):
            if x[j] > x[i]:
                break
            s = s + x[i] * x[j] * 0.1
        s = s * 1.01
    return s


def partial_continue(x):
    s = x[0]
    for i in range(6):
        if x[i] > 0.5:
            if x[i] > 1.0:
                continue
            s = s * 1.1
        s = s + x[i] * s
    return s


def partial_break(x):
    s = t = x[0]
    for i in range(6):
        if x[i] > 0.5:
            if s > 1.5:
                break
            s = s * 1.1
        t = x[i] * s
        s = s + t
    return s + t


def for_else(x):
    s = x[0]
    for i in range(6):
        s = s + x[i]
        if s > 100:
            break
    else:
        s = s * x[1]
    return s


def for_else2(x):
    s = x[0]
    for i in range(6):
        s = s + x[i]
        if s > 2:
            break
    else:
        s = s * x[1]
    return s


def while_else(x):
    s = x[0]
    while s < 3:
        s = s * 1.5
        if s > 100:
            break
    else:
        s = s * x[1]
    return s


def short(x):
    s = x[0]
    for i in range(3):
        s = s + x[i]
        if s > 1.6:
            break
    return s * x[4]


def short_return(x):
    s = x[0]
    for i in range(3):
        s = s + x[i]
        if s > 1.6:
            return s * x[3]
    return s * x[4]


def over_list(x):
    s = x[0]
    for w in [0.1, 0.5, 0.7, 1.1, 3.0]:
        s = s + w * x[1]
        if s > 1.6:
            break
        if s > 1.2:
            continue
        s = s * 1.1
    return s * x[4] + w


def found_flag(x):
    found = False
    s = 0.0
    for i in range(6):
        if not found:
            s = s + x[i]
            if s > 2:
                found = True
        else:
            s = s * 1.1
    return s * (2.0 if found else 1.0) * x[0]


def not_converged(x):
    r = x[0]
    converged = False
    while not converged:
        new = 0.5 * (r + x[1] / r)
        converged = abs(new - r) < 1e-12
        r = new
    return r


def first_flag(x):
    first = True
    s = 0.0
    for i in range(6):
        if first:
            s = x[i]
            first = False
        else:
            s = s * 0.5 + x[i]
    return s


def last_value(x):
    for i in range(6):
        y = x[i] ** 2
        z = y * i
    return y + z + i


def temp_kinds(x):
    s = 0.0
    for i in range(6):
        t = x[i]
        s = s + t
    for i in range(6):
        t = x[:3] * i
        s = s + t.sum()
    return s


def temp_in_branch(x):
    if x[0] > 0.2:
        t = x[:3]
        s = t.sum()
    else:
        t = x[0]
        s = t
    return s * 2


def counter_break(x):
    s = x[0]
    k = 0
    for _ in range(10):
        k += 1  # noqa: SIM113
        s = s * 1.1 + x[1]
        if k > 5:
            break
    return s


def nested_return_tuple(x):
    def find(x, limit):
        for i in range(x.shape[0]):
            if x[i] > limit:
                return x[i] ** 2, x * 2
        return x[0], x

    a, b = find(x, 1.0)
    c, d = find(x, 5.0)
    return a * c + np.sum(b * d)


def break_then_rest(x):
    s = x[0]
    for i in range(6):
        for j in range(5):
            s = s + x[j] * 0.3
            if s > 2:
                break
        else:
            s = s * 1.5
            continue
        s = s - x[i]
    return s


PROGRAMS = [
    leaves_a_loop, break_index, while_true, while_counter, returns_in_loop, partial_continue, partial_break,
    for_else, for_else2, while_else, short, short_return, over_list, found_flag, not_converged, first_flag,
    last_value, temp_kinds, temp_in_branch, counter_break, nested_return_tuple,
]  # fmt: skip


def else_breaks_the_outer_loop(x):
    s = 0.0
    for i in range(6):
        for j in range(6):
            if x[j] * x[i] > 1.4:
                break
        else:
            break
        s += x[i]
    else:
        s = s * 10
    return s


def else_of_a_while_continues(x):
    s = 0.0
    for i in range(6):
        j = 0
        while j < 6:
            if x[j] * x[i] > 1.4:
                break
            j += 1
        else:
            s += 100 * x[i]
            continue
        s += x[i] * j
    return s


def returns_and_else(x):
    for i in range(6):
        for j in range(6):
            if x[j] * x[i] > 1.7:
                return x[i]
            if x[j] * x[i] > 1.4:
                break
        else:
            if x[i] > 100:
                return x[j]
    return x[0] * 2
    return x[1]


def else_continues(x):
    s = 0.0
    for i in range(6):
        for j in range(3):
            if x[j] * x[i] > 1.0:
                break
        else:
            continue
        s += x[i]
    return s


def else_breaks_or_continues(x):
    s = 0.0
    for i in range(3):
        for j in range(3):
            if x[j] * x[i] > 1.0:
                break
        else:
            if x[i] > 0.8:
                break
            continue
        s += x[i]
    return s + i + j


def else_in_a_loop_over_a_list(x):
    s = 0.0
    for v in [0.1, 0.5, 0.9]:
        for j in range(6):
            if x[j] * v > 1.0:
                break
            s += v
        else:
            s = s * 2
            if s > 1.0 * x[0]:
                continue
            s += x[1]
        s += x[2]
    return s


ELSE = [
    else_breaks_the_outer_loop,
    else_of_a_while_continues,
    returns_and_else,
    else_continues,
    else_breaks_or_continues,
    else_in_a_loop_over_a_list,
]
PROGRAMS += [
    returns_in_nested,
    inner_break,
    break_then_rest,
    *ELSE,
]  # a loop of unknown length in one that is differentiated


def slopes(program):
    steps = 1e-6 * np.eye(len(X))
    return [(program(X + step) - program(X - step)) / 2e-6 for step in steps]


# --- what is left where the loop is ended -----------------------------------------------------------------------------


def otherwise_after_a_first_value(x):
    r = 0.0
    for i in range(9):
        if x[i % 6] * i > 3:
            r = x[i % 6]
            break
    else:
        r = x[0] ** 2
    return r


def otherwise_of_a_while(x):
    r, y, k = 0.0, x[0], 0
    while k < 9:
        y, k = y * 1.2, k + 1
        if y > 1.9:
            r = y * k
            break
    else:
        r = x[1] ** 2
    return r


def assigned_where_it_is_left(x):
    for i in range(9):
        with np.errstate(all="ignore"):
            if x[i % 6] * i > 3:
                r = x[i % 6]
                s = r * 2
                break
    else:
        r, s = x[0] ** 2, x[1]
    for i in range(4):
        if x[i] > 1.0:
            q = x[i]
            break
    else:
        q = x[5]
    return r * s * q


def assigned_where_while_true_is_left(x):
    y, k = x[0], 0
    while True:
        y, k = y * 1.2, k + 1
        if y > 2:
            r = y * 2
        elif k > 6:
            r = y * x[1]
        else:
            continue
        break
    return r * k


def found_in_each_row(x):
    total = 0.0
    for j in range(6):
        for i in range(9):
            if x[i % 6] * i > 3 + j:
                r = x[i % 6] * j
                break
        else:
            continue
        total += r
    total = total * 2
    return total


PROGRAMS += [
    otherwise_after_a_first_value, otherwise_of_a_while, assigned_where_it_is_left, assigned_where_while_true_is_left,
    found_in_each_row,
]  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS)
def test_value_and_gradient(program):
    with override(disable_jit=True):
        value, gradient = graphc.value_and_grad(program)(X)
    np.testing.assert_allclose(value, program(X), rtol=1e-13)
    np.testing.assert_allclose(gradient, slopes(program), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("program", [leaves_a_loop, returns_in_loop, while_true, partial_continue])
def test_compiled_derivatives_of_two_orders(program):
    value, gradient = graphc.value_and_grad(program)(X)
    np.testing.assert_allclose(value, program(X), rtol=1e-13)
    np.testing.assert_allclose(gradient, slopes(program), rtol=1e-6, atol=1e-8)

    def along(x):
        return np.sum(graphc.grad(program)(x) * np.sin(x))

    np.testing.assert_allclose(graphc.grad(along)(X), slopes(along), rtol=1e-5, atol=1e-7)


def test_a_loop_that_is_left_runs_no_further():
    """The check of an index is made in the iterations that run, and in no other."""

    def until(x, n):
        s = 0.0
        for i in range(n):
            if x[i] > 1.0:
                break
            s = s + x[i] ** 2
        return s

    with override(disable_jit=True):
        assert graphc.value_and_grad(until)(X, 1000)[0] == X[0] ** 2


def test_what_a_loop_assigns_first_has_a_value_where_it_runs():
    def last(x, n):
        for i in range(n):
            y = x[i] * i
        return y

    f = graphc.grad(last)
    with override(disable_jit=True):
        np.testing.assert_array_equal(f(X, 5), [0, 0, 0, 0, 4, 0])
        np.testing.assert_array_equal(f(X, 6), [0, 0, 0, 0, 0, 5])
        assert f.cache_info()["programs"] == 1
        with pytest.raises(UnsupportedError, match="'y' is first assigned in a loop"):
            f(X, 0)


def bisected(a):
    low, high = 0.0, 10.0
    while high - low > 1e-10:
        middle = 0.5 * (low + high)
        if middle**3 < a:
            low = middle
        else:
            high = middle
    return middle * a


def halved(x, n):
    while n > 1:
        y = x * n
        n = n // 2
    return y


def test_what_a_while_loop_assigns_first_has_a_value_where_it_begins_for_sure():
    with override(disable_jit=True):
        np.testing.assert_allclose(graphc.value_and_grad(bisected)(8.0), (16.0, 2.0), rtol=1e-9)
        f = graphc.grad(halved)
        assert (f(1.0, 8), f(1.0, 7)) == (2.0, 3.0)
        assert f.cache_info()["programs"] == 1
        with pytest.raises(UnsupportedError, match="'y' is first assigned in a loop"):
            f(1.0, 1)


def overwritten_unread(x, n):
    """An iteration makes y anew; where there is none, y is what it was."""
    y, z = x[0] * 2.0, x[1]
    for _ in range(n):
        y, z = z, 3.0
    return y * x[2] + z


@pytest.mark.parametrize("n", [0, 1, 2])
def test_what_an_iteration_overwrites_is_what_it_was_without_one(n):
    f = graphc.grad(overwritten_unread)
    expected = {0: [2 * X[2], 1, 2 * X[0]], 1: [0, X[2], X[1]], 2: [0, 0, 3]}[n]
    with override(disable_jit=True):
        np.testing.assert_allclose(f(X, n)[:3], expected, rtol=1e-14)


def test_a_while_loop_that_does_not_run_passes_its_variables():
    def maybe(x):
        y = x[0] * 2.0
        while y > 100.0:
            y = x[1]
        return y

    with override(disable_jit=True):
        assert list(graphc.grad(maybe)(X)[:2]) == [2.0, 0.0]


# --- errors -----------------------------------------------------------------------------------------------------------


def perhaps_without_a_value(x):
    for i in range(6):
        if x[i] > 1.0:
            break
        y = x[i]
    return y


def never_runs_for_sure(x):
    s = x[0]
    while s < 3.0:
        y = s
        s = s * 2.0
    return y


def ends_without_a_value(x):
    for i in range(6):
        if x[i] > 1.0:
            return x[i]


def leaves_a_finally(x):
    s = x[0]
    for i in range(6):
        try:
            s = s + x[i]
        finally:
            if x[i] > 1.0:
                break  # noqa: B012 (what is tested)
    return s


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (perhaps_without_a_value, "'y' is first assigned in a loop"),
        (never_runs_for_sure, "'y' is first assigned in a loop"),
        (ends_without_a_value, "returns a value in one case, and ends without one"),
        (leaves_a_finally, "`break`, decided by a traced value, inside of a `finally`"),
    ],
)
def test_errors_name_the_line(program, message):
    with pytest.raises(UnsupportedError, match=message) as caught:
        graphc.jit(program)(X)
    assert caught.value.location is not None
    assert caught.value.location.file == __file__
