"""What leaves a loop, which loops are taken apart for it, what stays, and that all of it computes what NumPy does."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.config import override
from graphc.ir.graph import Graph, Node
from tests.schedule.programs import final_graph, value_graph

RNG = np.random.default_rng(5)
GRID = RNG.uniform(0.5, 1.5, (5, 6))


def inside(graph: Graph) -> list[list[str]]:
    """The ops in the body of each loop, without those inside other loops, outermost loops first."""
    found, pending = [], list(graph.nodes)
    while pending:
        node = pending.pop(0)
        if node.op.name in ("for", "while"):
            found.append([inner.op.name for inner in node.regions[-1].nodes])
        pending += [inner for region in node.regions for inner in region.nodes]
    return found


def outermost(graph: Graph) -> Node:
    return next(node for node in graph.nodes if node.op.name == "for")


# --- values -----------------------------------------------------------------------------------------------------------


def a_function_of_what_stays(u):
    state = np.zeros(u.shape[1])
    for t in range(u.shape[0]):
        state = state * np.exp(u[0]) + u[t]
    return np.sum(state)


def a_product_of_what_stays(u):
    state = u[0]
    for t in range(u.shape[0]):
        state = state + np.cos(state) * (u @ u[1])[0] + u[t]
    return np.sum(state)


def a_sum_in_a_while(u):
    state, rounds = u[0], 0
    while rounds < 4:
        state = state * 0.5 + np.sum(u * u)
        rounds += 1
    return np.sum(state)


def a_transposed_matrix(u):
    state = u[:, 0]
    for _ in range(u.shape[0]):
        state = np.tanh((u @ u.T) @ state)
    return np.sum(state)


def cheap_arithmetic(u):
    state = u[0]
    for t in range(u.shape[0]):
        state = state * (u[1] * 2.0 + 1.0) + u[t]
    return np.sum(state)


@pytest.mark.parametrize(
    ("function", "gone"),
    [
        (a_function_of_what_stays, "exp"),
        (a_product_of_what_stays, "matmul"),
        (a_sum_in_a_while, "sum"),
        (a_transposed_matrix, "transpose"),
    ],
)
def test_what_is_dear_leaves_the_loop(function, gone):
    assert all(gone not in ops for ops in inside(value_graph(function, GRID)))
    assert all(gone not in ops for ops in inside(final_graph(graphc.grad, function, GRID))[:1])


def test_the_matrix_of_an_adjoint_is_transposed_once():
    """The cotangent of a state goes back through the transposed matrix, whose rows are then read in order."""

    def decayed(matrix, state):
        for _ in range(matrix.shape[0]):
            state = np.tanh(state @ matrix)
        return np.sum(state)

    _, back = inside(final_graph(lambda f: graphc.grad(f, argnums=1), decayed, np.ones((3, 3)), np.ones(3)))
    assert "matmul" in back
    assert "transpose" not in back


def test_cheap_arithmetic_stays():
    (ops,) = inside(value_graph(cheap_arithmetic, GRID))
    assert ops.count("mul") == 2


def test_what_could_stop_the_program_stays():
    """The check of an index that only an iteration would have made: a loop that does not run raises nothing."""

    def read_far(u, n, places):
        total = 0.0
        for _ in range(n):
            total = total + np.sum(np.exp(u[places[0]]) * u)
        return total

    graph = value_graph(read_far, GRID[0], 2, np.array([1]))
    assert not {"exp", "checked_index"} & {node.op.name for node in graph.nodes}
    f = graphc.jit(read_far)
    assert f(GRID[0], 2, np.array([1])) == pytest.approx(read_far(GRID[0], 2, [1]))
    assert f(GRID[0], 0, np.array([99])) == 0.0
    with pytest.raises(IndexError):
        f(GRID[0], 2, np.array([99]))


# --- loops taken apart ------------------------------------------------------------------------------------------------


def elimination(u):
    """Coefficients p that are the same in every step, beside values that are not: columns one after another."""
    n = u.shape[1]
    for _ in range(u.shape[0]):
        p, q = np.zeros_like(u), np.zeros_like(u)
        for j in range(1, n):
            p[:, j] = 0.4 / (1.8 - 0.4 * p[:, j - 1])
            q[:, j] = (u[:, j] + 0.4 * q[:, j - 1]) / (1.8 - 0.4 * p[:, j - 1])
        u = np.zeros_like(u)
        for j in range(n - 2, -1, -1):
            u[:, j] = p[:, j] * u[:, j + 1] + q[:, j]
    return np.sum(u * u)


def elimination_from_the_end(u):
    n = u.shape[0]
    for _ in range(u.shape[0]):
        p, q = np.ones(n), np.zeros(n)
        for k in range(n - 1):
            i = n - 2 - k
            p[i] = 0.3 / (2.0 + p[i + 1])
            q[i] = q[i + 1] * p[i] + u[i, 0] * p[i + 1]
        u = u * np.sum(q)
    return np.sum(u)


def own_coefficient(u):
    """The rest reads what the same iteration has just written."""
    for _ in range(u.shape[0]):
        p, q = np.ones(u.shape[0]), np.zeros(u.shape[0])
        for i in range(1, u.shape[0]):
            p[i] = 1.0 / (1.0 + p[i - 1])
            q[i] = p[i] * u[i, 0] + q[i - 1]
        u = u + np.sum(q)
    return np.sum(u)


APART = (elimination, elimination_from_the_end, own_coefficient)


def reads_what_is_written_later(u):
    """The rest reads p[i + 1] as it was before its own iteration wrote it."""
    for _ in range(u.shape[0]):
        p, q = np.ones(u.shape[0]), np.zeros(u.shape[0])
        for i in range(u.shape[0] - 1):
            p[i] = 1.0 / (1.0 + p[i + 1])
            q[i] = p[i + 1] * u[i, 0] + q[i - 1]
        for i in range(u.shape[0] - 2, 0, -1):
            p[i] = 1.0 / (1.0 + p[i + 1])
            q[i] = p[i - 1] * u[i, 0] + q[i + 1]
        u = u + np.sum(q)
    return np.sum(u)


def reads_before_the_write(u):
    """The rest reads p[i] as it was before this iteration writes it."""
    for _ in range(u.shape[0]):
        p, q = np.ones(u.shape[0]), np.zeros(u.shape[0])
        for i in range(1, u.shape[0]):
            q[i] = p[i] * u[i, 0] + q[i - 1]
            p[i] = 1.0 / (1.0 + p[i - 1])
        u = u + np.sum(q) + np.sum(p)
    return np.sum(u)


def written_again(u):
    """A place is written in two iterations, and read in between."""
    for _ in range(u.shape[0]):
        p, q = np.ones(2 * u.shape[0]), np.zeros(u.shape[0])
        for i in range(1, u.shape[0]):
            q[i] = p[i] * u[i, 0] + q[i - 1]
            p[i] = 1.0 / (1.0 + p[i - 1])
            p[i + 1] = 0.5 * p[i]
        u = u + np.sum(q) + np.sum(p)
    return np.sum(u)


def a_number_as_it_is(u):
    """The rest needs the carried number of its own iteration: nothing keeps it."""
    for _ in range(u.shape[0]):
        p, q = 1.0, np.zeros(u.shape[0])
        for i in range(1, u.shape[0]):
            p = 1.0 / (1.0 + p)
            q[i] = p * u[i, 0] + q[i - 1]
        u = u + np.sum(q) + p
    return np.sum(u)


def depends_on_the_state(u):
    for _ in range(u.shape[0]):
        p, q = np.ones(u.shape[0]), np.zeros(u.shape[0])
        for i in range(1, u.shape[0]):
            p[i] = 1.0 / (1.0 + p[i - 1] + u[i, 1])
            q[i] = p[i - 1] * u[i, 0] + q[i - 1]
        u = u + np.sum(q)
    return np.sum(u)


WHOLE = (reads_what_is_written_later, reads_before_the_write, written_again, a_number_as_it_is, depends_on_the_state)


def loops_before_the_first(function) -> int:
    """Loops in front of the one over the steps: those that have left it."""
    nodes = value_graph(function, GRID).nodes
    loops = [node for node in nodes if node.op.name == "for"]
    return loops.index(max(loops, key=lambda node: sum(inner.op.name == "for" for inner in node.regions[0].nodes)))


@pytest.mark.parametrize("function", APART)
def test_what_no_step_changes_is_eliminated_once(function):
    assert loops_before_the_first(function) == 1


@pytest.mark.parametrize("function", WHOLE)
def test_where_the_rest_reads_an_iterations_own_state_the_loop_stays(function):
    assert loops_before_the_first(function) == 0


def test_nothing_is_saved_of_a_linear_elimination():
    """The coefficients stand before the loop over the steps, and nothing of an iteration has to be kept."""
    joint = final_graph(graphc.grad, elimination, GRID)
    steps = max((n for n in joint.nodes if n.op.name == "for" and not n.attrs["reverse"]), key=lambda n: len(n.inputs))
    assert steps.attrs["stacked"] == 0


@pytest.mark.parametrize(
    "function",
    [a_function_of_what_stays, a_product_of_what_stays, a_sum_in_a_while, a_transposed_matrix, *APART, *WHOLE],
)
def test_they_compute_what_numpy_does(function):
    with override(disable_jit=True):
        value, gradient = graphc.value_and_grad(function)(GRID)
    np.testing.assert_allclose(value, function(GRID), rtol=1e-13)
    direction = RNG.standard_normal(GRID.shape)
    slope = (function(GRID + 1e-6 * direction) - function(GRID - 1e-6 * direction)) / 2e-6
    np.testing.assert_allclose(np.sum(gradient * direction), slope, rtol=1e-6)


def test_a_coefficient_that_is_differentiated():
    """The coefficients leave the loop, and so does what reaches them: their own adjoint runs once, behind it."""

    def by_rate(rate, u):
        for _ in range(u.shape[0]):
            p, q = np.zeros(u.shape[0]), np.zeros(u.shape[0])
            for i in range(1, u.shape[0]):
                p[i] = rate / (1.8 - rate * p[i - 1])
                q[i] = (u[i, 0] + rate * q[i - 1]) / (1.8 - rate * p[i - 1])
            u = u * np.sum(q) * 0.1 + p[2]
        return np.sum(u * u)

    with override(disable_jit=True):
        found = graphc.grad(by_rate, argnums=(0, 1))(0.4, GRID)
        second = graphc.grad(graphc.grad(by_rate))(0.4, GRID)
    slope = (by_rate(0.4 + 1e-6, GRID) - by_rate(0.4 - 1e-6, GRID)) / 2e-6
    curve = (by_rate(0.4 + 1e-4, GRID) - 2 * by_rate(0.4, GRID) + by_rate(0.4 - 1e-4, GRID)) / 1e-8
    np.testing.assert_allclose(found[0], slope, rtol=1e-7)
    np.testing.assert_allclose(second, curve, rtol=1e-5)
