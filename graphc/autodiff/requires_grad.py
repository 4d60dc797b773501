"""Marks: which values depend on a differentiated input, which reach the output, and which do both."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from graphc.errors import GradientError
from graphc.ir.graph import Graph, Node, Value


def mark(graph: Graph, marks: Sequence[bool]) -> Graph:
    """The graph with ``marks[i]`` on parameter i, and the marks of all other values derived from those.

    Old marks are forgotten, so a graph that was differentiated by some inputs can be differentiated by others.
    Raises ``GradientError`` for a mark on a parameter that is not floating.
    """
    new: dict[Value, Value] = {}
    for param, marked in zip(graph.params, marks, strict=True):
        if marked and not param.type.is_float:
            raise GradientError(
                f"input {param.name!r} is {param.type}: only floating inputs can be differentiated; "
                "convert it to float, or leave it out of argnums"
            )
        new[param] = Value(param.type, bool(marked), param.name)
    nodes = []
    for node in graph.nodes:
        copied = _copy(node, tuple(new[v] for v in node.inputs))
        new.update(zip(node.outputs, copied.outputs, strict=True))
        nodes.append(copied)
    params, outputs = (tuple(new[v] for v in values) for values in (graph.params, graph.outputs))
    return Graph(graph.name, params, tuple(nodes), outputs, graph.guards, graph.ints)


def _copy(node: Node, inputs: tuple[Value, ...]) -> Node:
    types = [o.type for o in node.outputs]
    copied = Node(node.op, inputs, node.attrs, types, regions=node.regions, location=node.location)
    grad = carries(node, inputs)
    for output in copied.outputs:
        output.grad = grad and output.type.is_float
    return copied


def carries(node: Node, inputs: Iterable[Value]) -> bool:
    """True where the node passes a derivative on: its op has one, and one of its inputs is marked."""
    return node.op.differentiable and any(v.grad for v in inputs)


def varied(graph: Graph) -> set[Value]:
    """The values that depend on a marked parameter by a differentiable path."""
    found = {param for param in graph.params if param.grad}
    for node in graph.nodes:
        if node.op.differentiable and any(v in found for v in node.inputs):
            found.update(o for o in node.outputs if o.type.is_float)
    return found


def useful(graph: Graph, outputs: Sequence[Value] | None = None) -> set[Value]:
    """The values from which a differentiable path leads to one of the outputs (of the graph's, by default)."""
    found = {v for v in (graph.outputs if outputs is None else outputs) if v.type.is_float}
    for node in reversed(graph.nodes):
        if node.op.differentiable and any(o in found for o in node.outputs):
            found.update(v for v in node.inputs if v.type.is_float)
    return found


def active(graph: Graph, outputs: Sequence[Value] | None = None) -> set[Value]:
    """Varied and useful: the values that get an adjoint."""
    return varied(graph) & useful(graph, outputs)
