"""Two names of one array, where which array it is shows when the program runs: right, or an error that says so."""

import numpy as np
import pytest

import graphc
from graphc.config import override
from graphc.errors import UnsupportedError

X = np.array([0.9, 0.4, 0.7, 1.1, 0.5, 0.8])


def rebound_beside_a_write(x):
    a = x.copy()
    b = a
    for i in range(x.shape[0]):
        b[i] *= 2.0
        a = a * 1.1
    return np.sum(a * b)


def traded_with_a_third_name(x):
    a, b = x * 1.0, x * 2.0
    c = a
    for i in range(x.shape[0]):
        a, b = b, a
        a[i] += 1.0
    return np.sum(a * b * b) + np.sum(c)


def written_after_the_loop(x):
    a, b = x * 1.0, x * 2.0
    for _ in range(x.shape[0]):
        a = b
    a[0] += 1.0
    return np.sum(a * b)


def chosen_by_a_branch(x):
    a, b = x * 1.0, x * 2.0
    c = x
    if x[0] > 0.5:
        c = a
    else:
        a, c = a * 2.0, b
    c[0] = 5.0 * c[-1]
    return np.sum(a * b) + np.sum(c)


def chosen_and_then_the_first_name(x):
    a, b = x * 1.0, np.zeros(6)
    c = a if x[0] > 0.5 else b
    b[1] = 5.0
    return np.sum(c * x)


def seen_through_a_view(x):
    a, b = x * 1.0, x * 2.0
    v = a[1:]
    c = a if x[0] > 0.5 else b
    c[2] = 4.0
    return np.sum(v)


def chosen_in_a_loop(x):
    a, b = x * 1.0, x * 2.0
    for i in range(x.shape[0]):
        c = a if x[i] > 0.6 else b
        c[i] += 1.0
    return np.sum(a * b)


def given_by_a_helper(x):
    def doubled_where_small(u):
        if u[0] > 0.1:
            return u
        return u * 2.0

    a = x * 1.0
    b = doubled_where_small(a)
    b[0] += 3.0
    return np.sum(a * b)


@pytest.mark.parametrize(
    "program",
    [
        rebound_beside_a_write, traded_with_a_third_name, written_after_the_loop, chosen_by_a_branch,
        chosen_and_then_the_first_name, seen_through_a_view, chosen_in_a_loop, given_by_a_helper,
    ],
)  # fmt: skip
def test_a_write_seen_by_one_of_two_names_is_refused(program):
    with pytest.raises(UnsupportedError, match=r"second name|may share memory") as caught:
        graphc.jit(program)(X)
    assert caught.value.location is not None
    assert caught.value.location.file == __file__


def only_read(x):
    a, b = x * 1.0, x * 2.0
    c = a if x[0] > 0.5 else b
    d = c.copy()
    d[0] = 2.0
    return np.sum(a * b * c * d)


def rebound_in_a_branch(x):
    a = x * 1.0
    if x[0] > 0.5:
        a = a * 2.0
    a[0] = 3.0 * a[1]
    return np.sum(a * x)


def traded_in_a_branch(x):
    a, b = x * 1.0, x * 2.0
    for i in range(x.shape[0]):
        if x[i] > 0.6:
            a, b = b, a
        a[i] += b[0]
    return np.sum(a * b * b)


def traded_and_written(x):
    a, b, c = x * 2.0, np.sin(x), np.exp(x)
    for i in range(x.shape[0]):
        a, b, c = b, c, a
        a[i] = a[i] * b[0]
    return np.sum(a * a * b + 3.0 * c)


def written_in_one_branch_and_rebound_in_the_other(x):
    a = x * 1.0
    if x[0] > 0.5:
        a[1:] += 0.5 * x[:-1]
    else:
        a = x * x
    if x[1] > 0.5:
        a = np.sin(x)
    else:
        a[0] *= 0.5
    return np.sum(a * x)


def written_and_rebound_in_a_branch(x):
    q = x * 1.0
    if x[0] > 0.5:
        q[-1] *= 0.5
        for _ in range(x.shape[0] - 1):
            q[-1] *= 0.5
            q = q * 0.6 + x
    else:
        q[0] *= x[1]
    return np.sum(q * x)


def histories(x):
    """Views of zeros that are older than the loop that writes the first traced values."""
    history = np.zeros((3, 6))
    history[:2, 0] = 0.9, 0.1
    (s, i), recovered = history[:2], history[2:]
    for t in range(5):
        new = x[0] * s[t] * i[t]
        s[t + 1] = s[t] - new
        i[t + 1] = i[t] + new - x[1] * i[t]
        if i[t] > 0.11:
            recovered[0, t + 1] = recovered[0, t] + x[2] * history[1, t]
    return np.sum(history * x) + i[3] * recovered[0, 4]


def views_of_a_transposed_history(x):
    table = np.zeros((7, 3))
    table[0] = 1.0
    a, b, c = table.T
    k = 0
    while k < 6 and a[k] < 9.0:
        a[k + 1] = a[k] * x[0] + b[k]
        b[k + 1] = a[k + 1] * x[1]
        if x[k] > 0.6:
            c[k + 1] = c[k] * x[2]
        k += 1
    return table.sum() + a[2] * b[3]


PROGRAMS = [only_read, rebound_in_a_branch, traded_in_a_branch, traded_and_written]
IN_BRANCHES = [
    written_in_one_branch_and_rebound_in_the_other, written_and_rebound_in_a_branch, histories,
    views_of_a_transposed_history,
]  # fmt: skip


@pytest.mark.parametrize("program", [*PROGRAMS, *IN_BRANCHES])
def test_names_that_never_meet_in_a_write_are_right(program):
    with override(disable_jit=True):
        value, gradient = graphc.value_and_grad(program)(X)
    np.testing.assert_allclose(value, program(X), rtol=1e-13)
    steps = 1e-6 * np.eye(6)
    expected = [(program(X + step) - program(X - step)) / 2e-6 for step in steps]
    np.testing.assert_allclose(gradient, expected, rtol=1e-7)
