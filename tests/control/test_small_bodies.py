"""Small arrays and small branches in loops: what their numbers and selects compute, against NumPy and differences."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.config import override


def moved(x):
    state = np.array([x[0], x[1], 2.0])
    for i in range(4):
        first, second, third = state
        turned = np.array([second, third * 0.5, first])[::-1]
        state = np.concatenate((turned[1:], turned[:1])) + 0.1 * state * x[i]
    return np.sum(state**3)


def by_matrices(x):
    matrix = np.eye(2)
    step = np.array([[1.0, 0.2], [-0.3, 0.9]])
    for i in range(3):
        matrix = step @ matrix.T * x[i] + np.outer(matrix[0], matrix[:, 1])
    return np.sum(matrix * np.array([1.0, 2.0])) + np.max(matrix)


def written(x):
    state = np.zeros((2, 2))
    history = np.zeros(5)
    for i in range(5):
        state[0, 1] += x[i]
        state[1] = state[0] * 0.5 + state[1, ::-1]
        history[i] = state[1, 0]
    return np.sum(history**2) + np.prod(state[1] + 2.0)


def nested(x):
    pair = np.ones(2)
    for i in range(3):
        for j in range(2):
            pair = pair * x[i + j] + np.array([0.1, 0.2])
        if pair[0] > 1.0:
            pair = pair * 0.5
    while np.sum(pair) < 4.0:
        pair = pair * 1.5
    return pair[0] * pair[1]


def both_branches_write(x):
    out = np.zeros(6)
    for i in range(5):
        if x[i] > 0.0:
            out[i] = x[i] ** 2
            out[i + 1] = -x[i]
        else:
            out[i] = np.sin(x[i])
    return np.sum(out * np.arange(6.0))


def one_branch_is_out_of_range(x):
    out = x.copy()
    for i in range(5):
        if i > 1:
            out[i - 2] = out[i - 2] * x[i]
        if i + 3 < 5:
            out[i] += np.sqrt(np.abs(out[i + 3]) + 1.0)
    return np.sum(out**2)


def guarded_root(x):
    total = 0.0
    for i in range(x.shape[0]):
        if x[i] > 0.0:
            total += np.sqrt(x[i])
    return total


PROGRAMS = (moved, by_matrices, written, nested, both_branches_write, one_branch_is_out_of_range, guarded_root)
INPUT = np.array([0.7, -0.4, 1.3, 0.9, -0.2])


@pytest.mark.parametrize("function", PROGRAMS)
def test_small_bodies_are_right(function):
    with override(disable_jit=True):
        value, found = graphc.value_and_grad(function)(INPUT)
    np.testing.assert_allclose(value, function(INPUT), rtol=1e-14)
    steps = 1e-6 * np.eye(INPUT.size)
    expected = [(function(INPUT + step) - function(INPUT - step)) / 2e-6 for step in steps]
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-8)


def test_an_index_outside_counts_in_the_branch_that_is_taken_only():
    def writes(x, n):
        out = np.zeros(4)
        for i in range(n):
            if x[i] > 0.0:
                out[i] = x[i]
        return np.sum(out)

    with override(disable_jit=True):
        slope = graphc.grad(writes)
        np.testing.assert_array_equal(slope(np.array([1.0, -1.0, 2.0, 3.0, -1.0]), 5), [1.0, 0.0, 1.0, 1.0, 0.0])
        with pytest.raises(IndexError, match="index 4 is out of bounds"):
            slope(np.array([1.0, -1.0, 2.0, 3.0, 1.0]), 5)


def test_a_root_that_is_not_taken_has_no_derivative():
    with override(disable_jit=True):
        np.testing.assert_array_equal(graphc.grad(guarded_root)(np.array([4.0, -1.0, 0.0])), [0.25, 0.0, 0.0])


def test_small_matrices_that_a_routine_factors():
    def factored(x):
        matrix = np.eye(1)
        pair = np.ones(2)
        for i in range(5):
            matrix = matrix * x[i] + 0.6
            pair = pair * np.linalg.solve(matrix, np.ones((1, 1)))[0]
        return pair[0]

    # Compiled also where nothing else is: the factors are there once the program is scheduled.
    with override(disable_jit=False):
        np.testing.assert_allclose(graphc.jit(factored)(INPUT), factored(INPUT), rtol=1e-14)
