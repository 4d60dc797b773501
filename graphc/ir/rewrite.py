"""How a pass builds the next graph: walk the nodes, keep each or put others in its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, Expr
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Op
from graphc.ir.regions import with_regions
from graphc.ir.shapes import ShapeFacts
from graphc.ir.sizes import Needs
from graphc.ir.trim import trim
from graphc.ir.types import ArrayType

Visit = Callable[[Builder, Node, tuple[Value, ...]], Sequence[Value] | None]


def copy_param(param: Value) -> Value:
    return Value(param.type, param.grad, param.name)


def copy_node(builder: Builder, node: Node, inputs: tuple[Value, ...]) -> tuple[Value, ...]:
    """The same node over other inputs of the same types, appended; its outputs."""
    copied = Node(
        node.op, inputs, node.attrs, [o.type for o in node.outputs], regions=node.regions, location=node.location
    )
    for old, new in zip(node.outputs, copied.outputs, strict=True):
        new.grad = old.grad
    builder.nodes.append(copied)
    return copied.outputs


def rebuild(graph: Graph, ops: Mapping[str, Op], visit: Visit) -> Graph:
    """The graph with each node replaced by what ``visit(F, node, new inputs)`` returns, kept where that is None."""
    builder = Builder(ops, ShapeFacts(graph.guards))
    new: dict[Value, Value] = {param: copy_param(param) for param in graph.params}
    for node in graph.nodes:
        inputs = tuple(new[v] for v in node.inputs)
        with builder.at(node.location):
            outputs = visit(builder, node, inputs)
        if outputs is None:
            outputs = copy_node(builder, node, inputs)
        new.update(zip(node.outputs, outputs, strict=True))
    params = tuple(new[p] for p in graph.params)
    outputs_ = tuple(new[v] for v in graph.outputs)
    return Graph(graph.name, params, tuple(builder.nodes), outputs_, graph.guards, graph.ints)


def resolve_dims(graph: Graph, facts: ShapeFacts) -> Graph:
    """The graph in terms of the symbols that are left after a trace has unified dims."""
    return map_dims(graph, facts.resolve) if facts.solved else graph


def map_dims(graph: Graph, change: Callable[[Dim], Dim]) -> Graph:
    """The graph with each dim changed, in types and attrs; ``change`` is asked about the nodes in their order."""
    new = {p: Value(_map_type(p.type, change), p.grad, p.name) for p in graph.params}
    nodes = []
    for node in graph.nodes:
        inputs = tuple(new[v] for v in node.inputs)
        attrs = {key: _map_attr(value, change) for key, value in node.attrs.items()}
        types = [_map_type(o.type, change) for o in node.outputs]
        regions = tuple(map_dims(region, change) for region in node.regions)
        copied = Node(node.op, inputs, attrs, types, regions=regions, location=node.location)
        for old, fresh in zip(node.outputs, copied.outputs, strict=True):
            fresh.grad = old.grad
            new[old] = fresh
        nodes.append(copied)
    params, outputs = (tuple(new[v] for v in values) for values in (graph.params, graph.outputs))
    ints = tuple(map(change, graph.ints))
    return Graph(graph.name, params, tuple(nodes), outputs, graph.guards, ints)


def _map_type(type_: ArrayType, change: Callable[[Dim], Dim]) -> ArrayType:
    return ArrayType(type_.dtype, tuple(map(change, type_.dims)), type_.weak)


def _map_attr(attr: Any, change: Callable[[Dim], Dim]) -> Any:
    if isinstance(attr, tuple):
        return tuple(_map_attr(part, change) for part in attr)
    if isinstance(attr, Graph):
        return map_dims(attr, change)
    return change(attr) if isinstance(attr, Expr) else attr


_ALIVE: WeakKeyDictionary[Graph, set[Value]] = WeakKeyDictionary()  # of graphs without dead nodes: what is needed


def drop_dead(graph: Graph) -> Graph:
    """Without the nodes that no output needs, and without what is dead in their regions."""
    return without_dead(graph)[0]


def without_dead(graph: Graph) -> tuple[Graph, set[Value]]:
    """The graph without dead nodes (the same one where there are none), and the values that its outputs need."""
    if graph in _ALIVE:
        return graph, _ALIVE[graph]
    needed = set(graph.outputs)
    kept: list[Node] = []
    needs = Needs(graph)
    trimmed: dict[Node, tuple[Node, list[int]]] = {}
    for node in reversed(graph.nodes):
        if any(o in needed for o in node.outputs):
            kept.append(node)
            if node.regions:
                trimmed[node] = trim(node, [o in needed for o in node.outputs], without_dead)
            needed.update(needs.of(trimmed[node][0] if node.regions else node))
    if len(kept) == len(graph.nodes) and all(new is old for old, (new, _) in trimmed.items()):
        _ALIVE[graph] = needed
        return graph, needed
    kept.reverse()
    if not trimmed:
        return Graph(graph.name, graph.params, tuple(kept), graph.outputs, graph.guards, graph.ints), needed
    new: dict[Value, Value] = {}
    nodes = []
    for node in kept:
        current, indices = trimmed.get(node, (node, []))
        changed = with_inputs(current, tuple(new.get(v, v) for v in current.inputs))
        nodes.append(changed)
        old = [node.outputs[k] for k in indices] if node.regions else node.outputs
        new.update((a, b) for a, b in zip(old, changed.outputs, strict=True) if a is not b)
    outputs = tuple(new.get(v, v) for v in graph.outputs)
    return Graph(graph.name, graph.params, tuple(nodes), outputs, graph.guards, graph.ints), needed


def with_inputs(node: Node, inputs: tuple[Value, ...]) -> Node:
    """The node over these inputs; the very node when they are its own (nodes never change, so graphs share them)."""
    if inputs == node.inputs:
        return node
    copied = with_regions(node, inputs, node.regions)
    carries = any(v.grad for v in inputs)
    for fresh in copied.outputs:
        fresh.grad = fresh.grad and carries  # a rule may have found that no derivative comes through here
    return copied


def inline(builder: Builder, graph: Graph, arguments: Sequence[Value]) -> list[Value]:
    """Append the graph's nodes to the builder's, its parameters replaced by the arguments; the outputs, unmarked."""
    new = dict(zip(graph.params, arguments, strict=True))
    for node in graph.nodes:
        outputs = copy_node(builder, node, tuple(new[v] for v in node.inputs))
        for output in outputs:
            output.grad = False
        new.update(zip(node.outputs, outputs, strict=True))
    return [new[v] for v in graph.outputs]
