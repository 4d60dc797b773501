"""Reverse mode: one joint graph that computes the outputs and the gradient by every marked parameter.

Inactive values get no adjoint, a missing cotangent is None, and zeros are never materialised on the way. The result is
a graph like any other: mark it again and differentiate it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from graphc.autodiff.chain import pull_back
from graphc.errors import GradientError
from graphc.ir.builder import Builder
from graphc.ir.graph import Graph, Value
from graphc.ir.opdef import Op
from graphc.ir.rewrite import drop_dead
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import ArrayType
from graphc.passes.facts import NumberFacts


def joint_vjp(graph: Graph, ops: Mapping[str, Op], seeds: Literal["params"] | None = None) -> Graph:
    """The graph with one more output for each marked parameter: its gradient, of the parameter's dims and dtype.

    ``seeds=None``: the gradient of output 0, which must be a float scalar; it is seeded by 1, and other outputs pass
    through. ``seeds="params"``: one more parameter for each float output, its cotangent (``ct0``, ``ct1``, ... in
    order of the outputs). A parameter that nothing reaches gets zeros. Raises ``GradientError``.
    """
    if seeds is None:
        _check_scalar(graph)
    F = Builder(ops, ShapeFacts(graph.guards))
    F.nodes.extend(graph.nodes)  # nodes never change, so the two graphs share them
    reached, seed_params = _seed(F, graph.outputs, seeds)
    _reverse(F, reached, graph)
    gradients = tuple(_gradient(F, reached, p) for p in graph.params if p.grad)
    params, outputs = graph.params + seed_params, graph.outputs + gradients
    return drop_dead(Graph(graph.name, params, tuple(F.nodes), outputs, graph.guards, graph.ints))


class Reached:
    """The sum of the cotangents that have reached each value so far."""

    def __init__(self, F: Builder):
        self.F = F
        self.total: dict[Value, Value] = {}

    def add(self, value: Value, g: Value) -> None:
        before = self.total.get(value)
        self.total[value] = g if before is None else self.F.add(before, g)


def _check_scalar(graph: Graph) -> None:
    output = graph.outputs[0]
    location = output.node.location if output.node else None
    if output.dims != ():
        shape = ", ".join(map(str, output.dims)) + ("," if output.rank == 1 else "")
        message = f"grad needs a scalar output, and this one has shape ({shape}): sum it, or use graphc.vjp"
        raise GradientError(message, location=location)
    if not output.type.is_float:
        message = f"grad needs a floating output, and this one is {output.type.dtype}: it has no derivative"
        raise GradientError(message, location=location)


def _seed(F: Builder, outputs: tuple[Value, ...], seeds: str | None) -> tuple[Reached, tuple[Value, ...]]:
    """Where the reverse sweep starts: 1 at output 0, or a new parameter at each float output."""
    reached = Reached(F)
    if seeds is None:
        if outputs[0].grad:
            reached.add(outputs[0], F.constant(1.0, ArrayType(outputs[0].type.dtype)))
        return reached, ()
    params: list[Value] = []
    for output in outputs:
        if output.type.is_float:
            seed = Value(ArrayType(output.type.dtype, output.dims), name=f"ct{len(params)}")
            params.append(seed)
            if output.grad:
                reached.add(output, seed)
    return reached, tuple(params)


def _reverse(F: Builder, reached: Reached, graph: Graph) -> None:
    """Pull cotangents back through every node, last to first; new nodes belong to the forward node's line."""
    facts = NumberFacts()
    for node in reversed(graph.nodes):
        cotangents = tuple(reached.total.get(o) for o in node.outputs)
        if not any(v.grad for v in node.inputs) or all(g is None for g in cotangents):
            continue
        with F.at(node.location):
            for value, g in zip(node.inputs, pull_back(F, facts, node, cotangents), strict=True):
                if g is not None:
                    reached.add(value, g)


def _gradient(F: Builder, reached: Reached, param: Value) -> Value:
    found = reached.total.get(param)
    return F.zeros(param.type) if found is None else found
