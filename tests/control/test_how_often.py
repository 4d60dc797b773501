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
