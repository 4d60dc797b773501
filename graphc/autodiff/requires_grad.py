"""Marks: which values depend on a differentiated input, which reach the output, and which do both."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from graphc.autodiff.region_marks import mark_regions, useful_inputs, useful_inside
from graphc.errors import GradientError
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.regions import results_of, with_regions


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
    if node.regions:
        return mark_regions(with_regions(node, inputs, node.regions), [v.grad for v in inputs], mark)
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
            found.update(o for o in node.outputs if o.type.is_float and (o.grad or not node.regions))
    return found


def useful(graph: Graph, outputs: Sequence[Value] | None = None) -> set[Value]:
    """The values from which a differentiable path leads to one of the outputs (of the graph's, by default)."""
    found = {v for v in (graph.outputs if outputs is None else outputs) if v.type.is_float}
    for node in reversed(graph.nodes):
        if node.op.differentiable and any(o in found for o in node.outputs):
            inputs: Sequence[Value] = node.inputs
            if node.regions:
                flags = useful_inputs(node, [o in found for o in node.outputs], _useful_params)
                inputs = [v for v, flag in zip(inputs, flags, strict=True) if flag]
            found.update(v for v in inputs if v.type.is_float)
    return found


def _useful_params(region: Graph, outputs: Sequence[bool]) -> list[bool]:
    found = useful(region, [o for o, wanted in zip(region.outputs, outputs, strict=True) if wanted])
    return [p in found for p in region.params]


def marked_on(graph: Graph, kept: set[Value]) -> Graph:
    """The graph with the marks of these values only; parameters keep theirs."""
    new = {p: Value(p.type, p.grad, p.name) for p in graph.params}
    nodes = []
    for node in graph.nodes:
        inputs = tuple(new[v] for v in node.inputs)
        copied = with_regions(node, inputs, _restricted(node, kept))
        for old, fresh in zip(node.outputs, copied.outputs, strict=True):
            fresh.grad = old in kept
            new[old] = fresh
        nodes.append(copied)
    params, outputs = (tuple(new[v] for v in values) for values in (graph.params, graph.outputs))
    return Graph(graph.name, params, tuple(nodes), outputs, graph.guards, graph.ints)


def _restricted(node: Node, kept: set[Value]) -> list[Graph]:
    """The node's regions, marked where a value reaches an output that is kept."""
    if not node.regions:
        return []
    wanted = useful_inside(node, [o in kept for o in node.outputs], _useful_params)
    regions = list(node.regions[: len(node.regions) - len(results_of(node))])
    for region in results_of(node):
        reached = useful(region, [o for o, flag in zip(region.outputs, wanted, strict=True) if flag])
        values = {v for v in region.values() if v.grad and v in reached}
        new = marked_on(region, values)
        for old, param in zip(region.params, new.params, strict=True):
            param.grad = old in values
        regions.append(new)
    return regions


def active(graph: Graph, outputs: Sequence[Value] | None = None) -> set[Value]:
    """Varied and useful: the values that get an adjoint."""
    return varied(graph) & useful(graph, outputs)
