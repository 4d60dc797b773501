"""Compiled loops and branches equal interpreted ones: values, and the joint graphs of two orders."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.autodiff.adjoint import joint_vjp
from graphc.autodiff.requires_grad import mark
from graphc.ir.interp import interpret
from graphc.ir.text import parse
from graphc.ops.table import OPS
from graphc.passes.pipeline import optimize
from tests.codegen.run_graph import Compiled
from tests.control.graphs import GRAPHS
from tests.ops.one_op import float_marks


def assert_compiled_equals(graph, arrays):
    for found, expected in zip(Compiled(graph)(arrays), interpret(graph, arrays), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("name", GRAPHS)
def test_values(name):
    text, arrays = GRAPHS[name]
    assert_compiled_equals(optimize(parse(text, OPS), OPS), arrays)


@pytest.mark.parametrize("name", GRAPHS)
def test_joint_graphs(name):
    text, arrays = GRAPHS[name]
    graph = parse(text, OPS)
    seeds = [np.full_like(y, 0.7) for y in interpret(graph, arrays)]
    joint = optimize(joint_vjp(mark(graph, float_marks(graph)), OPS, "params"), OPS)
    assert_compiled_equals(joint, [*arrays, *seeds])


@pytest.mark.parametrize("name", GRAPHS)
def test_joint_graphs_of_second_order(name):
    text, arrays = GRAPHS[name]
    graph = parse(text, OPS)
    seeds = [np.full_like(y, 0.7) for y in interpret(graph, arrays)]
    first = optimize(joint_vjp(mark(graph, float_marks(graph)), OPS, "params"), OPS)
    more = [np.full_like(y, -0.4) for y in interpret(first, [*arrays, *seeds])]
    second = optimize(joint_vjp(mark(first, float_marks(first)), OPS, "params"), OPS)
    assert_compiled_equals(second, [*arrays, *seeds, *more])


def test_a_loop_over_the_entries_that_a_mask_takes_of_one_number():
    def selected(x):
        y = x[x > 0]
        total = 0.0
        for i in range(len(y)):
            total += y[i] ** 2 * (i + 1)
        return total

    for number in (1.5, -1.5):
        value, gradient = graphc.value_and_grad(selected)(np.array([number]))
        assert value == max(number, 0) ** 2
        assert gradient == 2 * max(number, 0)
