"""Loops over lists that a loop has filled: of the program where they can be, else Python's; right either way."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import graphc
from graphc.config import override
from graphc.errors import UnsupportedError
from graphc.ops.table import OPS
from graphc.trace.record import trace
from graphc.trace.target import make_target

W = np.array([[0.4, -0.3, 0.2], [0.1, 0.6, -0.5], [0.3, 0.2, 0.7]])


def path(w):
    x, out = np.ones(3), []
    for _ in range(8):
        x = np.tanh(w @ x + 0.1)
        out.append(x)
    return out


def neighbours(w):
    out, s = path(w), 0.0
    for a, b in zip(out[:-1], out[1:], strict=True):  # noqa: RUF007
        s = s + np.sum(a * b**2)
    return s


def backwards(w):
    b, found = np.zeros(3), []
    for s in reversed(path(w)):
        b = np.tanh(w.T @ b + s)
        found.append(b)
    for s in found[::-1]:
        b = b * 0.5 + s
    return np.sum(b)


def the_best(w):
    out = path(w)
    best = out[0]
    for s in out:
        best = s if np.sum(s) > np.sum(best) else best
    best[0] = 5.0
    return np.sum(best)


def the_last_is_written_into_between(w):
    x, out = np.ones(3), []
    for _ in range(8):
        x = np.tanh(w @ x + 0.1)
        out.append(x)
    s = 0.0
    for a in out:
        s = s + np.sum(a**2)
    x[0] = 4.0
    return s + np.sum(out[-1]) + x[0]


def copies(w):
    table = np.vstack([w, 2 * w])
    rows, s = [table[k].copy() for k in range(6)], 0.0
    for row in rows:
        s = np.sin(s + np.sum(row))
    rows[2][0] = 7.0
    return s + np.sum(np.stack(rows)) + np.sum(table)


def numbers(w):
    s, out = 1.0, []
    for _ in range(8):
        s = np.sin(s * w[0, 0]) + w[1, 1]
        out.append(s)
    p = 1.0
    for k, v in enumerate(out):
        p = p * (v + k)
    return p


def comprehensions(w):
    out = path(w)
    return np.sum(np.array([np.sin(s) @ s for s in out])) + sum(np.sum(s) for s in out)


def a_row_was_written_into(w):
    out, s = path(w), 0.0
    out[3][1] = 9.0
    for v in out:
        s = s + np.sum(v**2)
    return s


def filled_by_a_while_loop(w):
    out, k = [np.ones(3)], 0
    while k < 12:
        out.append(np.tanh(w @ out[-1]))
        k += 1
    return np.sum(np.stack(out) ** 2) + k


STAGED = [(neighbours, 2), (backwards, 3), (the_best, 2), (the_last_is_written_into_between, 2), (copies, 1),
          (numbers, 2), (comprehensions, 3), (a_row_was_written_into, 1), (filled_by_a_while_loop, 1)]  # fmt: skip


def written_into(w):
    out = path(w)
    for s in out:
        s[:] = 2.0 * s
    return np.sum(np.stack(out) ** 2)


def appended_again(w):
    out, again = path(w), []
    for s in out:
        again.append(s)
    again[1][0] = 2.0
    return np.sum(np.stack(out) ** 2)


def needs_its_index(w):
    factors, s = [1.0, 2.0] * 4, 0.0
    for k, v in enumerate(path(w)):
        s = s + factors[k] * np.sum(v)
    return s


def by_itertools(w):
    return sum(np.sum(a * b) for a, b in itertools.pairwise(path(w)))


def until_it_is_long_enough(w):
    out = [np.ones(3)]
    while len(out) < 7:
        out.append(np.tanh(w @ out[-1]))
    return np.sum(np.stack(out) ** 2)


def counts_in_a_list(w):
    out, k = [], 0
    while k < 7:
        out.append(k)
        k += 1
    return np.sum(w[0, 0] * np.array(out)) + w[out[1], 0]


def writes_into_the_last_by_its_name(w):
    out, s = path(w), 0.0
    last = out[-1]
    for v in out:
        s = s + np.sum(v)
        last[0] += np.sin(s)
    return s + np.sum(np.stack(out) ** 2)


def filled_and_its_last(w):
    x, out = np.ones(3), []
    for _ in range(8):
        x = np.tanh(w @ x + 0.1)
        out.append(x)
    return out, x


def writes_into_the_variable(w):
    (out, x), s = filled_and_its_last(w), 0.0
    for v in out:
        s = s + np.sum(v)
        if s > 0.5:
            x[1] += s
    return s + np.sum(np.stack(out) ** 2)


def writes_into_a_view_of_the_variable(w):
    (out, x), s = filled_and_its_last(w), 0.0
    tail = x[1:]
    for v, b in zip(out, out[::-1], strict=True):
        s = s + np.sum(v * b)
        tail[0] += np.sin(s)
    return s


def writes_into_what_becomes_the_variable(w):
    (out, x), s = filled_and_its_last(w), 0.0
    y = np.zeros(3)
    for v in out:
        s = s + np.sum(v * w[0])
        y[0] += 1.0
        y = x
    return s


WRITTEN_OUT = [(writes_into_the_last_by_its_name, 1), (writes_into_the_variable, 1),
               (writes_into_a_view_of_the_variable, 1), (writes_into_what_becomes_the_variable, 1),
               (written_into, 1), (appended_again, 1), (needs_its_index, 1), (by_itertools, 1),
               (until_it_is_long_enough, 0), (counts_in_a_list, 0)]  # fmt: skip


@pytest.mark.parametrize(("program", "loops"), [*STAGED, *WRITTEN_OUT])
def test_value_and_gradient(program, loops):
    with override(disable_jit=True):
        value, gradient = graphc.value_and_grad(program)(W)
    np.testing.assert_allclose(value, program(W), rtol=1e-13)
    steps = 1e-6 * np.eye(9).reshape(9, 3, 3)
    slopes = [(program(W + step) - program(W - step)) / 2e-6 for step in steps]
    np.testing.assert_allclose(gradient.ravel(), slopes, rtol=1e-6, atol=1e-8)
    graph = trace(make_target(program), [W], {}, OPS).graph
    assert sum(node.op.name == "for" for node in graph.nodes) == loops


def writes_into_its_target_afterwards(w):
    out = path(w)
    for s in out:  # noqa: B007
        pass
    s[0] = 3.0
    return np.sum(np.stack(out) ** 2)


def writes_into_the_one_that_was_kept(w):
    out = path(w)
    best = out[0]
    for s in out:
        best = s if np.sum(s) > np.sum(best) else best
    best[0] = 5.0
    return np.sum(np.stack(out) ** 2)


@pytest.mark.parametrize("program", [writes_into_its_target_afterwards, writes_into_the_one_that_was_kept])
def test_what_may_be_an_item_is_not_written_into_afterwards(program):
    with override(disable_jit=True), pytest.raises(UnsupportedError, match="may share memory") as caught:
        graphc.grad(program)(W)
    assert caught.value.location is not None
    assert caught.value.location.file == __file__
