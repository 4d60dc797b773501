"""Lists that a loop fills: a loop of the program where what it appends can be stacked, else written out."""

from __future__ import annotations

from collections import namedtuple

import numpy as np
import pytest

import graphc
from graphc.config import override
from graphc.errors import ShapeError, UnsupportedError
from graphc.ops.table import OPS
from graphc.trace.record import trace
from graphc.trace.target import make_target

W = np.array([[0.4, -0.3, 0.2], [0.1, 0.6, -0.5], [0.3, 0.2, 0.7]])
STAGED, WRITTEN_OUT = [], []


def staged(program):
    STAGED.append(program)
    return program


def written_out(program):
    WRITTEN_OUT.append(program)
    return program


# --- loops of the program ---------------------------------------------------------------------------------------------


@staged
def appended_after(w):
    x, out = np.ones(3), []
    for _ in range(7):
        x = np.tanh(w @ x)
        out.append(x)
    return np.sum(np.array(out) ** 2)


@staged
def appended_before(w):
    x, out = np.ones(3), []
    for _ in range(7):
        out.append(x)
        x = np.tanh(w @ x)
    return np.sum(np.array(out)[1:] ** 2)


@staged
def reads_the_last(w):
    out = [np.ones(3)]
    for _ in range(7):
        out.append(np.tanh(w @ out[-1]))
    return np.sum(np.stack(out) ** 2) + out[-1][0] + out[3][1]


@staged
def numbers(w):
    out = [1]
    for _ in range(7):
        out.append(np.sin(out[-1] * w[0, 0]) + w[1, 1])
    return sum(out) + out[2] ** 2


@staged
def tuples(w):
    State = namedtuple("State", "x v")
    path = [State(np.ones(3), np.zeros(3))]
    for _ in range(9):
        s = path[-1]
        path.append(State(s.x + 0.1 * s.v, s.v - 0.1 * w @ s.x))
    return np.sum(path[-1].x) + np.sum(np.stack([s.v for s in path]) ** 2)


@staged
def several_an_iteration(w):
    a, b, x = [], [], np.ones(3)
    for _ in range(7):
        a.append(x)
        x = np.tanh(w @ x)
        b.append(x)
        b.append(x * 2)
    return np.sum(np.stack(a) ** 2) + np.sum(np.array(b) ** 3)


@staged
def loops_in_loops(w):
    out, rows, x = [], [], np.ones(3)
    for _ in range(6):
        row = []
        for j in range(5):
            x = np.tanh(w @ x)
            out.append(x)
            row.append(x[0] * j)
        rows.append(row)
    return np.sum(np.array(out) ** 2) + np.sum(np.array(rows) ** 3)


@staged
def a_chain_of_samples(w):
    q, out = w[0] * 1.0, []
    for t in range(8):
        p = q + 0.1 * np.sin(q + t)
        if np.sum(p**2) < np.sum(q**2):
            q = p
        out.append(q)
    return np.sum(np.stack(out) ** 2)


@staged
def rows_of_an_array(w):
    out, h = [], np.zeros(3)
    inputs = np.vstack([w, w**2])
    for x in inputs:
        h = np.tanh(w @ h + x)
        out.append(h)
    return sum(np.sum((h - x) ** 2) for h, x in zip(out, inputs, strict=True))


@staged
def longer_than_what_is_carried_by_items(w):
    out, x = [], np.ones(3)
    for _ in range(70):
        x = np.tanh(w @ x)
        out.append(x)
    for _ in range(5):
        out.append(np.sin(w @ out[-1]))
    return np.sum(np.stack(out) ** 2)


@staged
def begins_differently(w):
    out, x = [], None
    for _ in range(6):
        x = w[0] if x is None else np.tanh(w @ x)
        out.append(x)
    return np.sum(np.stack(out) ** 2)


@staged
def joined_along_every_axis(w):
    out, x = [], np.ones(3)
    for _ in range(6):
        x = np.tanh(w @ x)
        out.append(x)
    total = np.sum(np.stack(out, axis=1) @ np.arange(6.0)) + np.sum(np.concatenate(out) * np.arange(18.0))
    return total + np.sum(np.vstack(out[2:])) + np.sum(np.column_stack(out)[1] ** 2)


@staged
def a_row_is_written_into(w):
    out, x = [], np.ones(3)
    for _ in range(6):
        x = np.tanh(w @ x)
        out.append(x)
    out[2][0] = 0.0
    return np.sum(np.stack(out) ** 2)


@staged
def the_last_row_is_the_variable(w):
    out, x = [], np.ones(3)
    for _ in range(6):
        x = np.tanh(w @ x)
        out.append(x)
    x[0] = 5.0
    out[-1][1] *= 2.0
    return np.sum(np.stack(out) ** 2) + x[1]


@staged
def written_after_it_was_appended(w):
    x, out = np.ones(3), []
    for _ in range(6):
        x = w @ x
        out.append(x)
        x[0] = 0.5
    return np.sum(np.stack(out) ** 2)


@staged
def change_places(w):
    a, b, out = w[0] * 1, w[1] * 2, []
    for _ in range(6):
        a, b = b, np.tanh(w @ a)
        out.append(a)
    out[1][0] = 4.0
    return np.sum(np.stack(out) ** 2)


@staged
def raises(w):
    x, out = np.ones(3), []
    for _ in range(6):
        x = np.tanh(w @ x)
        if np.sum(x) > 1e9:
            raise ValueError("too far")
        out.append(x)
    out.append(2 * x)
    return np.sum(np.array(out) ** 2)


@staged
def new_lists_and_dicts(w):
    x, v, path = np.ones(3), w[0], []
    for _ in range(6):
        x = np.tanh(w @ x)
        path.append([x, {"v": x * v}])
    return np.sum(np.array([s[1]["v"] for s in path]) ** 2) + np.sum(np.array([s[0] for s in path]))


# --- what Python runs -------------------------------------------------------------------------------------------------


@written_out
def one_array_in_place(w):
    x, out = np.ones(3), []
    for _ in range(6):
        x += 0.1 * w @ x
        out.append(x)
    return np.sum(np.stack(out) ** 2)


@written_out
def in_place_in_the_next_iteration(w):
    x, out = w[0].copy(), []
    for t in range(6):
        x[0] = 0.5 * t
        x = w @ x
        out.append(x)
    return np.sum(np.stack(out) ** 2)


@written_out
def a_view_in_the_next_iteration(w):
    x, out = w[0] * 2, []
    for _ in range(6):
        x[0] = 0.5
        x = w @ x
        out.append(x[:2])
    return np.sum(np.stack(out) ** 2)


@written_out
def in_place_two_iterations_later(w):
    x, before, out = np.ones(3), np.zeros(3), []
    for _ in range(6):
        before[0] = 0.25
        before, x = x, np.tanh(w @ x + before)
        out.append(x)
    return np.sum(np.array(out) ** 2)


@written_out
def the_last_is_written_into(w):
    out = [w[0] * 1]
    for _ in range(6):
        out[-1][0] = 0.25
        out.append(np.tanh(w @ out[-1]))
    return np.sum(np.stack(out) ** 2)


@written_out
def one_constant_array(w):
    c, out = np.ones(3), []
    for _ in range(8):
        out.append(c)
    out[0][0] = 3.0
    return np.sum(np.stack(out) * w[0])


@written_out
def one_list_again_and_again(w):
    state, path = [np.ones(3), w[0] * 1], []
    for _ in range(6):
        state[0] = np.tanh(w @ state[0])
        path.append(state)
    return np.sum(np.array([s[0] for s in path]) ** 2)


@written_out
def a_list_that_the_next_iteration_changes(w):
    state, path = [np.ones(3), w[0] * 1], []
    for _ in range(6):
        state[1] = state[1] * 0.5
        state = [np.tanh(w @ state[0]), state[1]]
        path.append(state)
    return np.sum(np.array([s[1] for s in path]) ** 2)


@written_out
def integers(w):
    places, out = [], []
    for i in range(6):
        places.append(i % 3)
        out.append(w[i % 3, 0])
    return np.sum(w[places] ** 2) + sum(out)


@written_out
def every_other(w):
    out, x = [], np.ones(3)
    for i in range(8):
        x = np.tanh(w @ x)
        if i % 2 == 0:
            out.append(x)
    return np.sum(np.stack(out) ** 2)


@written_out
def other_lengths(w):
    out = []
    for i in range(1, 7):
        out.append(np.ones(i) * w[0, 0])
    return np.sum(np.concatenate(out) ** 2)


@written_out
def reads_its_length(w):
    out = []
    for _ in range(6):
        out.append(w[0] * len(out))
    return np.sum(np.stack(out) ** 2)


@written_out
def read_under_another_name(w):
    out = [w[0]]
    other = out
    for _ in range(6):
        out.append(np.tanh(w @ other[-1]))
    return np.sum(np.stack(out) ** 2)


@written_out
def read_by_a_function(w):
    out = []

    def count():
        return len(out)

    for _ in range(6):
        out.append(w[0] * count())
    return np.sum(np.stack(out) ** 2)


@written_out
def read_in_another_container(w):
    out, x = [], np.ones(3)
    holder = {"all": out}
    for _ in range(6):
        x = np.tanh(w @ x)
        out.append(x * len(holder["all"]))
    return np.sum(np.stack(out) ** 2)


# --- tests ------------------------------------------------------------------------------------------------------------


def loops_of(program):
    graph = trace(make_target(program), [W], {}, OPS).graph
    return sum(node.op.name == "for" for node in graph.nodes)


@pytest.mark.parametrize("program", [*STAGED, *WRITTEN_OUT], ids=lambda program: program.__name__)
def test_value_and_gradient(program):
    with override(disable_jit=True):
        value, gradient = graphc.value_and_grad(program)(W)
    np.testing.assert_allclose(value, program(W), rtol=1e-13)
    steps = 1e-6 * np.eye(9).reshape(9, 3, 3)
    slopes = [(program(W + step) - program(W - step)) / 2e-6 for step in steps]
    np.testing.assert_allclose(gradient.ravel(), slopes, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("program", STAGED, ids=lambda program: program.__name__)
def test_it_is_a_loop_of_the_program(program):
    assert loops_of(program) >= 1


@pytest.mark.parametrize("program", WRITTEN_OUT, ids=lambda program: program.__name__)
def test_it_is_written_out(program):
    assert loops_of(program) == 0


def test_what_was_stacked_is_not_taken_apart():
    names = [node.op.name for node in graphc.jit(appended_after).graph("final", W).nodes]
    assert "concat" not in names


def test_compiled():
    for program in (reads_the_last, loops_in_loops):
        value, gradient = graphc.value_and_grad(program)(W)
        with override(disable_jit=True):
            expected = graphc.value_and_grad(program)(W)
        np.testing.assert_allclose(value, expected[0], rtol=1e-13)
        np.testing.assert_allclose(gradient, expected[1], rtol=1e-12)


def test_a_program_for_each_number_of_iterations():
    def total(x):
        s, out = 0.0, []
        for value in x:
            s = np.sin(s + value)
            out.append(s)
        return np.sum(np.array(out) * np.arange(len(out)))

    f = graphc.grad(total)
    with override(disable_jit=True):
        for x in (np.linspace(0.0, 1.0, 7), np.linspace(0.0, 1.0, 9)):
            slopes = [(total(x + step) - total(x - step)) / 2e-6 for step in 1e-6 * np.eye(len(x))]
            np.testing.assert_allclose(f(x), slopes, rtol=1e-6, atol=1e-8)
        assert f.cache_info()["programs"] == 2
        assert "a loop fills a list" in str(f.explain(x))


def test_why_a_loop_is_written_out_is_told():
    assert "a loop fills a list, and" in str(graphc.grad(integers).explain(W))


def writes_into_what_was_there_before(w):
    first = np.ones(3)
    x, out = first, []
    for _ in range(6):
        out.append(x)
        x = np.tanh(w @ x)
    first[0] = 5.0
    return np.sum(np.stack(out) ** 2)


def writes_into_an_earlier_one(w):
    x, before, out = np.ones(3), np.zeros(3), []
    for _ in range(6):
        before, x = x, np.tanh(w @ x + before)
        out.append(x)
    before[0] = 7.0
    return np.sum(np.array(out) ** 2)


def writes_into_one_that_was_kept(w):
    q, out = w[0] * 1.0, []
    for t in range(8):
        p = q + 0.1 * np.sin(q + t)
        q = p if np.sum(p) < np.sum(q) else q
        out.append(q)
    out[2][0] = 3.0
    return np.sum(np.stack(out) ** 2)


def writes_into_one_that_a_later_iteration_appends(w):
    x, steps = np.ones(3), []
    for _ in range(8):
        y = np.tanh(w @ x)
        steps.append((y, x))
        x = y
    steps[3][0][0] = 3.0  # it is steps[4][1], too
    return sum(np.sum(a**2 * b) for a, b in steps)


def writes_into_one_of_which_another_list_has_a_view(w):
    x, out, views = np.ones(3), [], []
    for _ in range(8):
        y = np.tanh(w @ x)
        out.append(y)
        views.append(x[::-1])
        x = y
    out[3][0] = 3.0
    return np.sum(np.stack(views) ** 2)


def writes_into_one_that_is_shifted_twice(w):
    a, b, c = np.ones(3), w[0] * 1.0, w[1] * 1.0
    out = []
    for _ in range(8):
        out.append((a, c))
        a, b, c = b, c, np.tanh(a + b * c)
    out[3][1][0] = 3.0
    return sum(np.sum(u**2 * v) for u, v in out)


@pytest.mark.parametrize(
    ("program", "error", "message"),
    [
        (writes_into_one_that_a_later_iteration_appends, ShapeError, "read-only"),
        (writes_into_one_of_which_another_list_has_a_view, ShapeError, "read-only"),
        (writes_into_one_that_is_shifted_twice, ShapeError, "read-only"),
        (writes_into_what_was_there_before, UnsupportedError, "may share memory"),
        (writes_into_an_earlier_one, UnsupportedError, "may share memory"),
        (writes_into_one_that_was_kept, ShapeError, "read-only"),
    ],
)
def test_arrays_that_may_be_one_are_not_written_into_afterwards(program, error, message):
    with override(disable_jit=True), pytest.raises(error, match=message) as caught:
        graphc.grad(program)(W)
    assert caught.value.location is not None
    assert caught.value.location.file == __file__
