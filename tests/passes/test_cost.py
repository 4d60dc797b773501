"""Passes and derivatives cost in proportion to the graph: counted in calls, which no busy machine can change."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np
import pytest

import graphc
from graphc.abi import Relation
from graphc.autodiff.adjoint import joint_vjp
from graphc.autodiff.partition import split
from graphc.autodiff.prune import prune
from graphc.autodiff.tangent import jvp_graph
from graphc.ir.builder import Builder, finish
from graphc.ir.dims import symbol
from graphc.ir.graph import Graph, Value
from graphc.ir.shapes import Guard, ShapeFacts
from graphc.ir.types import F64, ArrayType
from graphc.ops.table import OPS
from graphc.passes.pipeline import optimize
from tests.schedule.programs import value_graph

n = symbol("n")


def graph_of(length: int, body: Callable[[Builder, Value, int], Value]) -> Graph:
    F = Builder(OPS, ShapeFacts([Guard(Relation.GE, n - 2)]))
    x = Value(ArrayType(F64, (n,)), True, "x")
    return finish(F, "f", [x], [F.reduce("sum", body(F, x, length), (0,))])


def chain(F: Builder, x: Value, length: int) -> Value:
    """Each step reads the last one."""
    value = x
    for _ in range(length // 4):
        value = F.mul(F.sub(F.tanh(value), 0.0), F.neg(value))
    return value


def fan(F: Builder, x: Value, length: int) -> Value:
    """Every step reads the input."""
    total = x
    for i in range(length // 2):
        total = F.add(total, F.mul(x, 1.5 + i))
    return total


def repeats(F: Builder, x: Value, length: int) -> Value:
    """The same few steps again and again, and movement that cancels."""
    total = x
    for _ in range(length // 4):
        there = F.broadcast_to(F.exp(x), (3, n))
        total = F.add(total, F.reduce("max", there, (0,)))
    return total


def calls(work: Callable[[], Any]) -> int:
    """Python functions entered while the work runs."""
    count = 0

    def trace(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(trace)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


WORK: dict[str, Callable[[Graph], Any]] = {
    "optimize": lambda graph: optimize(graph, OPS),
    "joint": lambda graph: joint_vjp(graph, OPS),
    "optimize the joint graph": lambda graph: optimize(joint_vjp(graph, OPS), OPS),
    "tangent": lambda graph: jvp_graph(graph, OPS),
    "prune": prune,
    "split": lambda graph: split(joint_vjp(graph, OPS, seeds="params"), OPS, 1, 1),
}


@pytest.mark.parametrize("name", WORK)
@pytest.mark.parametrize("body", [chain, fan, repeats], ids=lambda body: body.__name__)
def test_four_times_the_graph_costs_four_times_the_calls(name: str, body: Callable[..., Value]) -> None:
    small, large = (graph_of(length, body) for length in (250, 1000))
    WORK[name](graph_of(20, body))  # what is made once
    assert calls(lambda: WORK[name](large)) <= 4.4 * calls(lambda: WORK[name](small))


def test_a_body_that_passes_have_left_alone_is_not_walked_through_again() -> None:
    def iterated(x: Any, length: int) -> Any:
        for k in range(x.shape[0]):
            value = x[k] * x
            for _ in graphc.unroll(range(length)):
                value = np.tanh(value) * np.sum(value)
            x = value
        return x

    def again(length: int) -> int:
        settled = optimize(value_graph(lambda x: iterated(x, length), np.ones(5)), OPS)
        return calls(lambda: optimize(settled, OPS))

    again(1)
    assert again(20) < 2 * again(5)  # what the loop itself asks of its body
