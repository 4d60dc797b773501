"""How often a body is traced: what it does is looked at before it is recorded, and that must not add up by powers."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.errors import GraphcWarning
from graphc.ir.builder import Builder
from graphc.ops.table import OPS
from graphc.trace.record import trace
from graphc.trace.target import make_target


def one(x):
    if x[0] > 0.1:
        x = np.sin(x)
    return x


def two(x):
    if x[0] > 0.2:
        x = one(x) + 1.0
    return x


def four(x):
    if x[0] > 0.3:
        x = two(x) + 2.0
        if x[0] > 0.4:
            x = two(x) + 3.0
    return x


def eight(x):
    if x[0] > 0.5:
        x = four(x) + 4.0
        if x[0] > 0.6:
            x = four(x) + 5.0
    return x


def loops(x):
    s = 1
    for _ in range(7):
        for _ in range(7):
            for _ in range(7):
                for _ in range(7):
                    s = np.sin(s + x[1])
    return s


def loops_that_write(x):
    u, path = np.zeros((7, 7, 7)), []
    for i in range(7):
        for j in range(7):
            for k in range(7):
                u[i, j, k] = np.sin(u[i - 1, j, k]) + x[1]
                path.append(u[i, j, k])
    return np.sum(np.array(path)) + u[3, 3, 3]


def loops_in_branches(x):
    s = x[0]
    for _ in range(7):
        if s > 0.3:
            while s < 3.0:
                if s > 0.4:
                    for _ in range(7):
                        s = np.sin(s) + x[1]
                s = s + 1.0
    return s


def ends_early(x):
    """The way on becomes a number of the program in the first iteration, and the loop begins with one."""
    for k in range(x.shape[0]):
        if x[k] > 0.7:
            continue
        x[k] = np.sin(x[k])
        if x[k] > 0.8:
            break
    return x


def sines(function, monkeypatch):
    """How many sines a trace has recorded and how many it has kept."""
    made = []

    def raw(self, op, *args, **kwargs):
        made.append(op.name)
        return original(self, op, *args, **kwargs)

    original = Builder.raw
    with monkeypatch.context() as patched:
        patched.setattr(Builder, "raw", raw)
        graph = trace(make_target(lambda x: function(x.copy())), [np.linspace(0.0, 1.0, 7)], {}, OPS).graph
    return made.count("sin"), str(graph).count(" = sin ")


def test_branches_in_branches(monkeypatch):
    assert [sines(function, monkeypatch) for function in (one, two, four, eight)] == [(2, 1), (3, 1), (9, 2), (24, 4)]


@pytest.mark.parametrize(("function", "made"), [(loops, 5), (loops_that_write, 4), (loops_in_branches, 6)])
def test_each_loop_and_branch_around_it_looks_at_a_body_once(function, made, monkeypatch):
    assert sines(function, monkeypatch) == (made, 1)


def test_a_loop_with_ways_out(monkeypatch):
    assert sines(ends_early, monkeypatch) == (3, 1)


def by_numbers(x, count):
    rows = {}
    for k in range(count):
        x = np.sin(x * 0.9 + 0.1 * k) * np.cos(x) + np.exp(-x)
        rows[k] = x
    return np.stack(list(rows.values()))


def test_a_long_loop_that_is_written_out_says_so_at_its_line():
    first = by_numbers.__code__.co_firstlineno + 2
    with pytest.warns(GraphcWarning, match="this loop is written out") as told:
        trace(make_target(lambda x: by_numbers(x, 70)), [np.linspace(0.0, 1.0, 7)], {}, OPS)
    (warning,) = told
    assert warning.filename == __file__
    assert warning.lineno == first


def test_a_short_one_says_nothing(recwarn):
    trace(make_target(lambda x: by_numbers(x, 40)), [np.linspace(0.0, 1.0, 7)], {}, OPS)
    assert not recwarn.list
