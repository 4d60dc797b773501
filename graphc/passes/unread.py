"""Routines that need not compute what nobody reads: vectors beside values, positions beside sorted elements.

>>> print(apply_to_text(without_unread, '''
... graph f(%a: f64[n,n]) -> (%0) {
...   %0: f64[n], %1: f64[n,n], %2: i64[] = symmetric_eigen %a
... }''', OPS))
graph f(%a: f64[n,n]) -> (%0) {
  %0: f64[n], %1: f64[n,n], %2: i64[] = symmetric_eigen %a values=True
}

The last thing before a graph is scheduled: nodes of the same matrix have become one by then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from graphc.ir.builder import Builder
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Op
from graphc.ir.regions import map_regions
from graphc.ir.rewrite import with_inputs
from graphc.ir.shapes import ShapeFacts

# op -> the results that it can do without, all of them together
OPTIONAL = {
    "sort": (1,), "symmetric_eigen": (1,), "symmetric_eigen_pairs": (1,), "singular": (0, 2), "singular_pairs": (0, 2),
    "eigen_pairs": (1,), "eigen_of_real": (1,),
}  # fmt: skip


def without_unread(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """The graph in which ``values`` stands at routines whose other results are not read; the same where none is."""
    return _marked(graph, ops, ShapeFacts(graph.guards))


def _marked(graph: Graph, ops: Mapping[str, Op], facts: ShapeFacts) -> Graph:
    read = {v for node in graph.nodes for v in node.inputs} | set(graph.outputs)
    F = Builder(ops, facts)
    new: dict[Value, Value] = {}
    for node in graph.nodes:
        current = with_inputs(node, tuple(new.get(v, v) for v in node.inputs))
        if current.regions:
            current = map_regions(current, lambda region: _marked(region, ops, facts))
        if _can_do_without(node, read):
            with F.at(node.location):
                current = F.raw(node.op, current.inputs, {**node.attrs, "values": True})
        else:
            F.nodes.append(current)
        if current is not node:
            new.update(zip(node.outputs, current.outputs, strict=True))
    if not new:
        return graph
    return replace(graph, nodes=tuple(F.nodes), outputs=tuple(new.get(v, v) for v in graph.outputs))


def _can_do_without(node: Node, read: set[Value]) -> bool:
    places = OPTIONAL.get(node.op.name)
    return places is not None and not any(node.outputs[k] in read for k in places)
