"""How a pass builds the next graph: walk the nodes, keep each or put others in its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphc.ir.builder import Builder
from graphc.ir.dims import Expr, symbols_of
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Bind, Op
from graphc.ir.regions import with_regions
from graphc.ir.shapes import ShapeFacts
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
    if not facts.solved:
        return graph
    new = {p: Value(_resolve_type(p.type, facts), p.grad, p.name) for p in graph.params}
    nodes = []
    for node in graph.nodes:
        inputs = tuple(new[v] for v in node.inputs)
        attrs = {key: _resolve_attr(value, facts) for key, value in node.attrs.items()}
        types = [_resolve_type(o.type, facts) for o in node.outputs]
        regions = tuple(resolve_dims(region, facts) for region in node.regions)
        copied = Node(node.op, inputs, attrs, types, regions=regions, location=node.location)
        for old, fresh in zip(node.outputs, copied.outputs, strict=True):
            fresh.grad = old.grad
            new[old] = fresh
        nodes.append(copied)
    params, outputs = (tuple(new[v] for v in values) for values in (graph.params, graph.outputs))
    ints = tuple(facts.resolve(dim) for dim in graph.ints)
    return Graph(graph.name, params, tuple(nodes), outputs, graph.guards, ints)


def _resolve_type(type_: ArrayType, facts: ShapeFacts) -> ArrayType:
    return ArrayType(type_.dtype, tuple(facts.resolve(d) for d in type_.dims), type_.weak)


def _resolve_attr(attr: Any, facts: ShapeFacts) -> Any:
    if isinstance(attr, tuple):
        return tuple(_resolve_attr(part, facts) for part in attr)
    return facts.resolve(attr) if isinstance(attr, Expr) else attr


def drop_dead(graph: Graph) -> Graph:
    """Without the nodes that no output needs, and without what is dead in their regions."""
    return without_dead(graph)[0]


def without_dead(graph: Graph) -> tuple[Graph, set[Value]]:
    """The graph without dead nodes (the same one where there are none), and the values that its outputs need."""
    needed = set(graph.outputs)
    kept: list[Node] = []
    sizes: set[str] = set()  # symbols that count the iterations of loops
    trimmed: dict[Node, tuple[Node, list[int]]] = {}
    for node in reversed(graph.nodes):
        if any(o in needed for o in node.outputs) or (isinstance(node.op.kind, Bind) and node.attrs["symbol"] in sizes):
            kept.append(node)
            if node.regions:
                sizes |= symbols_of(node.attrs.get("trips", 0))
                trimmed[node] = trim(node, [o in needed for o in node.outputs], without_dead)
            needed.update(trimmed[node][0].inputs if node.regions else node.inputs)
    if len(kept) == len(graph.nodes) and all(new is old for old, (new, _) in trimmed.items()):
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
