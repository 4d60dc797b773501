"""The explicit forms: the same as the plain Python loops, with gradients, in and out of a trace; and their errors."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.config import override
from graphc.errors import IndexRangeError, TraceTypeError
from graphc.testing import check_grads
from tests.nightly import part

X = np.array([0.4, 1.1, 0.7, 0.9, 1.3, 0.6])


def product_of_sines(x):
    return graphc.fori_loop(0, x.shape[0] - 1, lambda i, c: c * np.sin(x[i]) + x[i + 1], 1.0)


def from_two(x):
    return graphc.fori_loop(2, x.shape[0], lambda i, c: c * x[i - 1] + i, 0.5)


def counts_down_from_the_end(x):
    return graphc.fori_loop(1, 4, lambda i, c: c * x[-i], 1.0)


def whole_arrays(x):
    return np.sum(graphc.fori_loop(0, 4, lambda i, u: np.sin(u) * x + 0.1 * i, x))


def tree(x):
    def body(i, state):
        return {"position": state["position"] + 0.1 * state["speed"], "speed": state["speed"] - 0.1 * x[i], "tag": "s"}

    return graphc.fori_loop(0, 5, body, {"position": x[0], "speed": x[1] * 2.0, "tag": "s"})["position"]


def nested(x):
    def outer(i, total):
        return graphc.fori_loop(0, x.shape[0], lambda j, s: s + x[i] * x[j] * s * 0.1, total)

    return graphc.fori_loop(0, 3, outer, 1.0)


def matrix_steps(x):
    a = np.outer(x, x) * 0.1
    return np.sum(graphc.fori_loop(0, 3, lambda i, v: np.tanh(a @ v) + v, x))


def recurrence(x):
    last, rows = graphc.scan(lambda h, v: (np.tanh(0.5 * h + v), h * v), 0.1, x)
    return last + np.sum(rows**2)


def backwards(x):
    last, rows = graphc.scan(lambda h, v: (0.5 * h + v**2, {"both": h - v}), 0.1, x, reverse=True)
    return last * rows["both"][1]


def branches(x):
    return graphc.cond(x[0] > 0.5, lambda v: np.sum(v**2), lambda v: np.sum(np.sin(v)), x)


def branch_in_loop(x):
    def body(i, c):
        return graphc.cond(x[i] > c, lambda: c * x[i], lambda: np.sin(c) + 0.1)

    return graphc.fori_loop(0, x.shape[0], body, 0.8)


def no_iteration(x):
    return graphc.fori_loop(3, 3, lambda i, c: c * x[i], x[0])


PROGRAMS = [
    product_of_sines, from_two, counts_down_from_the_end, whole_arrays, tree, nested, matrix_steps, recurrence,
    backwards, branches, branch_in_loop, no_iteration,
]  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS)
def test_value_is_that_of_plain_python(program):
    np.testing.assert_allclose(graphc.jit(program)(X), program(X), rtol=1e-13)


@pytest.mark.parametrize("program", PROGRAMS)
def test_gradients_of_two_orders(program):
    with override(disable_jit=program not in part(PROGRAMS, 2, 4)):
        check_grads(program, (X,), order=2)


def test_one_program_serves_every_size_and_trip_count():
    f = graphc.value_and_grad(lambda x, n: graphc.fori_loop(0, n, lambda i, c: c * np.sin(x[i]), 1.0))
    for count, size in ((2, 6), (5, 6), (3, 9), (0, 4)):
        x = np.linspace(0.3, 1.2, size)
        value, gradient = f(x, count)
        np.testing.assert_allclose(value, np.prod(np.sin(x[:count])), rtol=1e-13)
        expected = np.where(np.arange(size) < count, value / np.tan(x), 0)
        np.testing.assert_allclose(gradient, expected, rtol=1e-12)
    assert f.cache_info()["programs"] == 1


def test_a_python_number_takes_the_dtype_of_the_body():
    x = X.astype(np.float32)
    assert graphc.jit(lambda x: graphc.fori_loop(0, 3, lambda i, c: c + x[i], 0))(x).dtype == np.float32
    assert graphc.jit(lambda x: graphc.fori_loop(0, 3, lambda i, c: c * i, x[0]))(x).dtype == np.float32


def test_while_runs_until_its_condition_fails():
    def newton(a):
        def unfinished(state):
            return np.abs(state[0] ** 2 - a) > 1e-12

        return graphc.while_loop(unfinished, lambda s: (0.5 * (s[0] + a / s[0]), s[1] + 1), (a, 0))

    root, steps = graphc.jit(newton)(9.0)
    expected = newton(9.0)
    assert (root, steps) == expected


def test_what_is_decided_by_python_needs_no_trace():
    assert graphc.cond(True, lambda v: v + 1, lambda v: v, 1) == 2
    assert graphc.scan(lambda s, v: (s + v, s), 0, None, length=0)[0] == 0


# --- errors -----------------------------------------------------------------------------------------------------------


def grows(x):
    return graphc.fori_loop(0, 3, lambda i, c: np.concatenate([c, c]), x)


def becomes_float(x):
    return graphc.fori_loop(0, 3, lambda i, c: c + 1.5, np.int64(3))


def loses_a_key(x):
    return graphc.fori_loop(0, 3, lambda i, c: {"a": c["a"]}, {"a": 1.0, "b": x})


def branches_differ(x):
    return graphc.cond(x[0] > 0, lambda: x, lambda: x[:2])


def condition_is_an_array(x):
    return graphc.while_loop(lambda v: v < 2, lambda v: v + 1, x)


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (grows, r"the carried value changes its shape in the loop: .*\(6,\) .*\(12,\)"),
        (becomes_float, "the carried value changes its dtype in the loop: it begins as a int64 number"),
        (loses_a_key, "the body of fori_loop must keep the structure"),
        (branches_differ, "the result differs between the branches"),
        (condition_is_an_array, "the condition of a while loop must be one bool"),
    ],
)
def test_errors_name_the_line_and_the_value(program, message):
    with pytest.raises(TraceTypeError, match=message) as caught:
        graphc.jit(program)(X)
    assert caught.value.location is not None
    assert caught.value.location.file == __file__


def test_an_index_outside_of_the_array_is_an_error():
    f = graphc.grad(lambda x, n: graphc.fori_loop(0, n, lambda i, c: c * x[i], 1.0))
    with pytest.raises(IndexRangeError, match="axis 0 with size 6"):
        f(X, 7)


def test_annotated_variables():
    def f(x):
        total: float = 0.0
        index: int
        for i in range(len(x)):
            twice: float = x[i] * 2
            if twice > 2:
                part: float = 3.0 * twice
            else:
                part = x[i]
            total += part * twice
            index = i
        return total * (index + 1)

    x = np.array([0.5, 2.0, 0.8])
    value, gradient = graphc.value_and_grad(f)(x)
    assert value == f(x)
    np.testing.assert_allclose(gradient, 3 * np.array([4 * 0.5, 24 * 2.0, 4 * 0.8]), rtol=1e-12)
