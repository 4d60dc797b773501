"""Which loops become array expressions, which stay, and that both compute what NumPy does."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.config import override
from tests.schedule.programs import value_graph

RNG = np.random.default_rng(3)
GRID = RNG.uniform(0.5, 1.5, (6, 7))


def stencil_by_elements(u):
    new = u.copy()
    for i in range(1, u.shape[0] - 1):
        for j in range(1, u.shape[1] - 1):
            new[i, j] = 0.25 * (u[i - 1, j] + u[i + 1, j] + u[i, j - 1] * u[i, j + 1])
    return np.sum(new**2)


def own_element(u):
    out = u.copy()
    for i in range(u.shape[0]):
        for j in range(u.shape[1]):
            out[i, j] = out[i, j] ** 2 + i * 0.5 - j
    return np.sum(out * u)


def backwards_and_strided(u):
    out = np.zeros(2 * u.shape[0] + 1)
    for i in range(u.shape[0] - 1, -1, -1):
        out[2 * i + 1] = u[i, 0] * u[u.shape[0] - 1 - i, 1]
    return np.sum(out**2)


def rows(u):
    out = np.zeros_like(u)
    for i in range(u.shape[0]):
        out[i] = np.sin(u[i]) * u[0]
    return np.sum(out * out)


def below_the_pivot(u):
    out = u.copy()
    for i in range(1, u.shape[0]):
        out[i] = out[i] - out[i, 0] * out[0]
    return np.sum(out**2)


def two_arrays(u):
    first, second = u.copy(), u.copy()
    for i in range(u.shape[0]):
        first[i, 0] = second[i, 1] * 2.0
        second[i, 1] = u[i, 2] + first[i, 3]
    return np.sum(first * second)


def by_a_branch(u):
    out = u.copy()
    for i in range(u.shape[0]):
        if u[i, 0] > 1.0:
            out[i, 1] = u[i, 2] * 3.0
    return np.sum(out**2)


INDEPENDENT = (stencil_by_elements, own_element, backwards_and_strided, rows, below_the_pivot, by_a_branch)


def reads_the_one_before(u):
    out = u.copy()
    for i in range(1, u.shape[0]):
        out[i] = out[i - 1] * u[i]
    return np.sum(out)


def reads_the_one_after(u):
    """Sequential here, since it would need the old array beside the new one: it stays, and is right."""
    out = u.copy()
    for i in range(u.shape[0] - 1):
        out[i] = out[i + 1] * u[i]
    return np.sum(out)


def writes_one_place(u):
    out = u.copy()
    for i in range(u.shape[0]):
        out[2] = u[i] * out[2]
    return np.sum(out)


def by_positions(u):
    out = np.zeros(4)
    places = np.array([0, 1, 1, 3, 0, 2])
    for i in range(u.shape[0]):
        out[places[i]] = u[i, 0] * (i + 1)
    return np.sum(out**2)


def overwrite_carried_by_a_loop(u):
    """The value that an iteration reads was written by the iteration before, through the other array."""
    first, second = u.copy(), u.copy()
    for i in range(1, u.shape[0]):
        first[i] = second[i - 1] * u[i]
        second[i] = first[i] + 1.0
    return np.sum(first * second)


def written_through_a_diagonal(u):
    out = u.copy()
    for i in range(5):
        for j in range(2):
            out[i, i + j] = out[i, i] * u[j, i]
    return np.sum(out**2)


DEPENDENT = (
    reads_the_one_before,
    reads_the_one_after,
    writes_one_place,
    by_positions,
    overwrite_carried_by_a_loop,
    written_through_a_diagonal,
)


def loops(function) -> list[str]:
    return [node.op.name for node in value_graph(function, GRID).nodes if node.regions]


@pytest.mark.parametrize("function", INDEPENDENT)
def test_iterations_that_do_not_meet_are_one_expression(function):
    assert loops(function) == []


@pytest.mark.parametrize("function", DEPENDENT)
def test_iterations_that_may_meet_stay_a_loop(function):
    assert "for" in loops(function)


@pytest.mark.parametrize("function", [*INDEPENDENT, two_arrays, *DEPENDENT])
def test_both_compute_what_numpy_does(function):
    with override(disable_jit=True):
        value, gradient = graphc.value_and_grad(function)(GRID)
    np.testing.assert_allclose(value, function(GRID), rtol=1e-14)
    direction = RNG.standard_normal(GRID.shape)
    slope = (function(GRID + 1e-6 * direction) - function(GRID - 1e-6 * direction)) / 2e-6
    np.testing.assert_allclose(np.sum(gradient * direction), slope, rtol=1e-7)


def test_a_loop_that_does_not_run_reads_nothing():
    def read_far(u, n, k):
        out = u.copy()
        for i in range(n):
            out[i] = u[i] * u[k[0]]
        return np.sum(out)

    f, near, far = graphc.jit(read_far), np.array([2]), np.array([99])
    assert f(GRID[0], 3, near) == pytest.approx(read_far(GRID[0], 3, near))
    assert f(GRID[0], 0, far) == pytest.approx(np.sum(GRID[0]))
    for n, places in ((9, near), (3, far)):
        with pytest.raises(IndexError):
            f(GRID[0], n, places)
